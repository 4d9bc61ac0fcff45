#include "base/buf.h"

#include "base/mem.h"
#include "unit/check.h"

static void test_base_buf__appends_chain_and_end_in_nul(void **state) {
    (void)state;
    cm_buf buf;
    cm_buf_init(&buf, 1000);
    assert_string_equal(cm_buf_c(&buf), "");
    cm_buf_add_c(&buf, "a");
    cm_buf_add_char(&buf, '-');
    cm_buf_add_repeat(&buf, 'x', 3);
    cm_buf_add_u64(&buf, UINT64_MAX);
    cm_buf_add_i64(&buf, INT64_MIN);
    cm_buf_add_f(&buf, "[%s:%d]", "y", 5);
    cm_buf_add_str(&buf, CM_STR_EMPTY);
    assert_ok(cm_buf_check(&buf, NULL));
    assert_string_equal(cm_buf_c(&buf), "a-xxx18446744073709551615-9223372036854775808[y:5]");
    cm_buf_drop(&buf, 5);
    cm_buf_truncate(&buf, 3);
    assert_string_equal(cm_buf_c(&buf), "184");
    size_t len;
    char *text = cm_buf_take(&buf, &len);
    assert_string_equal(text, "184");
    assert_int_equal(len, 3);
    cm_free(text);
    text = cm_buf_take(&buf, NULL);
    assert_string_equal(text, "");
    cm_free(text);
}

static void test_base_buf__an_append_past_the_maximum_adds_nothing(void **state) {
    (void)state;
    cm_buf buf;
    cm_buf_init(&buf, 5);
    cm_buf_add_c(&buf, "abc");
    cm_buf_add_f(&buf, "%s", "def");
    assert_int_equal(cm_buf_check(&buf, NULL), CM_LIMIT);
    cm_buf_add_char(&buf, 'd'); /* would fit, but a hole in the middle is worse than a short text */
    assert_string_equal(cm_buf_c(&buf), "abc");
    cm_err err;
    assert_int_equal(cm_buf_check(&buf, &err), CM_LIMIT);
    assert_string_equal(err.text, "text is longer than 5 bytes");
    cm_buf_clear(&buf);
    cm_buf_add_c(&buf, "12345");
    assert_ok(cm_buf_check(&buf, NULL));
    cm_buf_done(&buf);
    cm_buf nothing = {0};
    cm_buf_add_char(&nothing, 'x');
    assert_int_equal(cm_buf_check(&nothing, NULL), CM_LIMIT);
}

static void test_base_buf__reserved_room_is_committed_by_the_caller(void **state) {
    (void)state;
    cm_buf buf;
    cm_buf_init(&buf, 100);
    char *room = cm_buf_reserve(&buf, 100);
    assert_non_null(room);
    memset(room, 'z', 100);
    buf.len += 2;
    assert_string_equal(cm_buf_c(&buf), "zz");
    assert_null(cm_buf_reserve(&buf, 99));
    assert_int_equal(buf.failed, CM_LIMIT);
    cm_buf_done(&buf);
}

/* Every append of a long chain fails once: the text is a prefix of the whole one, cut between appends. */
static void test_base_buf__each_failing_allocation_is_reported(void **state) {
    (void)state;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        cm_buf buf;
        cm_buf_init(&buf, 100000);
        cm_mem_fail_after(n);
        for (int i = 0; i < 300; i++) {
            cm_buf_add_f(&buf, "%099d\n", i);
        }
        cm_mem_fail_after(0);
        done = buf.failed == CM_OK;
        assert_int_equal(cm_buf_check(&buf, NULL), done ? CM_OK : CM_NOMEM);
        assert_int_equal(buf.len % 100, 0);
        assert_true(done ? buf.len == 30000 : buf.len < 30000);
        cm_buf_done(&buf);
        assert_true(n < 100);
    }
}

/* Random operations against a plain array. */
static void test_base_buf__behaves_like_an_array(void **state) {
    (void)state;
    uint64_t seed = 42;
    static char model[3000];
    size_t len = 0;
    cm_buf buf;
    cm_buf_init(&buf, sizeof(model));
    for (int step = 0; step < 20000; step++) {
        size_t count = cm_draw_below(&seed, 60);
        char c = (char)('a' + cm_draw_below(&seed, 26));
        bool fits = len + count <= sizeof(model);
        switch (cm_draw_below(&seed, 4)) {
        case 0:
        case 1:
            cm_buf_add_repeat(&buf, c, count);
            assert_int_equal(buf.failed == CM_OK, fits);
            if (fits) {
                memset(model + len, c, count);
                len += count;
            } else {
                cm_buf_clear(&buf);
                len = 0;
            }
            break;
        case 2:
            count = CM_MIN(count, len);
            cm_buf_drop(&buf, count);
            memmove(model, model + count, len - count);
            len -= count;
            break;
        default:
            count = CM_MIN(count, len);
            cm_buf_truncate(&buf, len - count);
            len -= count;
        }
        assert_int_equal(buf.len, len);
        assert_true(len == 0 || memcmp(buf.ptr, model, len) == 0);
    }
    cm_buf_done(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_buf__appends_chain_and_end_in_nul),
        cmocka_unit_test(test_base_buf__an_append_past_the_maximum_adds_nothing),
        cmocka_unit_test(test_base_buf__reserved_room_is_committed_by_the_caller),
        cmocka_unit_test(test_base_buf__each_failing_allocation_is_reported),
        cmocka_unit_test(test_base_buf__behaves_like_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
