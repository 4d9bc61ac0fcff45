#include "base/err.h"

#include "unit/check.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_base_err__a_failure_keeps_code_text_and_origin(void **state) {
    (void)state;
    cm_err err = {0};
    assert_int_equal(cm_fail(&err, CM_LIMIT, "query of %d bytes", 12), CM_LIMIT);
    assert_int_equal(err.rc, CM_LIMIT);
    assert_string_equal(err.text, "query of 12 bytes");
    assert_string_equal(err.file, "tests/unit/base/err_test.c");
    assert_true(err.line > 0);
    assert_int_equal(cm_fail(NULL, CM_INVALID, "nobody listens"), CM_INVALID);
}

static void test_base_err__long_text_is_cut_with_dots(void **state) {
    (void)state;
    cm_err err;
    cm_fail(&err, CM_INVALID, "%0600d", 7);
    assert_int_equal(strlen(err.text), CM_ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + CM_ERR_TEXT_MAX - 5, "0...");
}

static void test_base_err__prefix_goes_before_the_text(void **state) {
    (void)state;
    cm_err err;
    cm_fail(&err, CM_CORRUPT, "bad checksum in segment %d", 12);
    int line = err.line;
    assert_int_equal(cm_err_prefix(&err, CM_CORRUPT, "cannot open index '%s'", "/x"), CM_CORRUPT);
    assert_string_equal(err.text, "cannot open index '/x': bad checksum in segment 12");
    assert_int_equal(err.line, line);
    assert_int_equal(cm_err_prefix(NULL, CM_IO, "x"), CM_IO);
}

static void test_base_err__an_argument_may_be_the_text_itself(void **state) {
    (void)state;
    cm_err err;
    cm_fail(&err, CM_INVALID, "inner");
    cm_fail(&err, CM_INVALID, "outer(%s)", err.text);
    assert_string_equal(err.text, "outer(inner)");
}

static void test_base_err__errno_becomes_a_code_and_words(void **state) {
    (void)state;
    static const struct {
        int value;
        cm_rc rc;
        const char *text;
    } cases[] = {
        {ENOSPC, CM_STORAGE_FULL, "cannot write 'x': No space left on device"},
        {ENOENT, CM_NOT_FOUND, "cannot write 'x': No such file or directory"},
        {ENAMETOOLONG, CM_INVALID, "cannot write 'x': File name too long"},
        {ENOTDIR, CM_NOT_FOUND, "cannot write 'x': Not a directory"},
        {ENAMETOOLONG, CM_INVALID, "cannot write 'x': File name too long"},
        {EACCES, CM_DENIED, "cannot write 'x': Permission denied"},
        {EPERM, CM_DENIED, "cannot write 'x': Operation not permitted"},
        {ENOMEM, CM_NOMEM, "cannot write 'x': Cannot allocate memory"},
        {EIO, CM_IO, "cannot write 'x': Input/output error"},
        {99999, CM_IO, "cannot write 'x': error 99999"},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_err err;
        assert_int_equal(cm_fail_errno(&err, cases[i].value, "cannot write '%s'", "x"),
                         cases[i].rc);
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(cm_fail_errno(NULL, cases[i].value, "x"), cases[i].rc);
    }
}

static void test_base_err__every_code_has_its_row(void **state) {
    (void)state;
    size_t count;
    const cm_err_info *rows = cm_err_info_all(&count);
    assert_int_equal(count, CM_RC_COUNT);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].rc, i);
        assert_ptr_equal(cm_err_info_get((cm_rc)i), &rows[i]);
        assert_true(rows[i].http_status >= 200 && rows[i].http_status < 600);
    }
    assert_int_equal(cm_err_info_get((cm_rc)9999)->rc, CM_INTERNAL);
    assert_int_equal(cm_err_info_find("validation_failed")->rc, CM_INVALID);
    assert_int_equal(cm_err_info_find("internal")->rc, CM_INTERNAL);
    assert_null(cm_err_info_find("no_such_code"));
}

/* base.c */
static void test_base_assert__a_mistake_stops_the_process_and_says_where(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        cm_assert(child != 0);
        _exit(0);
    }
    close(ends[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    char said[200] = "";
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    assert_non_null(strstr(said, "tests/unit/base/err_test.c"));
    assert_non_null(strstr(said, "assertion failed: child != 0"));
    close(ends[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_err__a_failure_keeps_code_text_and_origin),
        cmocka_unit_test(test_base_err__long_text_is_cut_with_dots),
        cmocka_unit_test(test_base_err__prefix_goes_before_the_text),
        cmocka_unit_test(test_base_err__an_argument_may_be_the_text_itself),
        cmocka_unit_test(test_base_err__errno_becomes_a_code_and_words),
        cmocka_unit_test(test_base_err__every_code_has_its_row),
        cmocka_unit_test(test_base_assert__a_mistake_stops_the_process_and_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
