--! files_by_path one
--: repository_id files.repository_id
--: file_path files.file_path
--> files.*
SELECT {columns files f} FROM files f
WHERE {read files f} AND f.repository_id = :repository_id AND f.file_path = :file_path;

-- One page of a repository in order of path. Empty language = any.
--! files_page many
--: repository_id files.repository_id
--: after_path files.file_path
--: language text
--: limit int = 100
--> files.*
SELECT {columns files f} FROM files f
WHERE {read files f} AND f.repository_id = :repository_id AND f.file_path > :after_path
AND (:language = '' OR f.language = :language) ORDER BY f.file_path LIMIT :limit;

-- What the last complete run did not see is gone.
--! files_delete_stale exec @system
--: repository_id files.repository_id
--: before timestamp
DELETE FROM files WHERE repository_id = :repository_id AND indexed_at < :before;

--! files_delete_path exec @system @batch
--: repository_id files.repository_id
--: file_path files.file_path
DELETE FROM files WHERE repository_id = :repository_id AND file_path = :file_path;

-- ---- What the index writes (src/index/tables/tables.h). Rows come as {"rows": [...]}, one object a row. ----

-- Which files of a repository are there, and from what they were made.
--! files_projected many @system
--: repository_id files.repository_id
--: after_path files.file_path
--: limit int = 1000
--> id id, file_path text, projection_hash text?
SELECT f.id, f.file_path, f.projection_hash FROM files f
WHERE f.repository_id = :repository_id AND f.file_path > :after_path ORDER BY f.file_path LIMIT :limit;

--! files_project exec @system
--: repository_id files.repository_id
--: rows json = {}
-- @sqlite
INSERT INTO files (id, repository_id, file_path, language, content_hash, size_bytes, line_count, token_count, imports,
parse_status, last_modified_at, indexed_at, projection_hash)
SELECT json_extract(r.value, '$.id'), :repository_id, json_extract(r.value, '$.file_path'),
json_extract(r.value, '$.language'), json_extract(r.value, '$.content_hash'), json_extract(r.value, '$.size_bytes'),
json_extract(r.value, '$.line_count'), json_extract(r.value, '$.token_count'), json_extract(r.value, '$.imports'),
json_extract(r.value, '$.parse_status'), json_extract(r.value, '$.last_modified_ms'), :now,
json_extract(r.value, '$.projection_hash') FROM json_each(:rows, '$.rows') r WHERE TRUE
ON CONFLICT (id) DO UPDATE SET language = excluded.language, content_hash = excluded.content_hash,
size_bytes = excluded.size_bytes, line_count = excluded.line_count, token_count = excluded.token_count,
imports = excluded.imports, parse_status = excluded.parse_status, last_modified_at = excluded.last_modified_at,
indexed_at = excluded.indexed_at, projection_hash = excluded.projection_hash;
-- @pg
INSERT INTO files (id, repository_id, file_path, language, content_hash, size_bytes, line_count, token_count, imports,
parse_status, last_modified_at, indexed_at, projection_hash)
SELECT r.id, :repository_id, r.file_path, r.language, r.content_hash, r.size_bytes, r.line_count, r.token_count,
ARRAY(SELECT jsonb_array_elements_text(r.imports)), r.parse_status, to_timestamp(r.last_modified_ms / 1000.0), :now,
r.projection_hash FROM jsonb_to_recordset(COALESCE(:rows::jsonb->'rows', '[]'::jsonb)) AS r(id uuid, file_path text,
language text, content_hash text, size_bytes bigint, line_count bigint, token_count bigint, imports jsonb,
parse_status text, last_modified_ms bigint, projection_hash text)
ON CONFLICT (id) DO UPDATE SET language = excluded.language, content_hash = excluded.content_hash,
size_bytes = excluded.size_bytes, line_count = excluded.line_count, token_count = excluded.token_count,
imports = excluded.imports, parse_status = excluded.parse_status, last_modified_at = excluded.last_modified_at,
indexed_at = excluded.indexed_at, projection_hash = excluded.projection_hash;
