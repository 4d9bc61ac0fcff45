-- Consent withdrawn: not only anonymous, but gone.
--! analytics_events_purge exec @system
--: user_id analytics_events.user_id
DELETE FROM analytics_events WHERE user_id = :user_id;
