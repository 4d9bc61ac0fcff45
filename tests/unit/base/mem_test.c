/* mem.c, vec.c and arena.c: what is asked for is there, zeroed, and failure is an answer. */
#include "base/mem.h"

#include "base/arena.h"
#include "base/vec.h"
#include "unit/check.h"

static bool is_zero(const void *memory, size_t len) {
    const char *bytes = memory;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

static void test_base_mem__the_nth_try_fails_once(void **state) {
    (void)state;
    cm_mem_fail_after(2);
    void *first = cm_try_alloc(8);
    void *second = cm_try_calloc(2, 8);
    void *third = cm_try_realloc(first, 100);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    cm_free(third);
    cm_mem_fail_after(1);
    void *safe = cm_alloc(8); /* is not a try: neither fails nor counts */
    assert_true(is_zero(safe, 8));
    assert_null(cm_try_alloc(8));
    cm_free(safe);
}

static void test_base_mem__a_product_that_overflows_is_refused(void **state) {
    (void)state;
    assert_null(cm_try_calloc(SIZE_MAX / 2, 3));
    cm_arena *arena = cm_arena_new(0);
    assert_null(cm_arena_try_calloc(arena, SIZE_MAX / 2, 3));
    assert_null(cm_arena_try_alloc(arena, SIZE_MAX));
    cm_arena_free(arena);
}

static void test_base_mem__text_is_copied(void **state) {
    (void)state;
    char *a = cm_strdup("whole");
    char *b = cm_strndup("whole", 3);
    char *c = cm_strndup("ab", 9);
    char *d = cm_asprintf("%s-%d", a, 7);
    assert_string_equal(a, "whole");
    assert_string_equal(b, "who");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "whole-7");
    cm_free(a);
    cm_free(b);
    cm_free(c);
    cm_free(d);
    cm_free(NULL);
}

static void test_base_vec__pushed_items_stay_in_order(void **state) {
    (void)state;
    CM_VEC(uint32_t) vec = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(cm_vec_push(&vec, i * 3));
    }
    assert_int_equal(vec.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(vec.items[i], i * 3);
    }
    assert_int_equal(*cm_vec_last(&vec), 999 * 3);
    cm_vec_clear(&vec);
    assert_int_equal(vec.count, 0);
    cm_vec_done(&vec);
    assert_null(vec.items);
}

static void test_base_vec__a_failed_push_changes_nothing(void **state) {
    (void)state;
    CM_VEC(int) vec = {0};
    while (vec.count < 8) {
        assert_true(cm_vec_push(&vec, 5));
    }
    cm_mem_fail_after(1);
    assert_false(cm_vec_push(&vec, 6));
    assert_int_equal(vec.count, 8);
    assert_int_equal(vec.items[7], 5);
    assert_true(cm_vec_push(&vec, 6));
    assert_int_equal(vec.items[8], 6);
    assert_false(cm_vec_reserve(&vec, SIZE_MAX / 2));
    cm_vec_done(&vec);
}

static void test_base_arena__objects_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    uint64_t seed = 1;
    cm_arena *arena = cm_arena_new(CM_MIB(64));
    for (int round = 0; round < 3; round++) {
        char *objects[400];
        size_t sizes[400];
        for (size_t i = 0; i < CM_COUNT(objects); i++) {
            sizes[i] = cm_draw_below(&seed, i % 50 == 0 ? 100000 : 200);
            objects[i] = cm_arena_alloc(arena, sizes[i]);
            assert_int_equal((uintptr_t)objects[i] % 16, 0);
            assert_true(is_zero(objects[i], sizes[i]));
            memset(objects[i], (int)i & 0xff, sizes[i]);
        }
        for (size_t i = 0; i < CM_COUNT(objects); i++) {
            for (size_t k = 0; k < sizes[i]; k++) {
                assert_int_equal((unsigned char)objects[i][k], i & 0xff);
            }
        }
        assert_true(cm_arena_used(arena) > 0);
        cm_arena_clear(arena); /* the next round finds zeroed memory again */
        assert_int_equal(cm_arena_used(arena), 0);
    }
    cm_arena_freep(&arena);
    assert_null(arena);
    cm_arena_free(NULL);
}

static void test_base_arena__over_the_maximum_is_null(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(1000);
    assert_non_null(cm_arena_try_alloc(arena, 900));
    assert_null(cm_arena_try_alloc(arena, 100));
    assert_non_null(cm_arena_try_alloc(arena, 80));
    assert_int_equal(cm_arena_used(arena), 992);
    assert_null(cm_arena_try_alloc(arena, 9)); /* 8 are left, and 16 would be taken */
    cm_arena_free(arena);
}

static void test_base_arena__a_failing_heap_is_null_and_leaves_the_arena_usable(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_mem_fail_after(1);
    assert_null(cm_arena_try_alloc(arena, 10));
    assert_int_equal(cm_arena_used(arena), 0);
    assert_non_null(cm_arena_try_alloc(arena, 10));
    cm_mem_fail_after(1);
    assert_non_null(cm_arena_alloc(arena, CM_MIB(2))); /* injected failures never abort */
    cm_mem_fail_after(0);
    cm_arena_free(arena);
}

static void test_base_arena__copies_end_in_nul(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_str copy = cm_arena_str(arena, CM_STR("text"));
    assert_str(copy, "text");
    assert_int_equal(copy.ptr[4], '\0');
    assert_string_equal(cm_arena_c(arena, CM_STR_EMPTY), "");
    assert_str(cm_arena_fmt(arena, "%d/%s", 5, "x"), "5/x");
    cm_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_mem__the_nth_try_fails_once),
        cmocka_unit_test(test_base_mem__a_product_that_overflows_is_refused),
        cmocka_unit_test(test_base_mem__text_is_copied),
        cmocka_unit_test(test_base_vec__pushed_items_stay_in_order),
        cmocka_unit_test(test_base_vec__a_failed_push_changes_nothing),
        cmocka_unit_test(test_base_arena__objects_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_base_arena__over_the_maximum_is_null),
        cmocka_unit_test(test_base_arena__a_failing_heap_is_null_and_leaves_the_arena_usable),
        cmocka_unit_test(test_base_arena__copies_end_in_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
