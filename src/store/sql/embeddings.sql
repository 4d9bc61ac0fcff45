-- How pgvector searches: on until enough rows pass the filters, in exact order.
--! embeddings_search_settings one
--> done text
-- @sqlite
SELECT 'exact' AS done;
-- @pg
SELECT set_config('hnsw.iterative_scan', 'strict_order', true) || set_config('hnsw.ef_search', '100', true) AS done;

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
