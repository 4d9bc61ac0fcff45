#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "assist/recent.h"

/* Ends the life of an entry with `count` results. */
static void finish(cm_recent_entry *entry, size_t count) {
    assert_non_null(entry);
    cm_completion_item items[CM_COMPLETIONS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        items[i] = (cm_completion_item){.id = cm_uuid_v7(), .text = CM_STR("x")};
    }
    cm_completion completion = {.items = items, .item_count = count};
    completion.life.state = CM_STATE_DELIVERED;
    cm_recent_set_results(entry, &completion);
}

static void test_assist_recent__the_oldest_makes_room(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(3);
    cm_uuid ids[4];
    for (size_t i = 0; i < 4; i++) {
        ids[i] = cm_uuid_v7();
        finish(cm_recent_add(recent, &ids[i]), 1);
    }
    assert_null(cm_recent_find(recent, &ids[0]));
    for (size_t i = 1; i < 4; i++) {
        assert_true(cm_uuid_eq(&cm_recent_find(recent, &ids[i])->id, &ids[i]));
    }
    cm_recent_free(recent);
}

static void test_assist_recent__a_slow_request_keeps_its_place(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(3);
    cm_uuid slow = cm_uuid_v7();
    cm_recent_entry *kept = cm_recent_add(recent, &slow);
    for (size_t i = 0; i < 10; i++) {
        cm_uuid id = cm_uuid_v7();
        finish(cm_recent_add(recent, &id), CM_COMPLETIONS_MAX);
    }
    assert_ptr_equal(cm_recent_find(recent, &slow), kept);
    assert_int_equal(kept->life.state, CM_STATE_RECEIVED);
    cm_recent_free(recent);
}

static void test_assist_recent__only_live_ones_leave_no_room(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(2);
    cm_uuid ids[3];
    for (size_t i = 0; i < 3; i++) {
        ids[i] = cm_uuid_v7();
    }
    assert_non_null(cm_recent_add(recent, &ids[0]));
    assert_non_null(cm_recent_add(recent, &ids[1]));
    assert_null(cm_recent_add(recent, &ids[2]));
    finish(cm_recent_find(recent, &ids[1]), 1);
    assert_non_null(cm_recent_add(recent, &ids[2]));
    assert_null(cm_recent_find(recent, &ids[1]));
    cm_recent_free(recent);
}

static void test_assist_recent__results_are_replaced_not_appended(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(1);
    cm_uuid id = cm_uuid_v7();
    cm_recent_entry *entry = cm_recent_add(recent, &id);
    finish(entry, CM_COMPLETIONS_MAX);
    finish(entry, 2);
    assert_int_equal(entry->result_count, 2);
    cm_recent_free(recent);
}

static void test_assist_recent__an_id_used_again_starts_anew(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(2);
    cm_uuid id = cm_uuid_v7();
    cm_recent_entry *entry = cm_recent_add(recent, &id);
    cm_completion_item item = {.id = cm_uuid_v7(), .text = CM_STR("x")};
    cm_completion completion = {.items = &item, .item_count = 1};
    cm_lifecycle_init(&completion.life);
    cm_recent_set_results(entry, &completion);
    assert_int_equal(entry->result_count, 1);
    assert_int_equal(cm_recent_add(recent, &id)->result_count, 0);
    cm_recent_free(recent);
}

static void test_assist_recent__modified_text_counts_its_edits(void **state) {
    (void)state;
    cm_recent *recent = cm_recent_new(1);
    cm_uuid id = cm_uuid_v7();
    cm_recent_entry *entry = cm_recent_add(recent, &id);
    cm_completion_item item = {.id = cm_uuid_v7(), .text = CM_STR("return value")};
    cm_completion completion = {.items = &item, .item_count = 1};
    cm_lifecycle_init(&completion.life);
    cm_recent_set_results(entry, &completion);
    cm_recent_set_modified(&entry->results[0], CM_STR("return values"));
    assert_int_equal(entry->results[0].modified_chars, 1);
    assert_true(entry->results[0].retained);
    cm_recent_set_modified(&entry->results[0], CM_STR("x"));
    assert_false(entry->results[0].retained);
    cm_recent_free(recent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_recent__the_oldest_makes_room),
        cmocka_unit_test(test_assist_recent__a_slow_request_keeps_its_place),
        cmocka_unit_test(test_assist_recent__only_live_ones_leave_no_room),
        cmocka_unit_test(test_assist_recent__results_are_replaced_not_appended),
        cmocka_unit_test(test_assist_recent__an_id_used_again_starts_anew),
        cmocka_unit_test(test_assist_recent__modified_text_counts_its_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
