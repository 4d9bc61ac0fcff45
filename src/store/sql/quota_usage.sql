--! quota_usage_of_person many @system
--: subject_id quota_usage.subject_id
--> quota_usage.*
SELECT {columns quota_usage} FROM quota_usage WHERE subject_type = 'user' AND subject_id = :subject_id
ORDER BY metric, period_start;

--! quota_usage_erase_person exec @system
--: subject_id quota_usage.subject_id
DELETE FROM quota_usage WHERE subject_type = 'user' AND subject_id = :subject_id;
