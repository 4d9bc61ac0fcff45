--! completion_context_sources_of_request many
--: request_id completion_context_sources.request_id
--> completion_context_sources.*
SELECT {columns completion_context_sources s} FROM completion_context_sources s
WHERE {read completion_context_sources s} AND s.request_id = :request_id ORDER BY s.position;
