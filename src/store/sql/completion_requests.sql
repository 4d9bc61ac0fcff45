-- One page of a person's requests, newest first. Nil and empty filters match everything.
--! completion_requests_page many
--: before_id id?
--: repository_id id?
--: language text
--: status text
--: limit int = 50
--> completion_requests.*
SELECT {columns completion_requests c} FROM completion_requests c
WHERE {read completion_requests c} AND (:before_id IS NULL OR c.id < :before_id)
AND (:repository_id IS NULL OR c.repository_id = :repository_id)
AND (:language = '' OR c.language = :language) AND (:status = '' OR c.status = :status)
ORDER BY c.id DESC LIMIT :limit;

-- The caller's own id of a recent request.
--! completion_requests_by_client_id one
--: client_request_id completion_requests.client_request_id
--> completion_requests.*
SELECT {columns completion_requests c} FROM completion_requests c
WHERE {read completion_requests c} AND c.client_request_id = :client_request_id ORDER BY c.id DESC LIMIT 1;

-- One step of the life cycle, as compare-and-set: 0 rows changed when the state is not `from_state` any
-- more, or the request is not this person's. Which steps exist is assist/lifecycle's table.
--! completion_requests_step exec
--: id completion_requests.id
--: from_state completion_requests.state
--: to_state completion_requests.state
--: state_timings completion_requests.state_timings
UPDATE completion_requests SET state = :to_state, state_timings = :state_timings
WHERE {write completion_requests} AND id = :id AND state = :from_state;

-- Requests a dead server left open end as cancelled.
--! completion_requests_sweep exec @system
--: created_before timestamp
UPDATE completion_requests SET status = 'cancelled', state = 'cancelled', finished_at = :now
WHERE status = 'pending' AND created_at < :created_before;

-- Delivered long ago and never answered.
--! completion_results_mark_ignored exec @system
--: created_before timestamp
UPDATE completion_results SET is_ignored = TRUE
WHERE accepted IS NULL AND NOT is_ignored AND created_at < :created_before;
