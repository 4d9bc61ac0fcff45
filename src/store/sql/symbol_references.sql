--! symbol_references_clear exec @system
--: file_id symbol_references.file_id
DELETE FROM symbol_references WHERE file_id = :file_id;

--! symbol_references_project exec @system
--: repository_id symbol_references.repository_id
--: file_id symbol_references.file_id
--: rows json = {}
-- @sqlite
INSERT INTO symbol_references (file_id, line, column_no, name, repository_id, symbol_id, kind)
SELECT :file_id, json_extract(r.value, '$.line'), json_extract(r.value, '$.column_no'), json_extract(r.value, '$.name'),
:repository_id, json_extract(r.value, '$.symbol_id'), json_extract(r.value, '$.kind')
FROM json_each(:rows, '$.rows') r WHERE TRUE;
-- @pg
INSERT INTO symbol_references (file_id, line, column_no, name, repository_id, symbol_id, kind)
SELECT :file_id, r.line, r.column_no, r.name, :repository_id, r.symbol_id, r.kind
FROM jsonb_to_recordset(COALESCE(:rows::jsonb->'rows', '[]'::jsonb)) AS r(line bigint, column_no bigint, name text,
symbol_id uuid, kind text);

-- A use whose file does not define the name means the one definition in the repository, if there is just one.
--! symbol_references_resolve_file exec @system
--: repository_id symbol_references.repository_id
--: file_id symbol_references.file_id
-- @sqlite
UPDATE symbol_references SET symbol_id = (SELECT CASE WHEN count(*) = 1 THEN min(d.id) END FROM (SELECT s.id
FROM symbols s WHERE s.repository_id = :repository_id AND s.name = symbol_references.name AND s.kind <> 'import'
LIMIT 2) d) WHERE file_id = :file_id AND symbol_id IS NULL;
-- @pg
UPDATE symbol_references SET symbol_id = (SELECT CASE WHEN count(*) = 1 THEN min(d.id::text)::uuid END FROM (SELECT s.id
FROM symbols s WHERE s.repository_id = :repository_id AND s.name = symbol_references.name AND s.kind <> 'import'
LIMIT 2) d) WHERE file_id = :file_id AND symbol_id IS NULL;

-- The same elsewhere, for names whose definitions in `file_id` changed.
--! symbol_references_resolve_names exec @system
--: repository_id symbol_references.repository_id
--: file_id symbol_references.file_id
--: names json = {}
-- @sqlite
UPDATE symbol_references SET symbol_id = (SELECT CASE WHEN count(*) = 1 THEN min(d.id) END FROM (SELECT s.id
FROM symbols s WHERE s.repository_id = :repository_id AND s.name = symbol_references.name AND s.kind <> 'import'
LIMIT 2) d) WHERE repository_id = :repository_id AND name IN (SELECT r.value FROM json_each(:names, '$.rows') r)
AND file_id <> :file_id AND NOT EXISTS (SELECT 1 FROM symbols s WHERE s.id = symbol_references.symbol_id
AND s.file_id = symbol_references.file_id);
-- @pg
UPDATE symbol_references SET symbol_id = (SELECT CASE WHEN count(*) = 1 THEN min(d.id::text)::uuid END FROM (SELECT s.id
FROM symbols s WHERE s.repository_id = :repository_id AND s.name = symbol_references.name AND s.kind <> 'import'
LIMIT 2) d) WHERE repository_id = :repository_id AND name IN (SELECT r.value
FROM jsonb_array_elements_text(COALESCE(:names::jsonb->'rows', '[]'::jsonb)) AS r(value))
AND file_id <> :file_id AND NOT EXISTS (SELECT 1 FROM symbols s WHERE s.id = symbol_references.symbol_id
AND s.file_id = symbol_references.file_id);
