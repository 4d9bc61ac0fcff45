-- `scope` is the person's id as text.
--! idempotency_keys_erase_scope exec @system
--: scope idempotency_keys.scope
DELETE FROM idempotency_keys WHERE scope = :scope;

-- One row changed: the caller runs the request. None: somebody did or does (the row says), or the person has `most` keys
-- already. A key whose time is over, and one whose server died at work (`stale`), begins anew.
--! idempotency_keys_begin exec @system
--: scope idempotency_keys.scope
--: endpoint idempotency_keys.endpoint
--: idempotency_key idempotency_keys.idempotency_key
--: request_hash idempotency_keys.request_hash
--: expires_at timestamp
--: stale timestamp
--: most int
INSERT INTO idempotency_keys (scope, endpoint, idempotency_key, request_hash, status, created_at, expires_at)
SELECT :scope, :endpoint, :idempotency_key, :request_hash, 'in_progress', :now, :expires_at
WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM idempotency_keys k WHERE k.scope = :scope LIMIT :most) few) < :most
ON CONFLICT (scope, endpoint, idempotency_key) DO UPDATE SET request_hash = excluded.request_hash,
status = 'in_progress', response_status = NULL, response_body = NULL, created_at = excluded.created_at,
expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now
OR (idempotency_keys.status = 'in_progress' AND idempotency_keys.created_at < :stale);

--! idempotency_keys_complete exec @system
--: scope idempotency_keys.scope
--: endpoint idempotency_keys.endpoint
--: idempotency_key idempotency_keys.idempotency_key
--: response_status int
--: response_body idempotency_keys.response_body
UPDATE idempotency_keys SET status = 'completed', response_status = :response_status, response_body = :response_body
WHERE scope = :scope AND endpoint = :endpoint AND idempotency_key = :idempotency_key;
