-- What people asked for and nobody has begun, the most urgent first.
--! data_requests_pending many @system
--: limit int = 100
--> data_requests.*
SELECT {columns data_requests} FROM data_requests WHERE status = 'pending' AND kind IN ('export', 'erase')
ORDER BY due_at, id LIMIT :limit;

--! data_requests_begin exec @system
--: id data_requests.id
UPDATE data_requests SET status = 'running' WHERE id = :id AND status IN ('pending', 'running');

--! data_requests_finish exec @system @must
--: id data_requests.id
--: status data_requests.status
--: report data_requests.report
UPDATE data_requests SET status = :status, report = :report, completed_at = :now WHERE id = :id;
