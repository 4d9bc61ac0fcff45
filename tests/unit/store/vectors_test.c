/* Nearest vectors: the same answers on both engines, within what a person may see. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/q/embedding_models.h"
#include "store/q/embeddings.h"
#include "store/q/memory_items.h"
#include "store/q/users.h"
#include "store/vectors.h"

#include <math.h>

#define DIMS  256
#define COUNT 1000
#define TOP   10

typedef struct corpus {
    int64_t model;
    cm_uuid ids[COUNT];
    float vectors[COUNT][DIMS];
    cm_uuid people[3]; /* of 100 the second owns ten, the third one, the first all others */
} corpus;

static int owner_of(size_t i) {
    return i % 100 == 99 ? 2 : i % 10 == 0;
}

static float next_float(uint64_t *random) {
    *random = *random * 6364136223846793005ull + 1442695040888963407ull;
    return (float)((double)(*random >> 33) / (double)(1u << 30)) - 1.0f;
}

static cm_uuid add_person(fixture *f, const char *email) {
    cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
    assert_ok(cm_q_users_insert(&f->system, &in, err));
    return in.id;
}

static cm_rc fill_corpus(const cm_db *db, void *argument, cm_err *err) {
    corpus *c = argument;
    uint64_t random = 7;
    for (size_t i = 0; i < COUNT; i++) {
        c->ids[i] = cm_uuid_v7();
        for (size_t k = 0; k < DIMS; k++) {
            c->vectors[i][k] = next_float(&random);
        }
        cm_uuid owner = c->people[owner_of(i)];
        cm_q_memory_items_insert_in item = {.id = c->ids[i],
                                            .user_id = owner,
                                            .content = CM_STR("fact"),
                                            .source_type = CM_STR("manual")};
        cm_rc rc = cm_q_memory_items_insert(db, &item, err);
        cm_q_embeddings_insert_in vector = {
            .subject_type = CM_STR("memory_item"),
            .subject_id = c->ids[i],
            .embedding_model_id = c->model,
            .dims = DIMS,
            .embedding = cm_str_make((const char *)c->vectors[i], sizeof c->vectors[i]),
            .user_id = owner,
        };
        if (rc == CM_OK) {
            rc = cm_q_embeddings_insert(db, &vector, err);
        }
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}

static corpus *make_corpus(fixture *f) {
    corpus *c = CM_NEW(corpus);
    cm_q_embedding_models_insert_in model = {
        .provider_name = CM_STR("local"), .name = CM_STR("mini"), .dimensions = DIMS};
    cm_q_embedding_models_insert_row made;
    assert_ok(cm_q_embedding_models_insert(&f->system, &model, f->arena, &made, err));
    c->model = made.id;
    c->people[0] = add_person(f, "many@example.com");
    c->people[1] = add_person(f, "few@example.com");
    c->people[2] = add_person(f, "hardly@example.com");
    assert_ok(cm_db_write(&f->system, CM_FULL, fill_corpus, c, err));
    return c;
}

static double similarity(const float *a, const float *b) {
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < DIMS; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / __builtin_sqrt(aa * bb);
}

/* How many of the TOP true neighbours among `person`'s rows (-1 = all) were found. */
static size_t count_true(const corpus *c, const float *query, int person, const cm_vector_hit *hits,
                         size_t count) {
    size_t good = 0;
    for (size_t h = 0; h < count; h++) {
        size_t better = 0;
        for (size_t i = 0; i < COUNT; i++) {
            bool visible = person < 0 || owner_of(i) == person;
            better += visible && similarity(query, c->vectors[i]) > hits[h].similarity + 1e-4;
        }
        good += better < TOP;
    }
    return good;
}

static const char *const shares[] = {"everything", "89 %", "10 %", "1 %"};

static void test_store_vectors__nearly_all_true_neighbours_are_found_at_every_filter(void **state) {
    fixture *f = *state;
    corpus *c = make_corpus(f);
    uint64_t random = 99;
    size_t good[4] = {0};
    size_t wanted = 0;
    for (int round = 0; round < 20; round++) {
        float query[DIMS];
        for (size_t k = 0; k < DIMS; k++) {
            query[k] = next_float(&random);
        }
        for (int person = -1; person < 3; person++) { /* everything, 89 %, 10 %, 1 % */
            cm_db db = person < 0 ? f->system : cm_store_as(f->store, c->people[person]);
            const cm_vector_hit *hits;
            size_t count;
            cm_vector_query q = {CM_STR("memory_item"), c->model, query, DIMS, -1, TOP};
            assert_ok(cm_vectors_find(&db, &q, f->arena, &hits, &count, err));
            assert_int_equal(count, TOP);
            good[person + 1] += count_true(c, query, person, hits, count);
        }
        wanted += TOP;
    }
    for (size_t i = 0; i < CM_COUNT(good); i++) { /* each filter by itself */
        print_message("recall@10 with %s visible: %zu of %zu\n", shares[i], good[i], wanted);
        assert_true(good[i] * 100 >= wanted * 95);
    }
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
        store_test(test_store_vectors__nearly_all_true_neighbours_are_found_at_every_filter),
        store_test(test_store_vectors__the_threshold_cuts_and_the_best_comes_first),
        store_test(test_store_vectors__what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests_name("store/vectors", tests, NULL, NULL);
}
