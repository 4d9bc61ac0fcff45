-- One link is made at a time: PostgreSQL by a lock held to the end of the transaction, SQLite by having
-- one writer.
--! audit_logs_lock one @system
--> held int
-- @sqlite
SELECT 1 AS held;
-- @pg
SELECT count(*) AS held FROM pg_advisory_xact_lock(7163746582916);

--! audit_logs_last one @system
--> audit_logs.*
SELECT {columns audit_logs} FROM audit_logs ORDER BY seq DESC LIMIT 1;

-- One page of the chain.
--! audit_logs_chain many @system
--: after_seq audit_logs.seq
--: limit int = 500
--> audit_logs.*
SELECT {columns audit_logs} FROM audit_logs WHERE seq > :after_seq ORDER BY seq LIMIT :limit;
