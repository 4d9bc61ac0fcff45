--! code_chunks_clear exec @system
--: file_id code_chunks.file_id
DELETE FROM code_chunks WHERE file_id = :file_id;

--! code_chunks_project exec @system
--: repository_id code_chunks.repository_id
--: file_id code_chunks.file_id
--: language code_chunks.language
--: rows json = {}
-- @sqlite
INSERT INTO code_chunks (id, file_id, repository_id, chunk_index, start_line, end_line, content_hash, chunk_type,
symbol_name, class_name, language, content_preview, token_count, importance_score, created_at)
SELECT json_extract(r.value, '$.id'), :file_id, :repository_id, json_extract(r.value, '$.chunk_index'),
json_extract(r.value, '$.start_line'), json_extract(r.value, '$.end_line'), json_extract(r.value, '$.content_hash'),
json_extract(r.value, '$.chunk_type'), json_extract(r.value, '$.symbol_name'), json_extract(r.value, '$.class_name'),
:language, json_extract(r.value, '$.content_preview'), json_extract(r.value, '$.token_count'),
json_extract(r.value, '$.importance_score'), :now FROM json_each(:rows, '$.rows') r WHERE TRUE;
-- @pg
INSERT INTO code_chunks (id, file_id, repository_id, chunk_index, start_line, end_line, content_hash, chunk_type,
symbol_name, class_name, language, content_preview, token_count, importance_score, created_at)
SELECT r.id, :file_id, :repository_id, r.chunk_index, r.start_line, r.end_line, r.content_hash, r.chunk_type,
r.symbol_name, r.class_name, :language, r.content_preview, r.token_count, r.importance_score, :now
FROM jsonb_to_recordset(COALESCE(:rows::jsonb->'rows', '[]'::jsonb)) AS r(id uuid, chunk_index bigint, start_line bigint,
end_line bigint, content_hash text, chunk_type text, symbol_name text, class_name text, content_preview text,
token_count bigint, importance_score double precision);
