--! file_dependencies_clear exec @system
--: file_id file_dependencies.file_id
DELETE FROM file_dependencies WHERE file_id = :file_id;

-- A target without a row of its own stays empty.
--! file_dependencies_project exec @system
--: repository_id file_dependencies.repository_id
--: file_id file_dependencies.file_id
--: rows json = {}
-- @sqlite
INSERT INTO file_dependencies (file_id, import_name, kind, repository_id, target_file_id, line)
SELECT :file_id, json_extract(r.value, '$.import_name'), json_extract(r.value, '$.kind'), :repository_id,
(SELECT f.id FROM files f WHERE f.id = json_extract(r.value, '$.target_file_id')), json_extract(r.value, '$.line')
FROM json_each(:rows, '$.rows') r WHERE TRUE;
-- @pg
INSERT INTO file_dependencies (file_id, import_name, kind, repository_id, target_file_id, line)
SELECT :file_id, r.import_name, r.kind, :repository_id, (SELECT f.id FROM files f WHERE f.id = r.target_file_id), r.line
FROM jsonb_to_recordset(COALESCE(:rows::jsonb->'rows', '[]'::jsonb)) AS r(import_name text, kind text,
target_file_id uuid, line bigint);
