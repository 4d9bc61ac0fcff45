-- What a declaration cannot say, PostgreSQL's side. Appended to the declared tables.

-- Whose things are mine. Owned by the worker, which sees all rows: a policy that read these tables under
-- itself would never end. An unset user gives an empty array.
CREATE FUNCTION app_workspaces() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(w.id), '{}') FROM (
  SELECT id FROM workspaces WHERE owner_id = app_uid()
  UNION SELECT workspace_id FROM workspace_members WHERE user_id = app_uid()) w $$;
CREATE FUNCTION app_teams() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(team_id), '{}') FROM team_members WHERE user_id = app_uid() $$;
CREATE FUNCTION app_repositories() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(r.id), '{}') FROM repositories r
  WHERE r.workspace_id = ANY ((SELECT app_workspaces())::uuid[]) $$;
CREATE FUNCTION app_knowledge_bases() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(k.id), '{}') FROM knowledge_bases k
  WHERE k.team_id = ANY ((SELECT app_teams())::uuid[]) $$;
GRANT CREATE ON SCHEMA public TO codementor_worker;
ALTER FUNCTION app_workspaces() OWNER TO codementor_worker;
ALTER FUNCTION app_teams() OWNER TO codementor_worker;
ALTER FUNCTION app_repositories() OWNER TO codementor_worker;
ALTER FUNCTION app_knowledge_bases() OWNER TO codementor_worker;
REVOKE CREATE ON SCHEMA public FROM codementor_worker;

-- One leaf of vectors a kind: its own graph, and a true foreign key.
CREATE TABLE embeddings_code_chunk PARTITION OF embeddings FOR VALUES IN ('code_chunk');
CREATE TABLE embeddings_file PARTITION OF embeddings FOR VALUES IN ('file');
CREATE TABLE embeddings_document_chunk PARTITION OF embeddings FOR VALUES IN ('document_chunk');
CREATE TABLE embeddings_memory_item PARTITION OF embeddings FOR VALUES IN ('memory_item');
CREATE TABLE embeddings_knowledge_entry PARTITION OF embeddings FOR VALUES IN ('knowledge_entry');
CREATE TABLE embeddings_cached_response PARTITION OF embeddings FOR VALUES IN ('cached_response');
CREATE TABLE embeddings_message PARTITION OF embeddings FOR VALUES IN ('message') PARTITION BY RANGE (subject_id);
CREATE TABLE embeddings_message_default PARTITION OF embeddings_message DEFAULT;
ALTER TABLE embeddings_code_chunk ADD FOREIGN KEY (subject_id) REFERENCES code_chunks(id) ON DELETE CASCADE;
ALTER TABLE embeddings_file ADD FOREIGN KEY (subject_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE embeddings_document_chunk ADD FOREIGN KEY (subject_id) REFERENCES document_chunks(id) ON DELETE CASCADE;
ALTER TABLE embeddings_memory_item ADD FOREIGN KEY (subject_id) REFERENCES memory_items(id) ON DELETE CASCADE;
ALTER TABLE embeddings_knowledge_entry ADD FOREIGN KEY (subject_id) REFERENCES knowledge_entries(id) ON DELETE CASCADE;
ALTER TABLE embeddings_cached_response ADD FOREIGN KEY (subject_id) REFERENCES response_cache(id) ON DELETE CASCADE;
ALTER TABLE embeddings_message ADD FOREIGN KEY (subject_id) REFERENCES messages(id) ON DELETE CASCADE;
DO $$
DECLARE kind text; dim int;
BEGIN
  FOREACH kind IN ARRAY ARRAY['code_chunk', 'file', 'document_chunk', 'memory_item', 'knowledge_entry', 'cached_response', 'message'] LOOP
    FOREACH dim IN ARRAY ARRAY[256, 384, 1536] LOOP
      EXECUTE format('CREATE INDEX emb_%s_%s ON embeddings_%s USING hnsw ((embedding::vector(%s)) vector_cosine_ops) WITH (m = 16, ef_construction = 64) WHERE dims = %s', kind, dim, kind, dim, dim);
    END LOOP;
  END LOOP;
END $$;

-- Labels point at rows of several tables: no foreign key can hold them, this does.
CREATE FUNCTION drop_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM entity_tags WHERE entity_type = TG_ARGV[0] AND entity_id = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_labels AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION drop_labels('document');
CREATE TRIGGER repositories_labels AFTER DELETE ON repositories FOR EACH ROW EXECUTE FUNCTION drop_labels('repository');
CREATE TRIGGER conversations_labels AFTER DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION drop_labels('conversation');
CREATE TRIGGER workspaces_labels AFTER DELETE ON workspaces FOR EACH ROW EXECUTE FUNCTION drop_labels('workspace');
CREATE TRIGGER memory_items_labels AFTER DELETE ON memory_items FOR EACH ROW EXECUTE FUNCTION drop_labels('memory');
CREATE TRIGGER knowledge_entries_labels AFTER DELETE ON knowledge_entries FOR EACH ROW EXECUTE FUNCTION drop_labels('knowledge_entry');

-- The audit log is append-only; the one update allowed is the one that forgets a person.
CREATE FUNCTION audit_logs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.user_id IS NULL AND NEW.ip_address IS NULL AND NEW.details = '{}'::jsonb AND NEW.id = OLD.id
    AND NEW.seq = OLD.seq AND NEW.actor_type = OLD.actor_type AND NEW.action = OLD.action
    AND NEW.entity_type IS NOT DISTINCT FROM OLD.entity_type AND NEW.entity_id IS NOT DISTINCT FROM OLD.entity_id
    AND NEW.personal_mac = OLD.personal_mac AND NEW.prev_hash = OLD.prev_hash AND NEW.hash = OLD.hash
    AND NEW.created_at = OLD.created_at THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_guard();

INSERT INTO retention_policies (class, keep_days) VALUES
  ('account', NULL), ('content', NULL), ('raw', 30), ('telemetry', 396), ('metrics', 761),
  ('audit', 731), ('billing', 3653), ('cache', NULL), ('ops', 7), ('derived', NULL), ('ref', NULL);
INSERT INTO trigger_types (id, name) VALUES (1, 'unknown'), (2, 'automatic'), (3, 'manual'), (4, 'idle');
INSERT INTO software_versions (id, component, name) VALUES (1, 'other', 'unknown');
INSERT INTO ai_providers (name, display_name, api_style, is_local) VALUES ('local', 'This server', 'llama', true);
SELECT setval(pg_get_serial_sequence('trigger_types', 'id'), 4), setval(pg_get_serial_sequence('software_versions', 'id'), 1);
