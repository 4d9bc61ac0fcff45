-- Conversations end by their own schedule, else by their owner's; without one they stay.
--! conversations_expire_scheduled exec @system
--: limit int = 1000
-- @sqlite
DELETE FROM conversations WHERE id IN (SELECT c.id FROM conversations c
LEFT JOIN user_preferences p ON p.user_id = c.user_id
WHERE COALESCE(c.last_message_at, c.created_at) <
:now - COALESCE(c.retention_days, p.conversation_retention_days) * 86400000 LIMIT :limit);
-- @pg
DELETE FROM conversations WHERE id IN (SELECT c.id FROM conversations c
LEFT JOIN user_preferences p ON p.user_id = c.user_id
WHERE COALESCE(c.last_message_at, c.created_at) <
:now - make_interval(days => COALESCE(c.retention_days, p.conversation_retention_days)::int) LIMIT :limit);
