/* Settings from files, environment and flags, written to a temporary directory each. */
#include "app/config.h"

#include "base/file.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
    cm_arena *arena;
    char file[64];
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->arena = cm_arena_new(0);
    snprintf(f->file, sizeof(f->file), "/tmp/cm_config_XXXXXX");
    close(mkstemp(f->file));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    unlink(f->file);
    cm_arena_free(f->arena);
    free(f);
    return 0;
}

static void write_file(const fixture *f, const char *text) {
    cm_err err;
    assert_int_equal(cm_file_replace(f->file, cm_str_from(text), 0600, &err), CM_OK);
}

static cm_rc load(const fixture *f, const char *const *environment, const cm_config_flag *flags,
                  size_t flag_count, const cm_config **ret_config, cm_str *ret_faults,
                  cm_err *err) {
    cm_config_input input = {f->file, environment, flags, flag_count};
    return cm_config_load(&input, f->arena, ret_config, ret_faults, err);
}

static void test_app_config__defaults_hold_when_nothing_is_said(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    cm_err err;
    write_file(f, "");
    assert_int_equal(load(f, NULL, NULL, 0, &config, NULL, &err), CM_OK);
    assert_string_equal(config->http.listen, "127.0.0.1:8012");
    assert_int_equal(config->http.port, -1);
    assert_int_equal(cm_config_listen_port(config), 8012);
    assert_true(cm_str_eq_c(cm_config_listen_host(config), "127.0.0.1"));
    assert_int_equal(config->index.max_file_size_kb, 500);
    assert_true(config->completion.instant);
    assert_true(config->completion.instant_min_confidence == 0.75);
    assert_int_equal(config->model.quantisation, CM_CONFIG_MODEL_QUANTISATION_Q8_0);
    assert_int_equal(config->http.cors_origins.count, 0);
    assert_int_equal(cm_config_source_of(config, CM_OPTION_HTTP_LISTEN), CM_CONFIG_DEFAULT);
}

static void test_app_config__flags_beat_environment_beats_file(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    const char *environment[] = {"CODEMENTOR_HTTP_LOOPS=2", "CODEMENTOR_HTTP_IDLE_SECONDS=20",
                                 "HOME=/home/x", "CODEMENTOR_CACHE=else", NULL};
    const cm_config_flag flags[] = {{CM_STR("--set"), CM_STR("http.loops"), CM_STR("3")},
                                    {CM_STR("--port"), CM_STR("http.port"), CM_STR("0")}};
    cm_err err;
    write_file(f,
               "[http]\nloops = 1\nidle_seconds=10\nqueue_max = 7 ; inline\n[log]\nlevel=warn\n");
    assert_int_equal(load(f, environment, flags, 2, &config, NULL, &err), CM_OK);
    assert_int_equal(config->http.loops, 3);
    assert_int_equal(config->http.idle_seconds, 20);
    assert_int_equal(config->http.queue_max, 7);
    assert_int_equal(config->log.level, CM_CONFIG_LOG_LEVEL_WARN);
    assert_int_equal(cm_config_listen_port(config), 0);
    assert_int_equal(cm_config_source_of(config, CM_OPTION_HTTP_LOOPS), CM_CONFIG_FLAG);
    assert_int_equal(cm_config_source_of(config, CM_OPTION_HTTP_IDLE_SECONDS),
                     CM_CONFIG_ENVIRONMENT);
    assert_int_equal(cm_config_source_of(config, CM_OPTION_HTTP_QUEUE_MAX), CM_CONFIG_FILE);
}

typedef struct bad_case {
    const char *text;   /* of the file */
    const char *expect; /* in the fault, after the file's name */
} bad_case;

static const bad_case bad_cases[] = {
    {"[http]\n\nloops = x\n", ":3: 'x' for http.loops must be a whole number"},
    {"[http]\nloops = 999\n", ":2: '999' for http.loops must be from 0 to 256"},
    {"[http]\nlistn = a:1\n", ":2: 'http.listn' is not a setting; did you mean 'http.listen'?"},
    {"[nothing]\nlike = this\n", ":2: 'nothing.like' is not a setting"},
    {"loops = 1\n", ":1: 'loops' is not a setting"},
    {"[http]\nrubbish\n", ":2: neither '[section]' nor 'key = value'"},
    {"[http]\nloops = 1\nloops = 2\n", ":3: http.loops is set again; first on line 2"},
    {"[index]\nwatch = perhaps\n", ":2: 'perhaps' for index.watch must be true or false"},
    {"[log]\nlevel = loud\n",
     ":2: 'loud' for log.level must be one of debug, info, warn, error, off"},
    {"[http]\nlisten = 8012\n", ":2: '8012' for http.listen must be HOST:PORT"},
    {"[http]\nlisten = ::1:80\n", ":2: '::1:80' for http.listen must be HOST:PORT"},
    {"[completion]\ninstant_min_confidence = 1.5\n", "must be from 0 to 1"},
    {"[completion]\ninstant_min_confidence = nan\n", "must be a number"},
    {"[http]\nlisten = postgresql://me:s3cret@h/x\n", ":2: '***' for http.listen must be"},
    {"[database]\nurl = ***\n", ":2: '***' for database.url is masked"},
    {"[http]\nlisten = \xff:1\n", "must be UTF-8"},
    {"[auth]\nmode = multi\n", "auth.mode = multi is not available yet"},
    {"[http]\nlisten = 0.0.0.0:80\n", "is not a loopback address"},
    {"[http]\nlisten = :80\n", "is not a loopback address"},
    {"[http]\ntls_cert = /x.pem\n", "must be given together"},
    {"[database]\nurl = mysql://x\n", "must begin with 'sqlite:'"},
};

static void test_app_config__bad_values_are_named_with_their_place(void **state) {
    const fixture *f = *state;
    for (size_t i = 0; i < CM_COUNT(bad_cases); i++) {
        const cm_config *config = NULL;
        cm_err err;
        write_file(f, bad_cases[i].text);
        assert_int_equal(load(f, NULL, NULL, 0, &config, NULL, &err), CM_INVALID);
        if (!strstr(err.text, bad_cases[i].expect)) {
            fail_msg("'%s' gives '%s'", bad_cases[i].text, err.text);
        }
        if (bad_cases[i].expect[0] == ':') {
            assert_true(strncmp(err.text, f->file, strlen(f->file)) == 0);
        }
    }
}

static void test_app_config__all_faults_are_reported(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    const char *environment[] = {"CODEMENTOR_HTTP_LOOPS=x", "CODEMENTOR_HTTP_LISTN=y", NULL};
    const cm_config_flag flags[] = {{CM_STR("--set"), CM_STR("model.pth"), CM_STR("z")}};
    cm_str faults = CM_STR_EMPTY;
    cm_err err;
    write_file(f, "[http]\nloops = -1\n");
    assert_int_equal(load(f, environment, flags, 1, &config, &faults, &err), CM_INVALID);
    assert_non_null(strstr(faults.ptr, ":2: '-1' for http.loops must be from 0 to 256\n"));
    assert_non_null(strstr(faults.ptr, "environment variable CODEMENTOR_HTTP_LOOPS: 'x'"));
    assert_non_null(strstr(faults.ptr, "'CODEMENTOR_HTTP_LISTN' is not a setting; did you mean "
                                       "'CODEMENTOR_HTTP_LISTEN'?"));
    assert_non_null(strstr(faults.ptr, "flag --set: 'model.pth' is not a setting; did you mean "
                                       "'model.path'?"));
    assert_non_null(strstr(err.text, "(and 3 more)"));
}

static void test_app_config__lists_go_on_over_indented_lines(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    const char *environment[] = {"HOME=/home/x", NULL};
    cm_err err;
    write_file(f, "[index]\nallowed_roots = ~/src, /a b ,\n    /c\n    /d\n");
    assert_int_equal(load(f, environment, NULL, 0, &config, NULL, &err), CM_OK);
    assert_int_equal(config->index.allowed_roots.count, 4);
    assert_true(cm_str_eq_c(config->index.allowed_roots.items[0], "/home/x/src"));
    assert_true(cm_str_eq_c(config->index.allowed_roots.items[1], "/a b"));
    assert_true(cm_str_eq_c(config->index.allowed_roots.items[3], "/d"));
}

static void test_app_config__a_line_too_long_for_the_parser_is_refused(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    char text[600];
    cm_err err;
    memset(text, 'a', sizeof(text));
    memcpy(text, "[model]\npath = /", 16);
    text[sizeof(text) - 1] = '\0';
    write_file(f, text);
    assert_int_equal(load(f, NULL, NULL, 0, &config, NULL, &err), CM_INVALID);
    assert_non_null(strstr(err.text, ":2: line is longer than"));
}

static void test_app_config__what_is_printed_reads_back_the_same(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    const cm_config *again = NULL;
    cm_buf first, second;
    cm_err err;
    cm_buf_init(&first, CM_MIB(1));
    cm_buf_init(&second, CM_MIB(1));
    write_file(f, "[http]\nport = 9\ncors_origins = https://a, https://b\n[log]\nformat = json\n");
    assert_int_equal(load(f, NULL, NULL, 0, &config, NULL, &err), CM_OK);
    cm_config_print(config, &first);
    write_file(f, cm_buf_c(&first));
    assert_int_equal(load(f, NULL, NULL, 0, &again, NULL, &err), CM_OK);
    assert_int_equal(again->http.port, 9);
    assert_int_equal(again->http.cors_origins.count, 2);
    assert_int_equal(again->log.format, CM_CONFIG_LOG_FORMAT_JSON);
    cm_config_print(again, &second);
    assert_non_null(strstr(cm_buf_c(&second), "cors_origins = https://a, https://b\n"));
    cm_buf_done(&first);
    cm_buf_done(&second);
}

static void test_app_config__secrets_are_never_printed(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    cm_buf out;
    cm_err err;
    json_t *tree = NULL;
    cm_buf_init(&out, CM_MIB(1));
    write_file(f, "[database]\nurl = sqlite:/hush.db\n");
    assert_int_equal(load(f, NULL, NULL, 0, &config, NULL, &err), CM_OK);
    assert_string_equal(config->database.url, "sqlite:/hush.db");
    cm_config_print(config, &out);
    assert_null(strstr(cm_buf_c(&out), "hush"));
    assert_non_null(strstr(cm_buf_c(&out), "# file\nurl = ***\n"));
    cm_buf_clear(&out);
    cm_config_print_json(config, &out);
    assert_null(strstr(cm_buf_c(&out), "hush"));
    assert_int_equal(cm_json_parse(cm_buf_str(&out), &tree, &err), CM_OK);
    assert_int_equal(json_object_size(tree), CM_OPTION_COUNT);
    json_decref(tree);
    cm_buf_done(&out);
}

static void test_app_config__a_named_file_must_exist_the_default_one_need_not(void **state) {
    const fixture *f = *state;
    const cm_config *config = NULL;
    const char *environment[] = {"HOME=/nonexistent", NULL};
    cm_config_input none = {NULL, environment, NULL, 0};
    cm_err err;
    assert_int_equal(cm_config_load(&none, f->arena, &config, NULL, &err), CM_OK);
    cm_config_input named = {"/nonexistent/x.conf", environment, NULL, 0};
    assert_int_equal(cm_config_load(&named, f->arena, &config, NULL, &err), CM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/x.conf"));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(test_app_config__defaults_hold_when_nothing_is_said),
        ROW(test_app_config__flags_beat_environment_beats_file),
        ROW(test_app_config__bad_values_are_named_with_their_place),
        ROW(test_app_config__all_faults_are_reported),
        ROW(test_app_config__lists_go_on_over_indented_lines),
        ROW(test_app_config__a_line_too_long_for_the_parser_is_refused),
        ROW(test_app_config__what_is_printed_reads_back_the_same),
        ROW(test_app_config__secrets_are_never_printed),
        ROW(test_app_config__a_named_file_must_exist_the_default_one_need_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
