-- revision: 01a2241ab028
-- revises: 019ad7c0f2a1
-- message: projection hash of files
-- date: 2026-11-28

-- @up
-- @sqlite
ALTER TABLE files ADD COLUMN projection_hash TEXT;
-- @pg
ALTER TABLE files ADD COLUMN projection_hash TEXT;

-- @down
-- @sqlite
ALTER TABLE files DROP COLUMN projection_hash;
-- @pg
ALTER TABLE files DROP COLUMN projection_hash;
