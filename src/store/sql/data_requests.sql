-- What people asked for and nobody has begun, the most urgent first.
--! data_requests_pending many @system
--: limit int = 100
--> data_requests.*
SELECT {columns data_requests} FROM data_requests WHERE status = 'pending' AND kind IN ('export', 'erase', 'restrict')
ORDER BY due_at, id LIMIT :limit;

--! data_requests_begin exec @system
--: id data_requests.id
UPDATE data_requests SET status = 'running' WHERE id = :id AND kind <> 'restrict'
AND status IN ('pending', 'running');

-- A restriction is in force while its request is running.
--! data_requests_impose exec @system
--: id data_requests.id
UPDATE data_requests SET status = 'running' WHERE id = :id AND kind = 'restrict' AND status = 'pending';

--! data_requests_lift exec @system
--: user_id data_requests.user_id
UPDATE data_requests SET status = 'done', completed_at = :now WHERE user_id = :user_id AND kind = 'restrict'
AND status IN ('pending', 'running');

--! data_requests_restricted one @system
--: user_id data_requests.user_id
--> count int
SELECT count(*) AS count FROM data_requests WHERE user_id = :user_id AND kind = 'restrict' AND status = 'running';

--! data_requests_finish exec @system @must
--: id data_requests.id
--: status data_requests.status
--: report data_requests.report
--: result_blob_id data_requests.result_blob_id
UPDATE data_requests SET status = :status, report = :report, result_blob_id = :result_blob_id, completed_at = :now WHERE id = :id;

-- What exports gave is referred to no longer, so the sweep of blobs takes it.
--! data_requests_let_go exec @system
--: before timestamp
UPDATE data_requests SET result_blob_id = NULL WHERE result_blob_id IS NOT NULL AND completed_at < :before;
