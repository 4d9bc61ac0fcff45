-- What a declaration cannot say, SQLite's side. Appended to the declared tables.
PRAGMA application_id = 0x434d5354;

-- Labels and vectors point at rows of several tables: no foreign key can hold them, these do.
CREATE TRIGGER documents_labels AFTER DELETE ON documents BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'document' AND entity_id = old.id; END;
CREATE TRIGGER repositories_labels AFTER DELETE ON repositories BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'repository' AND entity_id = old.id; END;
CREATE TRIGGER conversations_labels AFTER DELETE ON conversations BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'conversation' AND entity_id = old.id; END;
CREATE TRIGGER workspaces_labels AFTER DELETE ON workspaces BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'workspace' AND entity_id = old.id; END;
CREATE TRIGGER memory_items_links AFTER DELETE ON memory_items BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'memory' AND entity_id = old.id;
  DELETE FROM embeddings WHERE subject_type = 'memory_item' AND subject_id = old.id; END;
CREATE TRIGGER knowledge_entries_links AFTER DELETE ON knowledge_entries BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'knowledge_entry' AND entity_id = old.id;
  DELETE FROM embeddings WHERE subject_type = 'knowledge_entry' AND subject_id = old.id; END;
CREATE TRIGGER code_chunks_links AFTER DELETE ON code_chunks BEGIN
  DELETE FROM embeddings WHERE subject_type = 'code_chunk' AND subject_id = old.id; END;
CREATE TRIGGER files_links AFTER DELETE ON files BEGIN
  DELETE FROM embeddings WHERE subject_type = 'file' AND subject_id = old.id; END;
CREATE TRIGGER document_chunks_links AFTER DELETE ON document_chunks BEGIN
  DELETE FROM embeddings WHERE subject_type = 'document_chunk' AND subject_id = old.id; END;
CREATE TRIGGER messages_links AFTER DELETE ON messages BEGIN
  DELETE FROM embeddings WHERE subject_type = 'message' AND subject_id = old.id; END;
CREATE TRIGGER response_cache_links AFTER DELETE ON response_cache BEGIN
  DELETE FROM embeddings WHERE subject_type = 'cached_response' AND subject_id = old.id; END;

-- The audit log is append-only; the one update allowed is the one that forgets a person.
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE ON audit_logs
WHEN NOT (new.user_id IS NULL AND new.ip_address IS NULL AND new.details = '{}' AND new.id IS old.id
  AND new.seq IS old.seq AND new.actor_type IS old.actor_type AND new.action IS old.action
  AND new.entity_type IS old.entity_type AND new.entity_id IS old.entity_id
  AND new.personal_mac IS old.personal_mac AND new.prev_hash IS old.prev_hash
  AND new.hash IS old.hash AND new.created_at IS old.created_at)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

INSERT INTO retention_policies (class, keep_days) VALUES
  ('account', NULL), ('content', NULL), ('raw', 30), ('telemetry', 396), ('metrics', 761),
  ('audit', 731), ('billing', 3653), ('cache', NULL), ('ops', 7), ('derived', NULL), ('ref', NULL);
INSERT INTO trigger_types (id, name) VALUES (1, 'unknown'), (2, 'automatic'), (3, 'manual'), (4, 'idle');
INSERT INTO software_versions (id, component, name) VALUES (1, 'other', 'unknown');
INSERT INTO ai_providers (name, display_name, api_style, is_local) VALUES ('local', 'This server', 'llama', 1);
