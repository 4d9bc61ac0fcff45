/* body_budget.c: what bodies may hold together, and that a chunked one is counted as it grows. */
#include "net/harness.h"

#include "net/body_budget_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

static void test_net_body_budget__shares_are_taken_raised_and_given(void **state) {
    (void)state;
    cm_body_budget *budget = cm_body_budget_new(8 * CM_BODY_SMALL, NULL);
    size_t large = 0, small = 0, other = 0;
    cm_err err;
    assert_int_equal(cm_body_budget_take(budget, &large, 7 * CM_BODY_SMALL + 1, &err),
                     CM_BODY_TOO_LARGE);
    assert_int_equal(cm_body_budget_take(budget, &large, 2 * CM_BODY_SMALL, &err), CM_OK);
    assert_int_equal(cm_body_budget_take(budget, &large, 7 * CM_BODY_SMALL, &err), CM_OK);
    assert_int_equal(cm_body_budget_take(budget, &large, 10, &err), CM_OK); /* has it already */
    assert_int_equal(large, 7 * CM_BODY_SMALL);
    assert_int_equal(cm_body_budget_take(budget, &other, 2 * CM_BODY_SMALL, &err), CM_OVERLOADED);
    assert_int_equal(other, 0);
    assert_int_equal(cm_body_budget_take(budget, &small, CM_BODY_SMALL, &err), CM_OK);
    assert_int_equal(cm_body_budget_take(budget, &other, 1, &err), CM_OVERLOADED);
    cm_body_budget_give(budget, &large);
    assert_int_equal(cm_body_budget_used(budget), CM_BODY_SMALL);
    assert_int_equal(cm_body_budget_take(budget, &other, 2 * CM_BODY_SMALL, &err), CM_OK);
    cm_body_budget_give(budget, &other);
    cm_body_budget_give(budget, &small);
    assert_int_equal(cm_body_budget_used(budget), 0);
    cm_body_budget_unref(budget);
}

static void test_net_body_budget__a_chunked_body_is_counted_as_it_grows(void **state) {
    (void)state;
    const cm_http_config config = {.body_budget = CM_MIB(2)};
    harness *h = harness_new(&config, 1, "127.0.0.1:0", NULL);
    int fd = client_open(h);
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    static char piece[CM_MIB(1)];
    memset(piece, 'x', sizeof(piece));
    client_send(fd, CM_STR("POST /upload HTTP/1.1\r\nHost: a\r\nX-Quiet: 1\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n100000\r\n"));
    client_send(fd, cm_str_make(piece, sizeof(piece)));
    client_send(fd, CM_STR("\r\n100000\r\n")); /* the second does not fit beside the first */
    client_send(fd, cm_str_make(piece, sizeof(piece)));
    client_read(fd, 12, &out);
    assert_true(buf_has(&out, "HTTP/1.1 413"));
    close(fd);
    harness_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_body_budget__shares_are_taken_raised_and_given),
        cmocka_unit_test(test_net_body_budget__a_chunked_body_is_counted_as_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
