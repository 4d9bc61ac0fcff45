/* Nearest vectors: the same answers on both engines, within what a person may see. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/admin.h"
#include "store/q/conversations.h"
#include "store/q/document_chunks.h"
#include "store/q/documents.h"
#include "store/q/embedding_models.h"
#include "store/q/embeddings.h"
#include "store/q/knowledge_bases.h"
#include "store/q/knowledge_entries.h"
#include "store/q/memory_items.h"
#include "store/q/messages.h"
#include "store/q/teams.h"
#include "store/q/users.h"
#include "store/vectors.h"

#include <math.h>

#define DIMS 256
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNT   1000 /* slower many times, and the neighbours are the same: of 1 % all ten */
#define QUERIES 5
#else
#define COUNT   2000 /* a sample: of 1 % twenty, of which ten are asked for */
#define QUERIES 20
#endif
#define FEW 1000
#define COUNT_ALL \
    12000 /* with CODEMENTOR_TEST_ROUNDS: 120, and 10 % are too many to be looked at one by one */
#define CENTRES 100
#define TOP     10

typedef struct corpus {
    const char *kind;
    int64_t model;
    size_t count;
    bool clustered;
    uint64_t random;
    float centres[CENTRES][DIMS];
    cm_uuid ids[COUNT_ALL];
    float vectors[COUNT_ALL][DIMS];
    cm_uuid people[3]; /* of 100 the second owns ten, the third one, the first all others */
    cm_uuid parent;    /* of the subjects, where the kind has one */
} corpus;

static int owner_of(size_t i) {
    return i % 100 == 99 ? 2 : i % 10 == 0;
}

static float next_float(uint64_t *random) {
    *random = *random * 6364136223846793005ull + 1442695040888963407ull;
    return (float)((double)(*random >> 33) / (double)(1u << 30)) - 1.0f;
}

/* Somewhere, or near one of the centres: embeddings of texts are in between. */
static void next_vector(corpus *c, float *ret) {
    const float *centre = c->centres[(size_t)((next_float(&c->random) + 1) * 0.499f * CENTRES)];
    for (size_t k = 0; k < DIMS; k++) {
        float noise = next_float(&c->random);
        ret[k] = c->clustered ? centre[k] + noise * 0.7f : noise;
    }
}

static cm_uuid add_person(fixture *f, const char *email) {
    cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
    assert_ok(cm_q_users_insert(&f->system, &in, err));
    return in.id;
}

/* --- What a vector stands for: documents, documentation, messages, memory --- */

static cm_rc add_memory(const cm_db *db, const corpus *c, size_t i, cm_err *err) {
    cm_q_memory_items_insert_in in = {.id = c->ids[i],
                                      .user_id = c->people[owner_of(i)],
                                      .content = CM_STR("fact"),
                                      .source_type = CM_STR("manual")};
    return cm_q_memory_items_insert(db, &in, err);
}

static cm_rc add_message(const cm_db *db, const corpus *c, size_t i, cm_err *err) {
    cm_q_messages_insert_in in = {.id = c->ids[i],
                                  .user_id = c->people[owner_of(i)],
                                  .conversation_id = c->parent,
                                  .role = CM_STR("user"),
                                  .content = CM_STR("why?")};
    return cm_q_messages_insert(db, &in, err);
}

static cm_rc add_chunk(const cm_db *db, const corpus *c, size_t i, cm_err *err) {
    cm_q_document_chunks_insert_in in = {.id = c->ids[i],
                                         .owner_id = c->people[owner_of(i)],
                                         .document_id = c->parent,
                                         .chunk_index = (int64_t)i,
                                         .chunk_text = CM_STR("piece")};
    return cm_q_document_chunks_insert(db, &in, err);
}

static cm_rc add_entry(const cm_db *db, const corpus *c, size_t i, cm_err *err) {
    cm_q_knowledge_entries_insert_in in = {.id = c->ids[i],
                                           .knowledge_base_id = c->parent,
                                           .title = CM_STR("how"),
                                           .content = CM_STR("so")};
    return cm_q_knowledge_entries_insert(db, &in, err);
}

static void add_parents(fixture *f, corpus *c) {
    cm_uuid team = cm_uuid_v7();
    cm_q_teams_insert_in teams = {.id = team, .name = CM_STR("team")};
    cm_q_knowledge_bases_insert_in base = {.id = c->parent, .team_id = team};
    cm_q_documents_insert_in document = {
        .id = c->parent, .owner_id = c->people[0], .title = CM_STR("manual")};
    cm_q_conversations_insert_in talk = {.id = c->parent, .user_id = c->people[0]};
    assert_ok(cm_q_teams_insert(&f->system, &teams, err));
    assert_ok(cm_q_knowledge_bases_insert(&f->system, &base, err));
    assert_ok(cm_q_documents_insert(&f->system, &document, err));
    assert_ok(cm_q_conversations_insert(&f->system, &talk, err));
}

static const struct {
    const char *name;
    cm_rc (*add)(const cm_db *db, const corpus *c, size_t i, cm_err *err);
} kinds[] = {
    {"memory_item", add_memory},
    {"message", add_message},
    {"document_chunk", add_chunk},
    {"knowledge_entry", add_entry},
};

static cm_rc fill_corpus(const cm_db *db, void *argument, cm_err *err) {
    corpus *c = argument;
    size_t kind = 0;
    while (strcmp(kinds[kind].name, c->kind) != 0) {
        kind++;
    }
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < c->count; i++) {
        c->ids[i] = cm_uuid_v7();
        next_vector(c, c->vectors[i]);
        cm_q_embeddings_insert_in vector = {
            .subject_type = cm_str_from(c->kind),
            .subject_id = c->ids[i],
            .embedding_model_id = c->model,
            .dims = DIMS,
            .embedding = cm_str_make((const char *)c->vectors[i], sizeof c->vectors[i]),
            .user_id = c->people[owner_of(i)],
        };
        rc = kinds[kind].add(db, c, i, err);
        rc = rc == CM_OK ? cm_q_embeddings_insert(db, &vector, err) : rc;
    }
    return rc;
}

static corpus *make_corpus_of(fixture *f, const char *kind, bool clustered, size_t count) {
    corpus *c = CM_NEW(corpus);
    c->kind = kind;
    c->count = count;
    c->random = 7;
    c->parent = cm_uuid_v7();
    for (size_t i = 0; i < CENTRES; i++) {
        next_vector(c, c->centres[i]);
    }
    c->clustered = clustered;
    cm_q_embedding_models_insert_in model = {
        .provider_name = CM_STR("local"), .name = CM_STR("mini"), .dimensions = DIMS};
    cm_q_embedding_models_insert_row made;
    assert_ok(cm_q_embedding_models_insert(&f->system, &model, f->arena, &made, err));
    c->model = made.id;
    c->people[0] = add_person(f, "many@example.com");
    c->people[1] = add_person(f, "few@example.com");
    c->people[2] = add_person(f, "hardly@example.com");
    add_parents(f, c);
    assert_ok(cm_db_write(&f->system, CM_FULL, fill_corpus, c, err));
    return c;
}

static corpus *make_corpus(fixture *f) {
    return make_corpus_of(f, "memory_item", false, FEW);
}

/* --- Recall --- */

static void similarities(const corpus *c, const float *query, double *ret) {
    for (size_t i = 0; i < c->count; i++) {
        double dot = 0, aa = 0, bb = 0;
        for (size_t k = 0; k < DIMS; k++) {
            dot += (double)query[k] * (double)c->vectors[i][k];
            aa += (double)query[k] * (double)query[k];
            bb += (double)c->vectors[i][k] * (double)c->vectors[i][k];
        }
        ret[i] = dot / __builtin_sqrt(aa * bb);
    }
}

/* How many of the TOP true neighbours among `person`'s rows (-1 = all) were found. */
static size_t count_true(const corpus *c, const double *all, int person, const cm_vector_hit *hits,
                         size_t count) {
    size_t good = 0;
    for (size_t h = 0; h < count; h++) {
        size_t better = 0;
        for (size_t i = 0; i < c->count; i++) {
            bool visible = person < 0 || owner_of(i) == person;
            better += visible && all[i] > hits[h].similarity + 1e-5;
        }
        good += better < TOP;
    }
    return good;
}

static const char *const shares[] = {"100 %", "89 %", "10 %", "1 %"};

static void check_recall(fixture *f, corpus *c, const char *index) {
    static double all[COUNT_ALL];
    size_t good[4] = {0};
    for (int round = 0; round < QUERIES; round++) {
        float query[DIMS];
        next_vector(c, query);
        similarities(c, query, all);
        for (int person = -1; person < 3; person++) { /* everything, 89 %, 10 %, 1 % */
            cm_db db = person < 0 ? f->system : cm_store_as(f->store, c->people[person]);
            const cm_vector_hit *hits;
            size_t count;
            cm_vector_query q = {cm_str_from(c->kind), c->model, query, DIMS, -1, TOP};
            assert_ok(cm_vectors_find(&db, &q, f->arena, &hits, &count, err));
            assert_int_equal(count, TOP);
            good[person + 1] += count_true(c, all, person, hits, count);
        }
        cm_arena_clear(f->arena);
    }
    for (size_t i = 0; i < CM_COUNT(good); i++) { /* each filter by itself */
        print_message("%s, %zu %s vectors, %s: recall@10 with %s visible %.3f\n", c->kind, c->count,
                      c->clustered ? "clustered" : "random", index, shares[i],
                      (double)good[i] / (QUERIES * TOP));
    }
    /* Random vectors of 256 numbers lie equally far from each other: lists divide nothing, a graph finds its way
     * through few of them alone, and no embedder makes them. They are shown, and held where few are visible. */
    bool easy = c->clustered || (c->count <= COUNT && strcmp(index, "ivfflat") != 0);
    for (size_t i = easy ? 0 : CM_COUNT(good) - 1; i < CM_COUNT(good); i++) {
        assert_true(good[i] * 100 >= (size_t)QUERIES * TOP * 95);
    }
}

static void open_with(fixture *f, enum cm_vector_index kind) {
    cm_store_options options = {
        .data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL, .vector_index = kind};
    cm_store_close(f->store);
    assert_ok(cm_store_open(&options, &f->store, err));
    f->system = cm_store_system(f->store);
}

/* What the catalogue says of emb_<kind>_256 and of all: kind and whether every index of vectors is whole. */
static void check_catalogue(const fixture *f, const char *kind, const char *wanted) {
    PGconn *pg = PQconnectdb(f->url);
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "SELECT a.amname, (SELECT count(*) FROM pg_index WHERE NOT indisvalid), (SELECT count(*) "
        "FROM pg_class WHERE relname LIKE 'emb\\_%%\\_next' OR relname LIKE '%%\\_ccnew') FROM "
        "pg_class c "
        "JOIN pg_am a ON a.oid = c.relam WHERE c.relname = 'emb_%s_256'",
        kind);
    PGresult *result = PQexec(pg, sql);
    assert_int_equal(PQntuples(result), 1);
    assert_string_equal(PQgetvalue(result, 0, 0), wanted);
    assert_string_equal(PQgetvalue(result, 0, 1), "0");
    assert_string_equal(PQgetvalue(result, 0, 2), "0");
    PQclear(result);
    PQfinish(pg);
}

/* Nothing of the store's schema differs from its history, whichever index there is. */
static void check_no_drift(const fixture *f) {
    cm_migrate_status status;
    cm_store_options options = {.data_dir = f->dir, .url = f->url};
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    assert_null(status.drift_unchecked);
    assert_int_equal(status.drift_count, 0);
}

static void check_kind(fixture *f, const char *kind, bool clustered, size_t count) {
    corpus *c = make_corpus_of(f, kind, clustered, count);
    cm_vector_index_report report;
    if (f->url[0] != '\0') { /* of so few rows the planner may rather sort all */
        fixture_script(
            f, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_sort = off', "
               "current_database()); EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', "
               "current_database()); END $$");
        open_with(f, CM_VECTOR_HNSW);
    }
    check_recall(f, c, f->url[0] != '\0' ? "hnsw" : "scan");
    open_with(f, CM_VECTOR_IVFFLAT);
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err));
    if (f->url[0] == '\0') {
        assert_int_equal(report.checked, 0);
    } else {
        assert_int_equal(report.built, 1); /* of this kind alone there are rows */
        check_catalogue(f, kind, "ivfflat");
        check_no_drift(f);
        check_recall(f, c, "ivfflat");
    }
    cm_free(c);
}

static bool whole_run(void) {
    return getenv("CODEMENTOR_TEST_ROUNDS") != NULL;
}

static void test_store_vectors__true_neighbours_are_found_at_every_filter(void **state) {
    check_kind(*state, "memory_item", false, whole_run() ? COUNT_ALL : COUNT);
}

static void test_store_vectors__clusters_and_months_lose_none_either(void **state) {
    check_kind(*state, "message", true, whole_run() ? COUNT_ALL : COUNT);
}

static void test_store_vectors__every_kind_of_subject_both_ways(void **state) {
    if (!whole_run()) {
        skip(); /* CODEMENTOR_TEST_ROUNDS: minutes */
    }
    for (size_t i = 0; i < CM_COUNT(kinds); i++) {
        for (int clustered = 0; clustered < 2; clustered++) {
            bool done = (i == 0 && clustered == 0) || (i == 1 && clustered == 1); /* above */
            void *own = NULL;
            if (!done) {
                assert_int_equal(fixture_setup(&own), 0);
                check_kind(own, kinds[i].name, clustered != 0, COUNT_ALL);
                assert_int_equal(fixture_teardown(&own), 0);
            }
        }
    }
    (void)state;
}

/* --- Changing the kind of index --- */

static void test_store_vectors__the_index_follows_the_setting_and_the_rows(void **state) {
    fixture *f = *state;
    cm_vector_index_report report;
    if (f->url[0] == '\0') {
        skip(); /* SQLite has none */
    }
    open_with(f, CM_VECTOR_IVFFLAT);
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err)); /* nothing to learn from */
    assert_int_equal(report.built, 0);
    assert_true(report.checked >= 21);
    corpus *c = make_corpus_of(f, "message", true, FEW);
    /* What killed builds leave behind, of a month and of a parent. */
    fixture_script(
        f, "CREATE INDEX emb_message_256_next ON ONLY embeddings_message USING ivfflat "
           "((embedding::vector(256)) vector_cosine_ops) WITH (lists = 7) WHERE dims = 256");
    fixture_script(f, "SET client_min_messages = warning; CREATE INDEX "
                      "embeddings_message_default_256_next_1 ON embeddings_message_default USING "
                      "ivfflat ((embedding::vector(256)) vector_cosine_ops) WHERE dims = 256");
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err));
    assert_int_equal(report.built, 1);
    check_catalogue(f, "message", "ivfflat");
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err)); /* nothing to do */
    assert_int_equal(report.built, 0);
    assert_ok(cm_store_maintain(f->store, err)); /* months still come */
    assert_ok(cm_db_write(&f->system, CM_FULL, fill_corpus, c, err));
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err)); /* doubled */
    assert_int_equal(report.built, 1);
    check_catalogue(f, "message", "ivfflat");
    check_no_drift(f);
    open_with(f, CM_VECTOR_HNSW);
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err));
    assert_int_equal(report.built, 1);
    check_catalogue(f, "message", "hnsw");
    check_no_drift(f);
    cm_free(c);
}

static void test_store_vectors__a_build_that_fails_leaves_the_old_index_and_no_rest(void **state) {
    fixture *f = *state;
    cm_vector_index_report report;
    if (f->url[0] == '\0') {
        skip();
    }
    corpus *c = make_corpus_of(f, "message", true, FEW);
    open_with(f, CM_VECTOR_IVFFLAT);
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_SHUTDOWN);
    assert_rc(CM_CANCELLED, cm_store_vector_indexes(f->store, cancel, &report, err));
    cm_cancel_unref(cancel);
    check_catalogue(f, "message", "hnsw");
    PGconn *other = PQconnectdb(f->url); /* another server is at it */
    PQclear(PQexec(other, "SELECT pg_advisory_lock(7163746582916)"));
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err));
    assert_true(report.elsewhere);
    PQclear(PQexec(other, "SELECT pg_advisory_unlock_all()"));
    /* A reader that does not end: the new index never gets its name, the old one serves. */
    PQclear(PQexec(other, "BEGIN; LOCK TABLE embeddings_message IN ACCESS SHARE MODE"));
    assert_rc(CM_DATABASE_UNAVAILABLE, cm_store_vector_indexes(f->store, NULL, &report, err));
    check_recall(f, c, "hnsw beside an unfinished build");
    PQfinish(other);
    assert_ok(cm_store_vector_indexes(f->store, NULL, &report, err));
    assert_int_equal(report.built, 1);
    check_catalogue(f, "message", "ivfflat");
    check_no_drift(f);
    cm_free(c);
}

static void test_store_vectors__the_threshold_cuts_and_the_best_comes_first(void **state) {
    fixture *f = *state;
    corpus *c = make_corpus(f);
    const cm_vector_hit *hits;
    size_t count;
    cm_vector_query q = {CM_STR("memory_item"), c->model, c->vectors[5], DIMS, 0.9, TOP};
    assert_ok(cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
    assert_int_equal(count, 1);
    assert_true(cm_uuid_eq(&hits[0].subject_id, &c->ids[5]));
    assert_true(hits[0].similarity > 0.999);
    cm_db stranger = cm_store_as(f->store, c->people[1]); /* not theirs: row 5 */
    assert_ok(cm_vectors_find(&stranger, &q, f->arena, &hits, &count, err));
    assert_int_equal(count, 0);
    q.dims = 0;
    assert_rc(CM_INVALID, cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
    q.dims = 3; /* another model's length: nothing compares */
    assert_ok(cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
    assert_int_equal(count, 0);
    cm_free(c);
}

static void test_store_vectors__what_cannot_be_compared_is_refused(void **state) {
    fixture *f = *state;
    corpus *c = make_corpus(f);
    const cm_vector_hit *hits;
    size_t count;
    float bad[DIMS];
    const cm_vector_query good = {CM_STR("memory_item"), c->model, c->vectors[5], DIMS, -1, 1};
    const float worst[] = {(float)NAN, (float)INFINITY, -(float)INFINITY};
    for (size_t i = 0; i < CM_COUNT(worst); i++) {
        memcpy(bad, c->vectors[5], sizeof bad);
        bad[DIMS - 1] = worst[i];
        cm_vector_query q = good;
        q.vector = bad;
        assert_rc(CM_INVALID, cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
        cm_q_embeddings_insert_in in = {.subject_type = CM_STR("memory_item"),
                                        .subject_id = c->ids[0],
                                        .embedding_model_id = c->model,
                                        .dims = DIMS,
                                        .embedding = cm_str_make((const char *)bad, sizeof bad),
                                        .user_id = c->people[0]};
        assert_rc(CM_INVALID, cm_q_embeddings_insert(&f->system, &in, err));
        in.embedding = cm_str_make((const char *)c->vectors[5], sizeof bad - 4); /* one short */
        assert_rc(CM_INVALID, cm_q_embeddings_insert(&f->system, &in, err));
        in.embedding.len--;
        assert_rc(CM_INVALID, cm_q_embeddings_insert(&f->system, &in, err));
    }
    const double thresholds[] = {-1.001, 1.001, NAN, INFINITY};
    for (size_t i = 0; i < CM_COUNT(thresholds); i++) {
        cm_vector_query q = good;
        q.threshold = thresholds[i];
        assert_rc(CM_INVALID, cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
    }
    cm_vector_query q = good;
    assert_ok(cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err)); /* -1: everything */
    assert_int_equal(count, 1);
    q.limit = -1;
    assert_rc(CM_INVALID, cm_vectors_find(&f->system, &q, f->arena, &hits, &count, err));
    cm_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_vectors__true_neighbours_are_found_at_every_filter),
        store_test(test_store_vectors__clusters_and_months_lose_none_either),
        store_test(test_store_vectors__every_kind_of_subject_both_ways),
        store_test(test_store_vectors__the_index_follows_the_setting_and_the_rows),
        store_test(test_store_vectors__a_build_that_fails_leaves_the_old_index_and_no_rest),
        store_test(test_store_vectors__the_threshold_cuts_and_the_best_comes_first),
        store_test(test_store_vectors__what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests_name("store/vectors", tests, NULL, NULL);
}
