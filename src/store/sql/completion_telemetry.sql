-- Consent withdrawn: not only anonymous, but gone.
--! completion_telemetry_purge exec @system
--: user_id completion_telemetry.user_id
DELETE FROM completion_telemetry WHERE user_id = :user_id;
