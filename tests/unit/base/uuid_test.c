/* uuid.c and hash.c. */
#include "base/uuid.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/map.h"
#include "unit/check.h"
#include <pthread.h>

static void test_base_uuid__version_7_never_goes_back(void **state) {
    (void)state;
    cm_clock_fake(0, INT64_C(1795341600000));
    cm_uuid last = cm_uuid_v7();
    assert_int_equal(cm_uuid_v7_ms(&last), INT64_C(1795341600000));
    for (int i = 0; i < 10000; i++) { /* more than the counter holds: it carries into the time */
        if (i == 5000) {
            cm_clock_fake(0, INT64_C(1795341500000)); /* the clock was set back */
        }
        cm_uuid next = cm_uuid_v7();
        assert_true(memcmp(next.bytes, last.bytes, 16) > 0);
        assert_int_equal(next.bytes[6] >> 4, 7);
        assert_int_equal(next.bytes[8] >> 6, 2);
        last = next;
    }
    assert_true(cm_uuid_v7_ms(&last) <= INT64_C(1795341600003));
    cm_clock_real();
}

#define THREADS  4
#define A_THREAD 2000

static void *make_many(void *argument) {
    cm_uuid *ids = argument;
    for (size_t i = 0; i < A_THREAD; i++) {
        ids[i] = cm_uuid_v7();
    }
    return NULL;
}

static void test_base_uuid__threads_never_get_the_same_and_each_sees_them_rise(void **state) {
    (void)state;
    static cm_uuid ids[THREADS][A_THREAD];
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, make_many, ids[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    cm_map *ticks = cm_map_new(0);
    for (size_t t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < A_THREAD; i++) {
            bool added; /* the first eight bytes are time and counter: no two share them */
            assert_non_null(
                cm_map_slot(ticks, cm_str_make((const char *)ids[t][i].bytes, 8), &added));
            assert_true(added);
            assert_true(i == 0 || memcmp(ids[t][i - 1].bytes, ids[t][i].bytes, 8) < 0);
        }
    }
    cm_map_free(ticks);
}

static void test_base_uuid__version_8_depends_on_the_parts_alone(void **state) {
    (void)state;
    const cm_str one[] = {CM_STR("a"), CM_STR("bc")};
    const cm_str two[] = {CM_STR("ab"), CM_STR("c")};
    cm_uuid a = cm_uuid_v8(one, 2), b = cm_uuid_v8(one, 2), c = cm_uuid_v8(two, 2);
    assert_true(cm_uuid_eq(&a, &b));
    assert_false(cm_uuid_eq(&a, &c));
    assert_int_equal(a.bytes[6] >> 4, 8);
    assert_int_equal(a.bytes[8] >> 6, 2);
    assert_int_equal(cm_uuid_v7_ms(&a), -1);
    char text[CM_UUID_TEXT]; /* written to disk: the value must never change */
    cm_uuid_format(&a, text);
    assert_string_equal(text, "771ca413-71fb-8e44-8924-b414b36f1c6b");
}

static void test_base_uuid__text_form(void **state) {
    (void)state;
    static const char *const good = "0190163d-8694-739b-aea5-966c26f8ad91";
    cm_uuid id;
    char text[CM_UUID_TEXT];
    assert_true(cm_uuid_parse(CM_STR("0190163D-8694-739B-AEA5-966C26F8AD91"), &id));
    cm_uuid_format(&id, text);
    assert_string_equal(text, good);
    static const char *const bad[] = {"",
                                      "0190163d-8694-739b-aea5-966c26f8ad9",
                                      "0190163d-8694-739b-aea5-966c26f8ad911",
                                      "0190163d08694-739b-aea5-966c26f8ad91",
                                      "0190163g-8694-739b-aea5-966c26f8ad91",
                                      "{190163d-8694-739b-aea5-966c26f8ad91"};
    for (size_t i = 0; i < CM_COUNT(bad); i++) {
        assert_false(cm_uuid_parse(cm_str_from(bad[i]), &id));
    }
    assert_false(cm_uuid_is_nil(&id));
    assert_true(cm_uuid_is_nil(&(cm_uuid){{0}}));
}

static void test_base_hash__known_values(void **state) {
    (void)state;
    char text[CM_SHA256_TEXT];
    cm_sha256_hex("abc", 3, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cm_sha256_hex(NULL, 0, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(cm_hash64(NULL, 0), UINT64_C(0x2d06800538d394c2)); /* XXH3 of nothing */
    char hex[CM_HASH128_TEXT];
    cm_hash128_format(cm_hash128_of(NULL, 0), hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(cm_hash64("a", 1) != cm_hash64_seed("a", 1, 1));
    assert_true(cm_hash64_mix(1, 2) != cm_hash64_mix(2, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_uuid__version_7_never_goes_back),
        cmocka_unit_test(test_base_uuid__threads_never_get_the_same_and_each_sees_them_rise),
        cmocka_unit_test(test_base_uuid__version_8_depends_on_the_parts_alone),
        cmocka_unit_test(test_base_uuid__text_form),
        cmocka_unit_test(test_base_hash__known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
