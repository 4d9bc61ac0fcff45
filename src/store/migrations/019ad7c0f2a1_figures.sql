-- revision: 019ad7c0f2a1
-- revises: 000000000001
-- message: figures as materialised views
-- date: 2026-11-28

-- @up
-- @sqlite
CREATE TABLE mv_completion_daily (
  day INTEGER NOT NULL,
  completion_type TEXT NOT NULL,
  language TEXT NOT NULL,
  model_used TEXT NOT NULL,
  requests INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  shown INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  retained INTEGER NOT NULL,
  cache_hits INTEGER NOT NULL,
  p50_ms INTEGER,
  p95_ms INTEGER,
  p99_ms INTEGER,
  PRIMARY KEY (day, completion_type, language, model_used)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_model_quality_daily (
  day INTEGER NOT NULL,
  model_id INTEGER NOT NULL,
  results INTEGER NOT NULL,
  acceptance REAL NOT NULL,
  retention REAL,
  mean_confidence REAL,
  truths INTEGER NOT NULL,
  truth_matches INTEGER NOT NULL,
  PRIMARY KEY (day, model_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_active_users_daily (
  day INTEGER NOT NULL,
  tier TEXT NOT NULL,
  users INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (day, tier)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_user_activity_daily (
  day INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (day, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_team_usage_daily (
  day INTEGER NOT NULL,
  team_id TEXT NOT NULL,
  calls INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  PRIMARY KEY (day, team_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_learning_daily (
  day INTEGER NOT NULL,
  skill_area TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  success_rate REAL NOT NULL,
  PRIMARY KEY (day, skill_area)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_latency_hourly (
  hour INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  requests INTEGER NOT NULL,
  p50_ms INTEGER NOT NULL,
  p95_ms INTEGER NOT NULL,
  under_2s REAL NOT NULL,
  PRIMARY KEY (hour, endpoint)
) STRICT, WITHOUT ROWID;
CREATE TABLE mv_experiment_results (
  experiment_id TEXT NOT NULL,
  variant TEXT NOT NULL,
  metric TEXT NOT NULL,
  people INTEGER NOT NULL,
  value REAL,
  PRIMARY KEY (experiment_id, variant, metric)
) STRICT, WITHOUT ROWID;

-- @pg
GRANT CREATE ON SCHEMA public TO codementor_worker;
CREATE MATERIALIZED VIEW mv_completion_daily AS WITH outcomes AS (SELECT request_id, MAX(CASE WHEN cardinality(shown_at) > 0 THEN 1 ELSE 0 END) AS shown, MAX(CASE WHEN accepted THEN 1 ELSE 0 END) AS accepted, MAX(CASE WHEN retained THEN 1 ELSE 0 END) AS retained FROM completion_results GROUP BY request_id), base AS (SELECT date_trunc('day', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, q.completion_type, COALESCE(q.language, '') AS language, COALESCE(q.model_used, '') AS model_used, q.latency_ms, CASE WHEN q.cache_hit THEN 1 ELSE 0 END AS cache_hit, CASE WHEN q.state IN ('delivered', 'accepted', 'rejected', 'retained', 'modified') THEN 1 ELSE 0 END AS delivered, COALESCE(o.shown, 0) AS shown, COALESCE(o.accepted, 0) AS accepted, COALESCE(o.retained, 0) AS retained FROM completion_requests q LEFT JOIN outcomes o ON o.request_id = q.id), ranked AS (SELECT base.*, ROW_NUMBER() OVER (PARTITION BY day, completion_type, language, model_used ORDER BY latency_ms IS NULL, latency_ms) AS place, COUNT(latency_ms) OVER (PARTITION BY day, completion_type, language, model_used) AS timed FROM base) SELECT day, completion_type, language, model_used, COUNT(*) AS requests, CAST(SUM(delivered) AS BIGINT) AS delivered, CAST(SUM(shown) AS BIGINT) AS shown, CAST(SUM(accepted) AS BIGINT) AS accepted, CAST(SUM(retained) AS BIGINT) AS retained, CAST(SUM(cache_hit) AS BIGINT) AS cache_hits, MIN(CASE WHEN place >= (timed * 50 + 99) / 100 THEN latency_ms END) AS p50_ms, MIN(CASE WHEN place >= (timed * 95 + 99) / 100 THEN latency_ms END) AS p95_ms, MIN(CASE WHEN place >= (timed * 99 + 99) / 100 THEN latency_ms END) AS p99_ms FROM ranked GROUP BY day, completion_type, language, model_used WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_completion_daily_key ON mv_completion_daily (day, completion_type, language, model_used);
ALTER MATERIALIZED VIEW mv_completion_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_completion_daily_rows() RETURNS SETOF mv_completion_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_completion_daily v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_completion_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_completion_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_completion_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_completion_daily;
CREATE MATERIALIZED VIEW mv_model_quality_daily AS WITH base AS (SELECT date_trunc('day', r.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, COALESCE(r.model_id, 0) AS model_id, r.confidence_score, CASE WHEN r.accepted THEN 1 ELSE 0 END AS accepted, CASE WHEN r.accepted AND r.retained THEN 1 ELSE 0 END AS kept, CASE WHEN EXISTS (SELECT 1 FROM ground_truths g WHERE g.request_id = r.request_id) THEN 1 ELSE 0 END AS truth, CASE WHEN EXISTS (SELECT 1 FROM ground_truths g WHERE g.request_id = r.request_id AND g.ground_truth = r.completion_text) THEN 1 ELSE 0 END AS truth_match FROM completion_results r) SELECT day, model_id, COUNT(*) AS results, CAST(SUM(accepted) AS DOUBLE PRECISION) / COUNT(*) AS acceptance, CAST(SUM(kept) AS DOUBLE PRECISION) / NULLIF(SUM(accepted), 0) AS retention, AVG(confidence_score) AS mean_confidence, CAST(SUM(truth) AS BIGINT) AS truths, CAST(SUM(truth_match) AS BIGINT) AS truth_matches FROM base GROUP BY day, model_id WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_model_quality_daily_key ON mv_model_quality_daily (day, model_id);
ALTER MATERIALIZED VIEW mv_model_quality_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_model_quality_daily_rows() RETURNS SETOF mv_model_quality_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_model_quality_daily v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_model_quality_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_model_quality_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_model_quality_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_model_quality_daily;
CREATE MATERIALIZED VIEW mv_active_users_daily AS SELECT date_trunc('day', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, u.subscription_tier AS tier, COUNT(DISTINCT q.user_id) AS users, COUNT(*) AS requests FROM completion_requests q JOIN users u ON u.id = q.user_id GROUP BY date_trunc('day', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', u.subscription_tier WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_active_users_daily_key ON mv_active_users_daily (day, tier);
ALTER MATERIALIZED VIEW mv_active_users_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_active_users_daily_rows() RETURNS SETOF mv_active_users_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_active_users_daily v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_active_users_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_active_users_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_active_users_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_active_users_daily;
CREATE MATERIALIZED VIEW mv_user_activity_daily AS SELECT date_trunc('day', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, q.user_id, COUNT(*) AS requests, CAST(SUM(CASE WHEN EXISTS (SELECT 1 FROM completion_results r WHERE r.request_id = q.id AND r.accepted) THEN 1 ELSE 0 END) AS BIGINT) AS accepted, CAST(SUM(COALESCE(q.prompt_tokens, 0)) AS BIGINT) AS prompt_tokens, CAST(SUM(COALESCE(q.completion_tokens, 0)) AS BIGINT) AS completion_tokens FROM completion_requests q WHERE q.user_id IS NOT NULL GROUP BY date_trunc('day', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', q.user_id WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_user_activity_daily_key ON mv_user_activity_daily (day, user_id);
ALTER MATERIALIZED VIEW mv_user_activity_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_user_activity_daily_rows() RETURNS SETOF mv_user_activity_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_user_activity_daily v WHERE (v.user_id = app_uid() OR EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_user_activity_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_user_activity_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_user_activity_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_user_activity_daily;
CREATE MATERIALIZED VIEW mv_team_usage_daily AS SELECT date_trunc('day', c.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, c.team_id, COUNT(*) AS calls, CAST(SUM(c.prompt_tokens) AS BIGINT) AS prompt_tokens, CAST(SUM(c.completion_tokens) AS BIGINT) AS completion_tokens, CAST(SUM(c.cost_micros) AS BIGINT) AS cost_micros FROM llm_calls c WHERE c.team_id IS NOT NULL GROUP BY date_trunc('day', c.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', c.team_id WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_team_usage_daily_key ON mv_team_usage_daily (day, team_id);
ALTER MATERIALIZED VIEW mv_team_usage_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_team_usage_daily_rows() RETURNS SETOF mv_team_usage_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_team_usage_daily v WHERE (v.team_id IN (SELECT mt.team_id FROM team_members mt WHERE mt.user_id = app_uid()) OR EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_team_usage_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_team_usage_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_team_usage_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_team_usage_daily;
CREATE MATERIALIZED VIEW mv_learning_daily AS SELECT date_trunc('day', s.submitted_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day, p.skill_area, COUNT(*) AS attempts, CAST(SUM(CASE WHEN s.correct THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / COUNT(*) AS success_rate FROM practice_submissions s JOIN practice_problems p ON p.id = s.problem_id GROUP BY date_trunc('day', s.submitted_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', p.skill_area WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_learning_daily_key ON mv_learning_daily (day, skill_area);
ALTER MATERIALIZED VIEW mv_learning_daily OWNER TO codementor_worker;
CREATE FUNCTION mv_learning_daily_rows() RETURNS SETOF mv_learning_daily LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_learning_daily v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_learning_daily_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_learning_daily_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_learning_daily_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_learning_daily;
CREATE MATERIALIZED VIEW mv_latency_hourly AS WITH base AS (SELECT date_trunc('hour', q.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour, q.completion_type AS endpoint, COALESCE(q.total_serving_time_ms, q.latency_ms) AS ms FROM completion_requests q WHERE COALESCE(q.total_serving_time_ms, q.latency_ms) IS NOT NULL), ranked AS (SELECT base.*, ROW_NUMBER() OVER (PARTITION BY hour, endpoint ORDER BY ms) AS place, COUNT(*) OVER (PARTITION BY hour, endpoint) AS timed FROM base) SELECT hour, endpoint, COUNT(*) AS requests, MIN(CASE WHEN place >= (timed * 50 + 99) / 100 THEN ms END) AS p50_ms, MIN(CASE WHEN place >= (timed * 95 + 99) / 100 THEN ms END) AS p95_ms, CAST(SUM(CASE WHEN ms < 2000 THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / COUNT(*) AS under_2s FROM ranked GROUP BY hour, endpoint WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_latency_hourly_key ON mv_latency_hourly (hour, endpoint);
ALTER MATERIALIZED VIEW mv_latency_hourly OWNER TO codementor_worker;
CREATE FUNCTION mv_latency_hourly_rows() RETURNS SETOF mv_latency_hourly LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_latency_hourly v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_latency_hourly_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_latency_hourly_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_latency_hourly_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_latency_hourly;
CREATE MATERIALIZED VIEW mv_experiment_results AS WITH used AS (SELECT a.experiment_id, a.variant, a.user_id, q.latency_ms, CASE WHEN EXISTS (SELECT 1 FROM completion_results r WHERE r.request_id = q.id AND r.accepted) THEN 1 ELSE 0 END AS accepted FROM experiment_assignments a JOIN completion_requests q ON q.user_id = a.user_id AND q.created_at >= a.assigned_at) SELECT experiment_id, variant, 'requests' AS metric, COUNT(DISTINCT user_id) AS people, CAST(COUNT(*) AS DOUBLE PRECISION) AS value FROM used GROUP BY experiment_id, variant UNION ALL SELECT experiment_id, variant, 'acceptance', COUNT(DISTINCT user_id), CAST(SUM(accepted) AS DOUBLE PRECISION) / COUNT(*) FROM used GROUP BY experiment_id, variant UNION ALL SELECT experiment_id, variant, 'latency_ms', COUNT(DISTINCT user_id), CAST(SUM(latency_ms) AS DOUBLE PRECISION) / NULLIF(COUNT(latency_ms), 0) FROM used GROUP BY experiment_id, variant WITH NO DATA;
CREATE UNIQUE INDEX idx_mv_experiment_results_key ON mv_experiment_results (experiment_id, variant, metric);
ALTER MATERIALIZED VIEW mv_experiment_results OWNER TO codementor_worker;
CREATE FUNCTION mv_experiment_results_rows() RETURNS SETOF mv_experiment_results LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT v.* FROM mv_experiment_results v WHERE (EXISTS (SELECT 1 FROM users au WHERE au.id = app_uid() AND au.role = 'admin' AND au.is_active)) $$;
ALTER FUNCTION mv_experiment_results_rows() OWNER TO codementor_worker;
REVOKE ALL ON FUNCTION mv_experiment_results_rows() FROM public;
GRANT EXECUTE ON FUNCTION mv_experiment_results_rows() TO codementor_app, codementor_ro;
REFRESH MATERIALIZED VIEW mv_experiment_results;
REVOKE CREATE ON SCHEMA public FROM codementor_worker;

-- @down
-- @sqlite
DROP TABLE mv_experiment_results;
DROP TABLE mv_latency_hourly;
DROP TABLE mv_learning_daily;
DROP TABLE mv_team_usage_daily;
DROP TABLE mv_user_activity_daily;
DROP TABLE mv_active_users_daily;
DROP TABLE mv_model_quality_daily;
DROP TABLE mv_completion_daily;
DELETE FROM job_schedules WHERE name = 'analytics';
DELETE FROM jobs WHERE job_type = 'analytics';

-- @pg
DROP FUNCTION mv_experiment_results_rows();
DROP MATERIALIZED VIEW mv_experiment_results;
DROP FUNCTION mv_latency_hourly_rows();
DROP MATERIALIZED VIEW mv_latency_hourly;
DROP FUNCTION mv_learning_daily_rows();
DROP MATERIALIZED VIEW mv_learning_daily;
DROP FUNCTION mv_team_usage_daily_rows();
DROP MATERIALIZED VIEW mv_team_usage_daily;
DROP FUNCTION mv_user_activity_daily_rows();
DROP MATERIALIZED VIEW mv_user_activity_daily;
DROP FUNCTION mv_active_users_daily_rows();
DROP MATERIALIZED VIEW mv_active_users_daily;
DROP FUNCTION mv_model_quality_daily_rows();
DROP MATERIALIZED VIEW mv_model_quality_daily;
DROP FUNCTION mv_completion_daily_rows();
DROP MATERIALIZED VIEW mv_completion_daily;
DELETE FROM job_schedules WHERE name = 'analytics';
DELETE FROM jobs WHERE job_type = 'analytics';
