-- Adds work unless the same (type and dedupe key) waits or runs already; 0 rows changed then.
--! jobs_enqueue exec @system
--: id jobs.id
--: job_type jobs.job_type
--: payload json = {}
--: priority int = 100
--: dedupe_key jobs.dedupe_key
--: user_id jobs.user_id
--: repository_id jobs.repository_id
--: run_at timestamp = now
--: max_attempts int = 5
INSERT INTO jobs (id, job_type, payload, priority, dedupe_key, user_id, repository_id, run_at, max_attempts, created_at)
VALUES (:id, :job_type, :payload, :priority, :dedupe_key, :user_id, :repository_id, :run_at, :max_attempts, :now)
ON CONFLICT DO NOTHING;

-- The next due job of these types (or the one with this id) for worker `locked_by`, leased until `locked_until`.
--! jobs_claim one @system
--: job_types text[] = []
--: id id?
--: locked_by jobs.locked_by
--: locked_until jobs.locked_until
--> jobs.*
-- @sqlite
UPDATE jobs SET status = 'running', locked_by = :locked_by, locked_until = :locked_until,
attempts = attempts + 1, started_at = :now WHERE id = (SELECT j.id FROM jobs j WHERE j.status = 'queued'
AND j.run_at <= :now AND (:id IS NULL OR j.id = :id) AND j.job_type IN (SELECT value FROM json_each(:job_types))
ORDER BY j.priority, j.run_at, j.id LIMIT 1)
RETURNING {columns jobs};
-- @pg
UPDATE jobs SET status = 'running', locked_by = :locked_by, locked_until = :locked_until,
attempts = attempts + 1, started_at = :now WHERE id = (SELECT j.id FROM jobs j WHERE j.status = 'queued'
AND j.run_at <= :now AND (:id IS NULL OR j.id = :id) AND j.job_type = ANY (:job_types)
ORDER BY j.priority, j.run_at, j.id LIMIT 1
FOR UPDATE SKIP LOCKED) RETURNING {columns jobs};

-- Holds the lease; 0 rows changed when it was lost or the job cancelled.
--! jobs_beat exec @system
--: id jobs.id
--: locked_by jobs.locked_by
--: locked_until jobs.locked_until
UPDATE jobs SET locked_until = :locked_until
WHERE id = :id AND locked_by = :locked_by AND status = 'running';

--! jobs_succeed exec @system
--: id jobs.id
--: locked_by jobs.locked_by
--: result jobs.result
UPDATE jobs SET status = 'succeeded', result = :result, locked_by = NULL, locked_until = NULL,
finished_at = :now WHERE id = :id AND locked_by = :locked_by AND status = 'running';

-- Back to the queue at `run_at`; failed for good once its attempts are used up, or when trying again is no use.
--! jobs_fail exec @system
--: id jobs.id
--: locked_by jobs.locked_by
--: last_error jobs.last_error
--: run_at timestamp
--: for_good bool
UPDATE jobs SET status = CASE WHEN :for_good OR attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
finished_at = CASE WHEN :for_good OR attempts >= max_attempts THEN :now ELSE NULL END,
last_error = :last_error, run_at = :run_at, locked_by = NULL, locked_until = NULL
WHERE id = :id AND locked_by = :locked_by AND status = 'running';

-- Handed back by a server that stops: the next one begins it anew, and the attempt does not count.
--! jobs_release exec @system
--: id jobs.id
--: locked_by jobs.locked_by
UPDATE jobs SET status = 'queued', attempts = attempts - 1, locked_by = NULL, locked_until = NULL, started_at = NULL
WHERE id = :id AND locked_by = :locked_by AND status = 'running';

--! jobs_cancel exec @system
--: id jobs.id
UPDATE jobs SET status = 'cancelled', finished_at = :now, locked_by = NULL, locked_until = NULL
WHERE id = :id AND status IN ('queued', 'running');

-- Jobs whose worker has vanished: lapsed leases go back to the queue.
--! jobs_reclaim exec @system
UPDATE jobs SET status = CASE WHEN attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
finished_at = CASE WHEN attempts >= max_attempts THEN :now ELSE NULL END,
last_error = 'the worker vanished', locked_by = NULL, locked_until = NULL
WHERE status = 'running' AND locked_until < :now;

-- The newest job of a repository.
--! jobs_latest_of_repository one @system
--: repository_id jobs.repository_id
--> jobs.*
SELECT {columns jobs} FROM jobs WHERE repository_id = :repository_id ORDER BY id DESC LIMIT 1;

-- The one that waits or runs under this key.
--! jobs_active one @system
--: job_type jobs.job_type
--: dedupe_key jobs.dedupe_key
--> jobs.*
SELECT {columns jobs} FROM jobs WHERE job_type = :job_type AND dedupe_key = :dedupe_key
AND status IN ('queued', 'running');

-- Asked for by hand: at once, with all its attempts again. 0 rows changed when it runs or is done.
--! jobs_retry exec @system
--: id jobs.id
UPDATE jobs SET status = 'queued', run_at = :now, attempts = 0, finished_at = NULL
WHERE id = :id AND status IN ('queued', 'failed', 'cancelled');

-- When the timer must look again: work that is due while somebody is `free`, a lease that lapses, a schedule.
--! jobs_next_due one @system
--: job_types text[] = []
--: free bool
--> due timestamp?
-- @sqlite
SELECT MIN(due) AS due FROM (
SELECT MIN(run_at) AS due FROM jobs WHERE :free AND status = 'queued' AND job_type IN (SELECT value FROM json_each(:job_types))
UNION ALL SELECT MIN(locked_until) FROM jobs WHERE status = 'running'
UNION ALL SELECT MIN(next_run_at) FROM job_schedules WHERE is_enabled) moments;
-- @pg
SELECT MIN(due) AS due FROM (
SELECT MIN(run_at) AS due FROM jobs WHERE :free AND status = 'queued' AND job_type = ANY (:job_types)
UNION ALL SELECT MIN(locked_until) FROM jobs WHERE status = 'running'
UNION ALL SELECT MIN(next_run_at) FROM job_schedules WHERE is_enabled) moments;

-- One page, newest first; `before_id` nil = from the newest. Empty status or type = any.
--! jobs_page many @system
--: before_id id?
--: user_id id?
--: status text
--: job_type text
--: limit int = 50
--> jobs.*
SELECT {columns jobs} FROM jobs WHERE (:before_id IS NULL OR id < :before_id)
AND (:user_id IS NULL OR user_id = :user_id) AND (:status = '' OR status = :status)
AND (:job_type = '' OR job_type = :job_type) ORDER BY id DESC LIMIT :limit;
