/* map.c and map64.c against a table indexed by key. */
#include "base/map.h"

#include "base/mem.h"
#include "base/path.h"
#include "unit/check.h"

#define KEYS 700

struct model {
    bool has[KEYS];
    uint64_t value[KEYS];
    size_t count;
};

static cm_str key_text(size_t key, char text[32]) {
    int len = snprintf(text, 32, "%zu%s", key, key % 3 ? "" : "/a longer key");
    return key == 0 ? CM_STR_EMPTY : cm_str_make(text, (size_t)len);
}

static size_t number_of(cm_str text) {
    uint64_t number = 0;
    size_t digits = 0;
    while (digits < text.len && cm_is_digit(text.ptr[digits])) {
        digits++;
    }
    return cm_str_to_u64(cm_str_sub(text, 0, digits), &number) ? (size_t)number : 0;
}

static void check_same(const cm_map *map, const struct model *model) {
    char text[32];
    assert_int_equal(cm_map_count(map), model->count);
    for (size_t key = 0; key < KEYS; key++) {
        uint64_t value = 0;
        assert_int_equal(cm_map_get(map, key_text(key, text), &value), model->has[key]);
        assert_true(!model->has[key] || value == model->value[key]);
    }
    size_t cursor = 0, seen = 0;
    uint64_t value;
    for (cm_str found; cm_map_next(map, &cursor, &found, &value); seen++) {
        size_t key = number_of(found);
        assert_true(key < KEYS && model->has[key] && model->value[key] == value);
        assert_true(cm_str_eq(found, key_text(key, text)));
    }
    assert_int_equal(seen, model->count);
}

static void set(struct model *model, size_t key, uint64_t value) {
    model->count += !model->has[key];
    model->has[key] = true;
    model->value[key] = value;
}

static bool unset(struct model *model, size_t key) {
    bool had = model->has[key];
    model->count -= had;
    model->has[key] = false;
    return had;
}

static void test_base_map__behaves_like_a_table(void **state) {
    (void)state;
    uint64_t seed = 7;
    struct model model = {0};
    cm_map *map = cm_map_new(0);
    for (int step = 0; step < 30000; step++) {
        char text[32];
        size_t key = cm_draw_below(&seed, KEYS);
        /* Phases of growth and of decline, so that holes appear in long runs. */
        if (cm_draw_below(&seed, 100) < (step / 3000 % 2 ? 30u : 70u)) {
            assert_true(cm_map_put(map, key_text(key, text), (uint64_t)step));
            set(&model, key, (uint64_t)step);
        } else {
            assert_int_equal(cm_map_remove(map, key_text(key, text)), unset(&model, key));
        }
        if (step % 500 == 0) {
            check_same(map, &model);
        }
    }
    cm_map_clear(map);
    check_same(map, &(struct model){0});
    assert_true(cm_map_put(map, CM_STR("1"), 5));
    assert_int_equal(cm_map_count(map), 1);
    cm_map_freep(&map);
    assert_null(map);
}

static void test_base_map__a_key_may_be_part_of_a_key_inside(void **state) {
    (void)state;
    cm_map *map = cm_map_new(0);
    for (int i = 0; i < 2000; i++) {
        char text[40];
        int len = snprintf(text, sizeof(text), "directory-%d/file", i);
        assert_true(cm_map_put(map, cm_str_make(text, (size_t)len), 1));
        size_t cursor = 0;
        cm_str path;
        uint64_t value;
        assert_true(cm_map_next(map, &cursor, &path, &value));
        assert_true(cm_map_put(map, cm_path_directory(path), 2)); /* borrowed from the map's pool */
    }
    size_t cursor = 0;
    cm_str key;
    for (uint64_t value; cm_map_next(map, &cursor, &key, &value);) {
        assert_true(key.len == 0 || cm_str_starts(key, CM_STR("directory-")));
        assert_int_equal(cm_str_ends(key, CM_STR("/file")), value == 1);
    }
    cm_map_free(map);
}

static void test_base_map__slots_tell_whether_the_key_is_new(void **state) {
    (void)state;
    cm_map *map = cm_map_new(2);
    bool added = false;
    uint64_t *slot = cm_map_slot(map, CM_STR("a"), &added);
    assert_true(added && *slot == 0);
    *slot = 9;
    slot = cm_map_slot(map, CM_STR("a"), &added);
    assert_true(!added && *slot == 9);
    assert_true(cm_map_put(map, CM_STR("b"), 1));
    assert_null(cm_map_slot(map, CM_STR("c"), NULL)); /* full */
    assert_false(cm_map_put(map, CM_STR("c"), 1));
    assert_true(cm_map_put(map, CM_STR("a"), 2)); /* replacing needs no room */
    cm_map_free(map);
    cm_map_free(NULL);
}

static void test_base_map__each_failing_allocation_leaves_the_map_as_it_was(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 14; n++) {
        cm_map *map = cm_map_new(0);
        struct model model = {0};
        cm_mem_fail_after(n);
        size_t refused = 0;
        for (size_t key = 0; key < KEYS; key++) {
            char text[32];
            if (cm_map_put(map, key_text(key, text), key)) {
                set(&model, key, key);
            } else {
                refused++;
            }
        }
        cm_mem_fail_after(0);
        assert_int_equal(refused, 1);
        check_same(map, &model);
        cm_map_free(map);
    }
}

static uint64_t key_number(size_t key) {
    return key == 0 ? 0 : key % 2 ? UINT64_MAX - key : (uint64_t)key << 20;
}

static void check_same64(const cm_map64 *map, const struct model *model) {
    assert_int_equal(cm_map64_count(map), model->count);
    for (size_t key = 0; key < KEYS; key++) {
        uint64_t value = 0;
        assert_int_equal(cm_map64_get(map, key_number(key), &value), model->has[key]);
        assert_true(!model->has[key] || value == model->value[key]);
    }
    size_t cursor = 0, seen = 0;
    uint64_t key, value;
    for (; cm_map64_next(map, &cursor, &key, &value); seen++) {
        uint64_t again = ~value;
        assert_true(cm_map64_get(map, key, &again) && again == value);
    }
    assert_int_equal(seen, model->count);
}

static void test_base_map64__behaves_like_a_table(void **state) {
    (void)state;
    uint64_t seed = 8;
    struct model model = {0};
    cm_map64 *map = cm_map64_new(KEYS);
    for (int step = 0; step < 30000; step++) {
        size_t key = cm_draw_below(&seed, KEYS);
        if (cm_draw_below(&seed, 100) < (step / 3000 % 2 ? 30u : 70u)) {
            bool added;
            uint64_t *slot = cm_map64_slot(map, key_number(key), &added);
            assert_non_null(slot);
            assert_int_equal(added, !model.has[key]);
            *slot = (uint64_t)step;
            set(&model, key, (uint64_t)step);
        } else {
            assert_int_equal(cm_map64_remove(map, key_number(key)), unset(&model, key));
        }
        if (step % 500 == 0) {
            check_same64(map, &model);
        }
    }
    cm_map64_clear(map);
    check_same64(map, &(struct model){0});
    cm_map64_free(map);
}

static void test_base_map64__is_bounded_and_survives_a_failing_heap(void **state) {
    (void)state;
    cm_map64 *map = cm_map64_new(2);
    cm_mem_fail_after(1);
    assert_false(cm_map64_put(map, 5, 1));
    assert_true(cm_map64_put(map, 5, 1));
    assert_true(cm_map64_put(map, 0, 1));
    assert_false(cm_map64_put(map, 6, 1));
    assert_true(cm_map64_remove(map, 5));
    assert_true(cm_map64_put(map, 6, 1));
    assert_true(cm_map64_remove(map, 0));
    assert_true(cm_map64_put(map, 7, 1));
    assert_false(cm_map64_put(map, 0, 1));
    cm_map64_free(map);
    cm_map64_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_map__behaves_like_a_table),
        cmocka_unit_test(test_base_map__a_key_may_be_part_of_a_key_inside),
        cmocka_unit_test(test_base_map__slots_tell_whether_the_key_is_new),
        cmocka_unit_test(test_base_map__each_failing_allocation_leaves_the_map_as_it_was),
        cmocka_unit_test(test_base_map64__behaves_like_a_table),
        cmocka_unit_test(test_base_map64__is_bounded_and_survives_a_failing_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
