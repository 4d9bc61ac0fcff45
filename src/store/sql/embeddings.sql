-- How pgvector searches: on until enough rows pass the filters. HNSW in exact order; IVFFlat looks at a share of its
-- lists first, whichever there is: the lists of random vectors are no neighbourhoods.
--! embeddings_search_settings one
--: subject_type embeddings.subject_type
--: dims embeddings.dims
--> done text
-- @sqlite
SELECT 'exact' AS done WHERE :subject_type IS NOT NULL AND :dims IS NOT NULL;
-- @pg
SELECT set_config('hnsw.iterative_scan', 'strict_order', true) || set_config('hnsw.ef_search', '400', true)
|| set_config('ivfflat.iterative_scan', 'relaxed_order', true) || set_config('ivfflat.probes', coalesce((
SELECT greatest(substring(array_to_string(c.reloptions, ',') FROM 'lists=([0-9]+)')::int * 2 / 5, 10)::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = 'emb_' || :subject_type || '_' || :dims), '40'), true) AS done;

-- How many vectors the asker may see, counted to a limit.
--! embeddings_visible one
--: subject_type embeddings.subject_type
--: model_id embeddings.embedding_model_id
--: dims embeddings.dims
--: limit int = 10
--> count int
SELECT count(*) AS count FROM (SELECT 1 FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type
AND e.embedding_model_id = :model_id AND e.dims = :dims LIMIT :limit) s;

-- The nearest by cosine similarity, exactly: any dimension.
--! embeddings_nearest many
--: subject_type embeddings.subject_type
--: model_id embeddings.embedding_model_id
--: dims embeddings.dims
--: query vector
--: threshold real
--: limit int = 10
--> subject_id id, similarity real
-- @sqlite
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id, vector_similarity(e.embedding, :query) AS similarity
FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = :dims) WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id LIMIT :limit;
-- @pg
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id, 1 - (e.embedding <=> :query::vector) AS similarity
FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = :dims) s WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id LIMIT :limit;

-- The same through the index of 256 dimensions: the number must be in the text for the index to be chosen.
--! embeddings_nearest_256 many
--: subject_type embeddings.subject_type
--: model_id embeddings.embedding_model_id
--: dims embeddings.dims
--: query vector
--: threshold real
--: limit int = 10
--> subject_id id, similarity real
-- @sqlite
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id, vector_similarity(e.embedding, :query) AS similarity
FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = :dims) WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id LIMIT :limit;
-- @pg
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id,
1 - (e.embedding::vector(256) <=> :query::vector(256)) AS similarity FROM embeddings e
WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = 256 AND :dims = 256 ORDER BY e.embedding::vector(256) <=> :query::vector(256) LIMIT :limit) s
WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id;

-- The same through the index of 384 dimensions: the number must be in the text for the index to be chosen.
--! embeddings_nearest_384 many
--: subject_type embeddings.subject_type
--: model_id embeddings.embedding_model_id
--: dims embeddings.dims
--: query vector
--: threshold real
--: limit int = 10
--> subject_id id, similarity real
-- @sqlite
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id, vector_similarity(e.embedding, :query) AS similarity
FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = :dims) WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id LIMIT :limit;
-- @pg
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id,
1 - (e.embedding::vector(384) <=> :query::vector(384)) AS similarity FROM embeddings e
WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = 384 AND :dims = 384 ORDER BY e.embedding::vector(384) <=> :query::vector(384) LIMIT :limit) s
WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id;

-- The same through the index of 1536 dimensions: the number must be in the text for the index to be chosen.
--! embeddings_nearest_1536 many
--: subject_type embeddings.subject_type
--: model_id embeddings.embedding_model_id
--: dims embeddings.dims
--: query vector
--: threshold real
--: limit int = 10
--> subject_id id, similarity real
-- @sqlite
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id, vector_similarity(e.embedding, :query) AS similarity
FROM embeddings e WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = :dims) WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id LIMIT :limit;
-- @pg
SELECT subject_id, similarity FROM (SELECT e.subject_id AS subject_id,
1 - (e.embedding::vector(1536) <=> :query::vector(1536)) AS similarity FROM embeddings e
WHERE {read embeddings e} AND e.subject_type = :subject_type AND e.embedding_model_id = :model_id
AND e.dims = 1536 AND :dims = 1536 ORDER BY e.embedding::vector(1536) <=> :query::vector(1536) LIMIT :limit) s
WHERE similarity >= :threshold ORDER BY similarity DESC, subject_id;
