-- revision: 01a22538e25f
-- revises: 01a2241ab028
-- message: sent files
-- date: 2026-11-29

-- @up
-- @sqlite
CREATE TABLE sent_files (
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  file_path TEXT NOT NULL,
  blob_id TEXT NOT NULL CHECK (length(blob_id) = 36),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (repository_id, file_path),
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_sent_files_blob_id ON sent_files (blob_id);

-- @pg
CREATE TABLE sent_files (
  repository_id UUID NOT NULL,
  file_path TEXT NOT NULL,
  blob_id UUID NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (repository_id, file_path)
);
CREATE INDEX idx_sent_files_blob_id ON sent_files (blob_id);
ALTER TABLE sent_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE sent_files FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON sent_files TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON sent_files TO codementor_worker;
GRANT SELECT ON sent_files TO codementor_app, codementor_ro;
CREATE POLICY reads ON sent_files FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON sent_files TO codementor_app;
CREATE POLICY adds ON sent_files FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON sent_files FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON sent_files FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE sent_files ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE sent_files ADD FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE CASCADE;

-- @down
-- @sqlite
DROP TABLE sent_files;

-- @pg
DROP TABLE sent_files;
