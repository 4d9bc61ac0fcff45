/* vectors.h - the nearest vectors by cosine similarity, with a threshold.
 *
 * Vectors of one kind (message, document chunk, memory, knowledge ...) made by one embedding model.
 * Embedded: an exact scan over the rows the asker may see, in C. PostgreSQL: pgvector's HNSW or
 * IVFFlat (cm_store_vector_indexes) for the dimensions that have an index (256, 384, 1536), scanned on
 * until enough rows pass the filters; exact for all others, and for askers who see few. Code
 * chunks are searched in the index files, not here, unless they are stored.
 *
 * Thread: any that may block. */
#ifndef CM_STORE_VECTORS_H
#define CM_STORE_VECTORS_H

#include "store/store.h"

typedef struct cm_vector_query {
    cm_str subject_type; /* as in embeddings.subject_type */
    int64_t model_id;    /* embedding_models.id */
    const float *vector;
    size_t dims;
    double threshold; /* smallest similarity, -1..1; 0 is "not opposed" */
    int64_t limit;    /* at most 10,000; 0 = 10 */
} cm_vector_query;

typedef struct cm_vector_hit {
    cm_uuid subject_id;
    double similarity; /* 1 - cosine distance */
} cm_vector_hit;

/* Best first; the array lives in `arena`. CM_INVALID when dims is 0 or above 4,000, the threshold out
 * of bounds, or a number of the vector not finite. */
cm_rc cm_vectors_find(const cm_db *db, const cm_vector_query *query, cm_arena *arena,
                      const cm_vector_hit **ret_hits, size_t *ret_count, cm_err *err) cm_must_check;

#endif
