-- `scope` is the person's id as text.
--! idempotency_keys_erase_scope exec @system
--: scope idempotency_keys.scope
DELETE FROM idempotency_keys WHERE scope = :scope;
