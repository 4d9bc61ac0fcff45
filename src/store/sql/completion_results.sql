--! completion_results_of_request many
--: request_id completion_results.request_id
--> completion_results.*
SELECT {columns completion_results r} FROM completion_results r
WHERE {read completion_results r} AND r.request_id = :request_id ORDER BY r.rank;

-- What the person did with a result. `accepted_length` never shrinks while it stays accepted.
--! completion_results_feedback exec @must
--: request_id completion_results.request_id
--: id completion_results.id
--: accepted completion_results.accepted
--: accepted_at completion_results.accepted_at
--: accepted_length completion_results.accepted_length
--: accept_kind completion_results.accept_kind
--: modified_text completion_results.modified_text
--: modified_chars completion_results.modified_chars
--: retained completion_results.retained
UPDATE completion_results SET accepted = :accepted, accepted_at = COALESCE(accepted_at, :accepted_at),
accepted_length = CASE WHEN :accepted_length IS NULL OR (accepted AND accepted_length > :accepted_length)
THEN accepted_length ELSE :accepted_length END,
accept_kind = COALESCE(:accept_kind, accept_kind), modified_text = COALESCE(:modified_text, modified_text),
modified_chars = COALESCE(:modified_chars, modified_chars), retained = COALESCE(:retained, retained),
is_ignored = FALSE, feedback_at = :now
WHERE {write completion_results} AND request_id = :request_id AND id = :id;

-- Accepting one result refuses its neighbours.
--! completion_results_refuse_others exec
--: request_id completion_results.request_id
--: id completion_results.id
UPDATE completion_results SET accepted = FALSE, feedback_at = :now
WHERE {write completion_results} AND request_id = :request_id AND id <> :id AND accepted IS NULL;

-- Still there unchanged after a while; the horizon columns are set one by one.
--! completion_results_kept exec @must
--: request_id completion_results.request_id
--: id completion_results.id
--: retained_10s completion_results.retained_10s
--: retained_2m completion_results.retained_2m
--: retained_10m completion_results.retained_10m
UPDATE completion_results SET retained_10s = COALESCE(:retained_10s, retained_10s),
retained_2m = COALESCE(:retained_2m, retained_2m), retained_10m = COALESCE(:retained_10m, retained_10m),
retained = COALESCE(:retained_10m, :retained_2m, :retained_10s, retained), feedback_at = :now
WHERE {write completion_results} AND request_id = :request_id AND id = :id;
