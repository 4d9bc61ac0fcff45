#include "rt/settings.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>

#define READERS 4
#define RELOADS 2000

/* Both fields say the same number, one of them in a string of the snapshot's arena. */
static cm_settings settings_of(cm_arena *arena, unsigned number) {
    cm_str *items = CM_ARENA_ARRAY(arena, cm_str, 1);
    items[0] = cm_arena_fmt(arena, "%u", number);
    return (cm_settings){.http.cors_origins = {items, 1},
                         .completion.instant_min_confidence = number};
}

static void publish(cm_settings_cell *cell, unsigned number) {
    cm_arena *arena = cm_arena_new(0);
    cm_settings settings = settings_of(arena, number);
    cm_settings_publish(cell, &settings, arena);
}

static cm_settings_cell *cell_of(unsigned number) {
    cm_arena *arena = cm_arena_new(0);
    cm_settings settings = settings_of(arena, number);
    return cm_settings_cell_new(&settings, arena);
}

static bool is_whole(const cm_settings *settings) {
    uint64_t number = 0;
    return cm_str_to_u64(settings->http.cors_origins.items[0], &number) &&
           (double)number == settings->completion.instant_min_confidence;
}

static void test_rt_settings__a_taken_snapshot_outlives_a_reload(void **state) {
    (void)state;
    cm_settings_cell *cell = cell_of(1);
    const cm_settings *old = cm_settings_take(cell);
    publish(cell, 2);
    const cm_settings *new = cm_settings_take(cell);
    assert_true(old->completion.instant_min_confidence == 1 && is_whole(old));
    assert_true(new->completion.instant_min_confidence == 2 && is_whole(new));
    cm_settings_cell_free(cell);
    assert_true(is_whole(old) && is_whole(new));
    cm_settings_unref(old);
    cm_settings_unref(new);
    cm_settings_cell_free(NULL);
}

typedef struct readers {
    cm_settings_cell *cell;
    atomic_bool done;
    atomic_uint torn, backwards;
} readers;

static void *read_settings(void *argument) {
    readers *r = argument;
    double last = 0;
    do {
        const cm_settings *settings = cm_settings_take(r->cell);
        atomic_fetch_add(&r->torn, !is_whole(settings));
        atomic_fetch_add(&r->backwards, settings->completion.instant_min_confidence < last);
        last = settings->completion.instant_min_confidence;
        cm_settings_unref(settings);
    } while (!atomic_load(&r->done));
    return NULL;
}

static void test_rt_settings__readers_see_one_reload_or_another(void **state) {
    (void)state;
    readers r = {.cell = cell_of(1)};
    pthread_t threads[READERS];
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_settings, &r), 0);
    }
    for (unsigned i = 2; i <= RELOADS; i++) {
        publish(r.cell, i);
    }
    atomic_store(&r.done, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&r.torn), 0);
    assert_int_equal(atomic_load(&r.backwards), 0);
    cm_settings_cell_free(r.cell);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_settings__a_taken_snapshot_outlives_a_reload),
        cmocka_unit_test(test_rt_settings__readers_see_one_reload_or_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
