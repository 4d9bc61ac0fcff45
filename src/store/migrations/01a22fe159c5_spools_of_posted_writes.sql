-- revision: 01a22fe159c5
-- revises: 01a22538e25f
-- message: spools of posted writes
-- date: 2026-12-01

-- @up
-- @sqlite
CREATE TABLE spools (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  applied INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_spools_expires_at ON spools (expires_at);

-- @pg
CREATE TABLE spools (
  id UUID NOT NULL PRIMARY KEY,
  applied BIGINT NOT NULL DEFAULT 0,
  expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_spools_expires_at ON spools (expires_at);
ALTER TABLE spools ENABLE ROW LEVEL SECURITY;
ALTER TABLE spools FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON spools TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON spools TO codementor_worker;

-- @down
-- @sqlite
DROP TABLE spools;

-- @pg
DROP TABLE spools;
