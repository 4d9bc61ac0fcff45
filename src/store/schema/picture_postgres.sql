-- A database as rows (kind, name, definition): what `migrate status`, `init --adopt` and the tests compare.
-- Left out: months of partitioned tables (made and dropped by themselves), what an extension owns, names that
-- PostgreSQL makes up (constraints), the order of columns, every schema but public, and which kind an index of vectors is
-- (vector.index_type; one under construction is none yet).
WITH relation AS (
  SELECT c.*, c.relname::text AS name FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND NOT (c.relispartition AND c.relname ~ '_[0-9]{4}_[0-9]{2}$')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'table' AS kind, name, concat_ws(' ', relkind::text, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid),
  CASE WHEN relrowsecurity THEN 'row security' END, CASE WHEN relforcerowsecurity THEN 'forced' END,
  CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END,
  CASE WHEN relowner::regrole::text LIKE 'codementor\_%' THEN 'owner ' || relowner::regrole::text END) AS definition
FROM relation
UNION ALL
SELECT 'column', r.name || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull THEN 'not null' END, nullif(a.attidentity::text, ''), nullif(a.attgenerated::text, ''),
  pg_get_expr(d.adbin, d.adrelid))
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
WHERE NOT r.relispartition
UNION ALL
SELECT 'constraint', r.name, pg_get_constraintdef(c.oid)
FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
WHERE c.contype IN ('c', 'f', 'p', 'u', 'x') AND c.conparentid = 0 AND (c.conislocal OR c.coninhcount = 0)
  AND (NOT r.relispartition OR c.contype = 'f')
UNION ALL
SELECT 'index', i.relname::text, regexp_replace(pg_get_indexdef(i.oid), 'USING ivfflat (.*) WITH \(lists=''?\d+''?\)',
  'USING hnsw \1 WITH (m=''16'', ef_construction=''64'')')
FROM relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE NOT i.relispartition AND i.relname !~ '^emb.*_(next(_[0-9a-f]+)?|ccnew[0-9]*)$' AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'trigger', r.name || '.' || t.tgname, pg_get_triggerdef(t.oid)
FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT 'policy', tablename || '.' || policyname, concat_ws(' ', permissive, roles::text, cmd, qual, 'check', with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'function', p.proname::text, concat_ws(' ', pg_get_functiondef(p.oid),
  CASE WHEN p.proowner::regrole::text LIKE 'codementor\_%' THEN 'owner ' || p.proowner::regrole::text END,
  (SELECT 'for ' || string_agg(w.who, ', ' ORDER BY w.who)
   FROM (SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END AS who
         FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a) w
   WHERE w.who = 'public' OR w.who LIKE 'codementor\_%'))
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'grant', name, who || ' ' || string_agg(privilege_type, ', ' ORDER BY privilege_type)
FROM (SELECT r.name, a.privilege_type, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END AS who
      FROM relation r, aclexplode(r.relacl) a) g
WHERE who = 'public' OR who LIKE 'codementor\_%'
GROUP BY name, who
ORDER BY 1, 2, 3;
