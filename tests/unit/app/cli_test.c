#include "app/cli.h"
#include "app/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define WORDS_MAX 12

static int set_up(void **state) {
    *state = cm_arena_new(0);
    return 0;
}

static int tear_down(void **state) {
    cm_arena_free(*state);
    return 0;
}

/* Words of `line` by spaces, after the program's own name. */
static cm_rc parse(cm_arena *arena, const char *line, cm_cli *ret_cli, cm_err *err) {
    const char *words[WORDS_MAX] = {"codementor"};
    int count = 1;
    cm_str rest = cm_str_from(line);
    cm_str word;
    while (cm_str_split(&rest, ' ', &word)) {
        assert_true(count < WORDS_MAX);
        words[count++] = cm_arena_c(arena, word);
    }
    return cm_cli_parse(count, words, arena, ret_cli, err);
}

static void test_app_cli__arguments_and_options_land_in_the_struct(void **state) {
    cm_cli cli;
    cm_err err;
    assert_int_equal(
        parse(*state, "complete --explain src/a.c:1:2 --max-tokens=9 --repo . --json", &cli, &err),
        CM_OK);
    const cm_args_complete *args = cli.args;
    assert_int_equal(cli.id, CM_COMMAND_COMPLETE);
    assert_string_equal(args->position, "src/a.c:1:2");
    assert_string_equal(args->repo, ".");
    assert_true(args->explain);
    assert_false(args->instant);
    assert_int_equal(args->max_tokens, 9);
    assert_true(cli.json);
}

static void test_app_cli__a_dash_is_standard_input(void **state) {
    static const char *const lines[] = {"complete -:1:21", "complete -- -:1:21",
                                        "complete --instant -:1:21"};
    for (size_t i = 0; i < CM_COUNT(lines); i++) {
        cm_cli cli;
        cm_err err;
        assert_int_equal(parse(*state, lines[i], &cli, &err), CM_OK);
        assert_string_equal(((const cm_args_complete *)cli.args)->position, "-:1:21");
    }
}

static void test_app_cli__defaults_fill_what_is_not_given(void **state) {
    cm_cli cli;
    cm_err err;
    assert_int_equal(parse(*state, "index", &cli, &err), CM_OK);
    assert_null(((const cm_args_index *)cli.args)->path);
    assert_int_equal(parse(*state, "search a", &cli, &err), CM_OK);
    assert_int_equal(((const cm_args_search *)cli.args)->limit, 10);
}

static void test_app_cli__the_last_argument_takes_all_words(void **state) {
    cm_cli cli;
    cm_err err;
    assert_int_equal(parse(*state, "search parse --limit 3 config -- --file", &cli, &err), CM_OK);
    const cm_args_search *args = cli.args;
    assert_string_equal(args->query, "parse config --file");
    assert_int_equal(args->limit, 3);
}

static void test_app_cli__settings_come_as_flags(void **state) {
    cm_cli cli;
    cm_err err;
    assert_int_equal(parse(*state,
                           "--log-level debug serve --port 0 --set http.loops=2 --config a.conf "
                           "--data-dir=/d",
                           &cli, &err),
                     CM_OK);
    assert_int_equal(cli.flag_count, 4);
    assert_true(cm_str_eq_c(cli.flags[0].name, "log.level"));
    assert_true(cm_str_eq_c(cli.flags[1].name, "http.port"));
    assert_true(cm_str_eq_c(cli.flags[1].flag, "--port"));
    assert_true(cm_str_eq_c(cli.flags[2].name, "http.loops"));
    assert_true(cm_str_eq_c(cli.flags[2].value, "2"));
    assert_true(cm_str_eq_c(cli.flags[3].value, "/d"));
    assert_string_equal(cli.config_file, "a.conf");
}

typedef struct bad_case {
    const char *line;
    const char *expect;
} bad_case;

static const bad_case bad_cases[] = {
    {"serv", "unknown command 'serv'; did you mean 'serve'?"},
    {"xyzzyx", "unknown command 'xyzzyx'; 'codementor --help' lists them"},
    {"search a --lmit 3", "unknown option '--lmit' of 'search'; did you mean '--limit'?"},
    {"serve --prot 3", "unknown option '--prot' of 'serve'; did you mean '--port'?"},
    {"index --port 3", "unknown option '--port' of 'index'"},
    {"search a -x", "unknown option '-x' of 'search'"},
    {"search a --limit", "option '--limit' needs a value"},
    {"search a --limit 0", "option '--limit' must be a whole number from 1 to 100, not '0'"},
    {"search a --limit=ten", "not 'ten'"},
    {"complete a:1:1 --explain=yes", "option '--explain' takes no value"},
    {"complete", "'complete' needs FILE:LINE:COL"},
    {"search", "'search' needs what to look for"},
    {"config show", "'show' is none of print, check"},
    {"config", "'config' needs"},
    {"doctor now", "'now' is too much"},
    {"index a b", "'b' is too much"},
    {"serve --set http.loops", "--set needs NAME=VALUE"},
    {"--bogus", "unknown option '--bogus' of 'codementor'"},
};

static void test_app_cli__slips_are_answered_with_what_to_do(void **state) {
    for (size_t i = 0; i < CM_COUNT(bad_cases); i++) {
        cm_cli cli;
        cm_err err;
        assert_int_equal(parse(*state, bad_cases[i].line, &cli, &err), CM_INVALID);
        if (!strstr(err.text, bad_cases[i].expect)) {
            fail_msg("'%s' gives '%s'", bad_cases[i].line, err.text);
        }
    }
}

static void test_app_cli__help_is_asked_in_every_usual_way(void **state) {
    static const char *const lines[] = {
        "", "--help", "-h", "help", "search --help", "help search", "complete -h"};
    for (size_t i = 0; i < CM_COUNT(lines); i++) {
        cm_cli cli;
        cm_err err;
        assert_int_equal(parse(*state, lines[i], &cli, &err), CM_OK);
        assert_true(cli.help);
        assert_int_equal(cli.command != NULL, i >= 4);
    }
    cm_cli cli;
    cm_err err;
    assert_int_equal(parse(*state, "--version", &cli, &err), CM_OK);
    assert_int_equal(cli.id, CM_COMMAND_VERSION);
}

static void test_app_cli__help_names_every_argument_and_option(void **state) {
    (void)state;
    for (int i = 0; i < CM_COMMAND_COUNT; i++) {
        cm_buf out;
        cm_buf_init(&out, CM_KIB(64));
        cm_cli_help(&cm_commands[i], &out);
        assert_non_null(strstr(cm_buf_c(&out), cm_commands[i].help));
        for (size_t k = 0; k < cm_commands[i].parameter_count; k++) {
            assert_non_null(strstr(cm_buf_c(&out), cm_commands[i].parameters[k].help));
        }
        cm_buf_done(&out);
    }
    cm_buf overview;
    cm_buf_init(&overview, CM_KIB(64));
    cm_cli_help(NULL, &overview);
    for (int i = 0; i < CM_COMMAND_COUNT; i++) {
        assert_non_null(strstr(cm_buf_c(&overview), cm_commands[i].name));
    }
    cm_buf_done(&overview);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW(test_app_cli__arguments_and_options_land_in_the_struct),
        ROW(test_app_cli__a_dash_is_standard_input),
        ROW(test_app_cli__defaults_fill_what_is_not_given),
        ROW(test_app_cli__the_last_argument_takes_all_words),
        ROW(test_app_cli__settings_come_as_flags),
        ROW(test_app_cli__slips_are_answered_with_what_to_do),
        ROW(test_app_cli__help_is_asked_in_every_usual_way),
        ROW(test_app_cli__help_names_every_argument_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
