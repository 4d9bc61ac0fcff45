/* vectors.c - see vectors.h. */
#include "store/vectors.h"

#include "store/sqlite/sqlite_priv.h"
#include "store/q/embeddings.h"

#include <math.h>

#define DIMS_MAX  4000
#define LIMIT_MAX 10000

/* --- The embedded scan ------------------------------------------------------------------------ */

/* The blobs may lie anywhere; a copy by memcpy compiles to plain loads. */
static float float_at(const char *bytes, size_t i) {
    float value;
    memcpy(&value, bytes + i * sizeof value, sizeof value);
    return value;
}

/* vector_similarity(blob, blob): cosine; NULL for vectors of different length or of length zero. */
static void vector_similarity(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    int bytes = sqlite3_value_bytes(values[0]);
    const char *a = sqlite3_value_blob(values[0]);
    const char *b = sqlite3_value_blob(values[1]);
    if (a == NULL || b == NULL || bytes % 4 != 0 || bytes != sqlite3_value_bytes(values[1])) {
        sqlite3_result_null(context);
        return;
    }
    float dot = 0;
    float aa = 0;
    float bb = 0;
    for (size_t i = 0; i < (size_t)bytes / 4; i++) {
        float x = float_at(a, i);
        float y = float_at(b, i);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    if (aa > 0 && bb > 0) {
        sqlite3_result_double(context, (double)dot / sqrt((double)aa * (double)bb));
    } else {
        sqlite3_result_null(context);
    }
}

int cm_sqlite_add_functions(sqlite3 *db) {
    return sqlite3_create_function_v2(db, "vector_similarity", 2,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                      vector_similarity, NULL, NULL, NULL);
}

/* --- Finding ---------------------------------------------------------------------------------- */

/* The dimensions PostgreSQL has an index for (schema/postgres.sql). All four queries have one shape. */
static const struct {
    size_t dims;
    const cm_query *query;
} indexed[] = {
    {256, &cm_query_embeddings_nearest_256},
    {384, &cm_query_embeddings_nearest_384},
    {1536, &cm_query_embeddings_nearest_1536},
};

/* So few visible vectors are compared one by one, whatever index there is: exact, and no slower than walking an
 * index in which hardly anything may be seen. */
#define EXACT_MAX 1000

typedef struct call {
    const cm_query *query;
    cm_q_embeddings_nearest_in in;
    cm_arena *arena;
    const cm_q_embeddings_nearest_row *rows;
    size_t count;
} call;

static cm_rc find(const cm_db *db, void *argument, cm_err *err) {
    call *c = argument;
    cm_q_embeddings_search_settings_in settings = {c->in.subject_type, c->in.dims};
    cm_q_embeddings_search_settings_row done;
    cm_q_embeddings_visible_in few = {c->in.subject_type, c->in.model_id, c->in.dims,
                                      EXACT_MAX + 1};
    cm_q_embeddings_visible_row visible = {0};
    cm_rc rc = cm_q_embeddings_visible(db, &few, c->arena, &visible, err);
    if (rc == CM_OK && visible.count <= EXACT_MAX) {
        c->query = &cm_query_embeddings_nearest;
    } else if (rc == CM_OK) {
        rc = cm_q_embeddings_search_settings(db, &settings, c->arena, &done, err);
    }
    return rc == CM_OK ? cm_query_all(db, c->query, &c->in, c->arena, &c->rows, &c->count, err)
                       : rc;
}

/* Where there is no index, one statement is enough. */
static cm_rc find_exactly(const cm_db *db, void *argument, cm_err *err) {
    call *c = argument;
    return cm_query_all(db, c->query, &c->in, c->arena, &c->rows, &c->count, err);
}

cm_rc cm_vectors_find(const cm_db *db, const cm_vector_query *query, cm_arena *arena,
                      const cm_vector_hit **ret_hits, size_t *ret_count, cm_err *err) {
    if (query->dims == 0 || query->dims > DIMS_MAX) {
        return cm_fail(err, CM_INVALID, "a vector of %zu dimensions; 1 to %d are possible",
                       query->dims, DIMS_MAX);
    }
    if (!(query->threshold >= -1 && query->threshold <= 1)) { /* NaN as well */
        return cm_fail(err, CM_INVALID,
                       "the threshold of a vector search must lie between -1 and 1");
    }
    if (query->limit < 0 || query->limit > LIMIT_MAX) {
        return cm_fail(err, CM_INVALID, "a vector search gives 1 to %d results", LIMIT_MAX);
    }
    call c = {.query = &cm_query_embeddings_nearest, .arena = arena};
    for (size_t i = 0; i < CM_COUNT(indexed); i++) {
        c.query = indexed[i].dims == query->dims ? indexed[i].query : c.query;
    }
    c.in = (cm_q_embeddings_nearest_in){
        .subject_type = query->subject_type,
        .model_id = query->model_id,
        .dims = (int64_t)query->dims,
        .query = cm_str_make((const char *)query->vector, query->dims * sizeof(float)),
        .threshold = query->threshold,
        .limit = query->limit,
    };
    bool exact = db->store->ops->engine == CM_SQLITE || c.query == &cm_query_embeddings_nearest;
    cm_rc rc = exact ? find_exactly(db, &c, err) : cm_db_read(db, find, &c, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_vector_hit *hits = CM_ARENA_ARRAY(arena, cm_vector_hit, c.count + 1);
    if (hits == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for %zu hits", c.count);
    }
    for (size_t i = 0; i < c.count; i++) {
        hits[i] = (cm_vector_hit){c.rows[i].subject_id, c.rows[i].similarity};
    }
    *ret_hits = hits;
    *ret_count = c.count;
    return CM_OK;
}
