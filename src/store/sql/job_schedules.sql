-- A built-in schedule, unless it is there: what an administrator changed stays changed.
--! job_schedules_seed exec @system
--: name job_schedules.name
--: cron job_schedules.cron
--: job_type job_schedules.job_type
--: next_run_at job_schedules.next_run_at
INSERT INTO job_schedules (name, cron, job_type, next_run_at) VALUES (:name, :cron, :job_type, :next_run_at)
ON CONFLICT DO NOTHING;

--! job_schedules_due many @system
--: limit int = 100
--> job_schedules.*
SELECT {columns job_schedules} FROM job_schedules WHERE is_enabled AND next_run_at <= :now ORDER BY next_run_at, name
LIMIT :limit;

-- Takes the moment `due` of a schedule: of all servers that try, one changes a row.
--! job_schedules_take exec @system
--: name job_schedules.name
--: due timestamp
--: next_run_at job_schedules.next_run_at
UPDATE job_schedules SET next_run_at = :next_run_at, last_run_at = :now
WHERE name = :name AND next_run_at = :due AND is_enabled;

-- By the administrator.
--! job_schedules_change exec @system
--: name job_schedules.name
--: cron job_schedules.cron
--: is_enabled bool
--: next_run_at job_schedules.next_run_at
UPDATE job_schedules SET cron = :cron, is_enabled = :is_enabled, next_run_at = :next_run_at WHERE name = :name;
