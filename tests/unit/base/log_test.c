#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "unit/check.h"
#include <fcntl.h>
#include <unistd.h>

struct captured {
    int fds[2];
    char text[8192];
};

static int begin(void **state) {
    static struct captured captured;
    *state = &captured;
    cm_clock_fake(0, 0);
    return pipe2(captured.fds, O_CLOEXEC | O_NONBLOCK);
}

static int end(void **state) {
    struct captured *captured = *state;
    close(captured->fds[0]);
    close(captured->fds[1]);
    cm_clock_real();
    cm_log_init(CM_LOG_INFO, CM_LOG_HUMAN, STDERR_FILENO);
    return 0;
}

static const char *logged(struct captured *captured) {
    ssize_t got = read(captured->fds[0], captured->text, sizeof(captured->text) - 1);
    captured->text[got > 0 ? got : 0] = '\0';
    return captured->text;
}

static void test_base_log__lines_for_people(void **state) {
    struct captured *c = *state;
    cm_log_init(CM_LOG_INFO, CM_LOG_HUMAN, c->fds[1]);
    cm_log(CM_LOG_INFO, "started");
    assert_string_equal(logged(c), "1970-01-01T00:00:00.000Z info  started\n");
    cm_log(CM_LOG_WARN, "slow", CM_F("path", "a b"), CM_S("plain", CM_STR("x/y")), CM_I("n", -3),
           CM_R("share", 0.5), CM_B("yes", true), CM_F("none", NULL));
    assert_string_equal(logged(c), "1970-01-01T00:00:00.000Z warn  slow path=\"a b\" plain=x/y "
                                   "n=-3 share=0.5 yes=true none=\"\"\n");
    cm_log(CM_LOG_DEBUG, "too low");
    assert_string_equal(logged(c), "");
    cm_log_init(CM_LOG_OFF, CM_LOG_HUMAN, c->fds[1]);
    cm_log(CM_LOG_ERROR, "off");
    assert_string_equal(logged(c), "");
}

static void test_base_log__json_lines_are_whole_whatever_is_logged(void **state) {
    struct captured *c = *state;
    cm_log_init(CM_LOG_DEBUG, CM_LOG_JSON, c->fds[1]);
    uint64_t seed = 9;
    for (size_t round = 0; round < 300; round++) {
        static char noise[6000];
        size_t len = cm_draw_below(&seed, sizeof(noise));
        for (size_t i = 0; i < len; i++) {
            noise[i] = (char)(1 + cm_draw(&seed) % 255); /* jansson refuses escaped NUL */
        }
        cm_log(CM_LOG_ERROR, "noise", CM_S("a", cm_str_make(noise, len % 4000)), CM_I("n", 5),
               CM_S("b", cm_str_make(noise, len)), CM_I("m", 6));
        cm_str line = cm_str_from(logged(c));
        assert_true(cm_str_ends(line, CM_STR("}\n")));
        json_t *value;
        assert_ok(cm_json_parse(line, &value, NULL));
        assert_string_equal(json_string_value(json_object_get(value, "level")), "error");
        assert_non_null(json_object_get(value, "a"));
        json_decref(value);
    }
}

static void test_base_log__an_error_is_logged_with_code_and_origin(void **state) {
    struct captured *c = *state;
    cm_log_init(CM_LOG_INFO, CM_LOG_JSON, c->fds[1]);
    cm_err err;
    cm_fail(&err, CM_CORRUPT, "bad \"thing\"");
    cm_log_err(CM_LOG_ERROR, "cannot open", &err);
    const char *line = logged(c);
    assert_non_null(strstr(line, "\"event\":\"cannot open\",\"error\":\"bad \\\"thing\\\"\","
                                 "\"code\":\"CORRUPT\",\"at\":\"tests/unit/base/log_test.c:"));
}

static void test_base_log__levels_are_read_by_name(void **state) {
    (void)state;
    enum cm_log_level level;
    assert_true(cm_log_level_parse(CM_STR("WARN"), &level) && level == CM_LOG_WARN);
    assert_true(cm_log_level_parse(CM_STR("off"), &level) && level == CM_LOG_OFF);
    assert_false(cm_log_level_parse(CM_STR("loud"), &level));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base_log__lines_for_people, begin, end),
        cmocka_unit_test_setup_teardown(test_base_log__json_lines_are_whole_whatever_is_logged,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_base_log__an_error_is_logged_with_code_and_origin,
                                        begin, end),
        cmocka_unit_test(test_base_log__levels_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
