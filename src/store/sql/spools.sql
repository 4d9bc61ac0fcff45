-- Everything up to `applied` is in the database. Waits for a transaction of unknown outcome that would change that, and
-- keeps others from beginning until this one is over.
--! spools_take one @system @full
--: id spools.id
--: expires_at timestamp
--> applied int
INSERT INTO spools (id, applied, expires_at) VALUES (:id, 0, :expires_at)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at RETURNING applied;

-- In the transaction of the writes themselves.
--! spools_advance exec @system @full
--: id spools.id
--: applied int
--: expires_at timestamp
INSERT INTO spools (id, applied, expires_at) VALUES (:id, :applied, :expires_at)
ON CONFLICT (id) DO UPDATE SET applied = excluded.applied, expires_at = excluded.expires_at;
