-- What the tables below need, PostgreSQL's side: pgvector and the roles that transactions take on.
-- One login (the URL's) is a member of all; each transaction says which it is (set_config('role', ...)).
CREATE EXTENSION IF NOT EXISTS vector;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['codementor_app', 'codementor_worker', 'codementor_ro'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this cluster
    END;
    IF NOT pg_has_role(current_user, name, 'MEMBER') OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO %I', name, current_user);
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION app_uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
-- The smallest UUIDv7 of a moment: bounds of partitions and of time ranges over ids.
CREATE FUNCTION uuid7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;
