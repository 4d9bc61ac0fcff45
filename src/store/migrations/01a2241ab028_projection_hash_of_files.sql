-- revision: 01a2241ab028
-- revises: 000000000001
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
