--! symbols_of_file many @system
--: file_id symbols.file_id
--> id id, name text
SELECT s.id, s.name FROM symbols s WHERE s.file_id = :file_id;

-- Uses are counted apart: reference_count is kept.
--! symbols_project exec @system
--: repository_id symbols.repository_id
--: file_id symbols.file_id
--: rows json = {}
-- @sqlite
INSERT INTO symbols (id, file_id, repository_id, name, qualified_name, kind, start_line, end_line, signature, docstring,
parent_symbol_id, metadata) SELECT json_extract(r.value, '$.id'), :file_id, :repository_id,
json_extract(r.value, '$.name'), json_extract(r.value, '$.qualified_name'), json_extract(r.value, '$.kind'),
json_extract(r.value, '$.start_line'), json_extract(r.value, '$.end_line'), json_extract(r.value, '$.signature'),
json_extract(r.value, '$.docstring'), json_extract(r.value, '$.parent_symbol_id'), json_extract(r.value, '$.metadata')
FROM json_each(:rows, '$.rows') r WHERE TRUE
ON CONFLICT (id) DO UPDATE SET start_line = excluded.start_line, end_line = excluded.end_line,
signature = excluded.signature, docstring = excluded.docstring, parent_symbol_id = excluded.parent_symbol_id,
metadata = excluded.metadata;
-- @pg
INSERT INTO symbols (id, file_id, repository_id, name, qualified_name, kind, start_line, end_line, signature, docstring,
parent_symbol_id, metadata) SELECT r.id, :file_id, :repository_id, r.name, r.qualified_name, r.kind, r.start_line,
r.end_line, r.signature, r.docstring, r.parent_symbol_id, r.metadata
FROM jsonb_to_recordset(COALESCE(:rows::jsonb->'rows', '[]'::jsonb)) AS r(id uuid, name text, qualified_name text,
kind text, start_line bigint, end_line bigint, signature text, docstring text, parent_symbol_id uuid, metadata jsonb)
ON CONFLICT (id) DO UPDATE SET start_line = excluded.start_line, end_line = excluded.end_line,
signature = excluded.signature, docstring = excluded.docstring, parent_symbol_id = excluded.parent_symbol_id,
metadata = excluded.metadata;

-- Definitions of a file that are no longer there; `ids` is {"rows": [id, ...]}.
--! symbols_remove exec @system
--: file_id symbols.file_id
--: ids json = {}
-- @sqlite
DELETE FROM symbols WHERE file_id = :file_id AND id IN (SELECT r.value FROM json_each(:ids, '$.rows') r);
-- @pg
DELETE FROM symbols WHERE file_id = :file_id AND id IN (SELECT r.value::uuid
FROM jsonb_array_elements_text(COALESCE(:ids::jsonb->'rows', '[]'::jsonb)) AS r(value));

--! symbols_clear exec @system
--: file_id symbols.file_id
DELETE FROM symbols WHERE file_id = :file_id;

-- The uses in one file, added to what they mean; `sign` -1 takes them away again.
--! symbols_count_uses exec @system
--: file_id symbols.file_id
--: sign int
UPDATE symbols SET reference_count = symbols.reference_count + :sign * d.uses
FROM (SELECT u.symbol_id, count(*) AS uses FROM symbol_references u WHERE u.file_id = :file_id
AND u.symbol_id IS NOT NULL GROUP BY u.symbol_id) d WHERE symbols.id = d.symbol_id;

-- Counted anew for names whose definitions changed; `names` is {"rows": ["name", ...]}.
--! symbols_recount exec @system
--: repository_id symbols.repository_id
--: names json = {}
-- @sqlite
UPDATE symbols SET reference_count = (SELECT count(*) FROM symbol_references u WHERE u.symbol_id = symbols.id)
WHERE repository_id = :repository_id AND name IN (SELECT r.value FROM json_each(:names, '$.rows') r);
-- @pg
UPDATE symbols SET reference_count = (SELECT count(*) FROM symbol_references u WHERE u.symbol_id = symbols.id)
WHERE repository_id = :repository_id AND name IN (SELECT r.value
FROM jsonb_array_elements_text(COALESCE(:names::jsonb->'rows', '[]'::jsonb)) AS r(value));

-- Of `names`, those that a change in `file_id` can give a new meaning elsewhere: at most one other definition.
--! symbols_few many @system
--: repository_id symbols.repository_id
--: file_id symbols.file_id
--: names json = {}
--> name text
-- @sqlite
SELECT r.value AS name FROM json_each(:names, '$.rows') r WHERE (SELECT count(*) FROM (SELECT 1 FROM symbols s
WHERE s.repository_id = :repository_id AND s.name = r.value AND s.file_id <> :file_id AND s.kind <> 'import' LIMIT 2)) < 2;
-- @pg
SELECT r.name FROM jsonb_array_elements_text(COALESCE(:names::jsonb->'rows', '[]'::jsonb)) AS r(name)
WHERE (SELECT count(*) FROM (SELECT 1 FROM symbols s WHERE s.repository_id = :repository_id AND s.name = r.name
AND s.file_id <> :file_id AND s.kind <> 'import' LIMIT 2) few) < 2;
