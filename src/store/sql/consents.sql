-- What was stored under a consent that is withdrawn goes, a batch at a time.
--! consents_purge_analytics exec @system
--: limit int = 1000
DELETE FROM analytics_events WHERE id IN (SELECT e.id FROM consents c JOIN analytics_events e ON e.user_id = c.user_id
WHERE c.purpose = 'analytics' AND NOT c.granted LIMIT :limit);

--! consents_purge_telemetry exec @system
--: limit int = 1000
DELETE FROM completion_telemetry WHERE request_id IN (SELECT t.request_id FROM consents c
JOIN completion_telemetry t ON t.user_id = c.user_id WHERE c.purpose = 'telemetry' AND NOT c.granted LIMIT :limit);

--! consents_purge_contexts exec @system
--: limit int = 1000
DELETE FROM completion_contexts WHERE request_id IN (SELECT x.request_id FROM consents c
JOIN completion_contexts x ON x.user_id = c.user_id WHERE c.purpose = 'context_storage' AND NOT c.granted LIMIT :limit);

--! consents_purge_sources exec @system
--: limit int = 1000
DELETE FROM completion_context_sources WHERE (request_id, position) IN (SELECT s.request_id, s.position FROM consents c
JOIN completion_context_sources s ON s.user_id = c.user_id
WHERE c.purpose = 'context_storage' AND NOT c.granted LIMIT :limit);

--! consents_purge_truths exec @system
--: limit int = 1000
DELETE FROM ground_truths WHERE (request_id, truth_timestamp) IN (SELECT g.request_id, g.truth_timestamp FROM consents c
JOIN ground_truths g ON g.user_id = c.user_id WHERE c.purpose = 'context_storage' AND NOT c.granted LIMIT :limit);
