/* The pool with real workers, and with a fake one that dies, hangs and lies on request.
 *
 * The fake is chosen by the environment-free way a child can see: the size of its text area. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "base/clock.h"
#include "code/protocol.h"
#include "rt/child.h"

#define FAKE_TEXT_MAX 12288 /* a pool with this text_max gets fake workers */
#define STARVED_MS    500

/* --- the fake worker --------------------------------------------------------------------------- */

static void fake_answer(cm_child_self *self, const cm_worker_request *request) {
    char *shared = self->shared;
    const char *text = shared + CM_WORKER_CONTROL_BYTES;
    cm_worker_reply reply = {.magic = CM_WORKER_REPLY_MAGIC, .sequence = request->sequence};
    cm_str command = cm_str_make(text, request->text_len);
    if (cm_str_starts(command, CM_STR("die"))) {
        abort();
    }
    if (cm_str_starts(command, CM_STR("signal "))) { /* the parent cannot tell who sent it */
        uint64_t number = 0;
        cm_str_to_u64(cm_str_from_offset(command, 7), &number);
        signal((int)number, SIG_DFL);
        raise((int)number);
    }
    atomic_store(&((cm_worker_control *)(void *)shared)->begun, (unsigned)request->sequence);
    while (cm_str_starts(command, CM_STR("hang"))) {
    }
    if (cm_str_starts(command, CM_STR("starve"))) { /* time passes and none of it is ours */
        nanosleep(&(struct timespec){.tv_nsec = STARVED_MS * 1000000}, NULL);
    }
    if (cm_str_starts(command, CM_STR("starve")) || cm_str_starts(command, CM_STR("well"))) {
        reply.status = CM_WORKER_STOPPED; /* an answer, but none that is looked into */
    }
    if (cm_str_starts(command, CM_STR("stop"))) {
        while (!atomic_load(&((cm_worker_control *)(void *)shared)->stop)) {
        }
        reply.status = CM_WORKER_STOPPED;
    }
    if (cm_str_starts(command, CM_STR("lie about length"))) {
        reply.answer_len = UINT32_MAX;
    } else if (cm_str_starts(command, CM_STR("lie about content"))) {
        memset(shared + CM_WORKER_CONTROL_BYTES + FAKE_TEXT_MAX, 0xAB, 4096);
        reply.answer_len = 4096;
    } else if (cm_str_starts(command, CM_STR("lie about sequence"))) {
        reply.sequence++;
    } else if (cm_str_starts(command, CM_STR("refuse"))) {
        reply.status = CM_WORKER_UNSUPPORTED;
        memset(reply.text, 7, sizeof(reply.text)); /* control characters, no end */
    }
    (void)!cm_channel_send(self->fd, &reply, sizeof(reply), NULL);
}

static int fake_worker_main(void) {
    cm_child_self self;
    cm_worker_request request;
    size_t len;
    if (cm_child_enter(&self, NULL) != CM_OK) {
        return 2;
    }
    while (cm_channel_receive(self.fd, &request, sizeof(request), &len, NULL) == CM_OK) {
        fake_answer(&self, &request);
    }
    return 0;
}

/* --- helpers ----------------------------------------------------------------------------------- */

typedef struct fixture {
    cm_parser_pool *pool;
    cm_arena *arena;
    cm_parsed parsed;
    cm_err err;
} fixture;

static fixture open_pool(cm_parser_options options) {
    fixture f = {.arena = cm_arena_new(0)};
    options.workers = options.workers ? options.workers : 1;
    options.deadline_ms = options.deadline_ms ? options.deadline_ms : 20000;
    assert_int_equal(cm_parser_pool_new(&options, &f.pool, &f.err), CM_OK);
    return f;
}

static void close_pool(fixture *f) {
    cm_parser_pool_free(f->pool);
    cm_arena_free(f->arena);
}

static cm_rc parse(fixture *f, const char *path, cm_str text, const cm_cancel *cancel) {
    cm_parse_request request = {.path = cm_str_from(path), .text = text};
    return cm_parse_file(f->pool, &request, cancel, f->arena, &f->parsed, &f->err);
}

static void expect_text(const fixture *f, enum cm_parse_status status, size_t text_len) {
    assert_int_equal(f->parsed.status, status);
    assert_int_equal(f->parsed.symbol_count, 0);
    assert_true(f->parsed.chunk_count > 0);
    assert_int_equal(f->parsed.chunks[0].start_byte, 0);
    assert_int_equal(f->parsed.chunks[f->parsed.chunk_count - 1].end_byte, text_len);
    assert_int_equal(f->parsed.chunks[f->parsed.chunk_count - 1].end_line, f->parsed.line_count);
}

/* --- real workers ------------------------------------------------------------------------------ */

static void test_code_parser__a_file_is_parsed_by_a_worker(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){0});
    assert_int_equal(parse(&f, "a.c", CM_STR("int f(void) { return 1; }\n"), NULL), CM_OK);
    assert_int_equal(f.parsed.status, CM_PARSE_OK);
    assert_int_equal(f.parsed.symbol_count, 1);
    assert_true(cm_str_eq_c(f.parsed.symbols[0].name, "f"));
    assert_int_equal(cm_parser_pool_stats(f.pool).parsed, 1);
    close_pool(&f);
}

static void test_code_parser__what_no_grammar_should_see_comes_back_as_text(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = 200 * 1024});
    assert_int_equal(parse(&f, "a.c", CM_STR_EMPTY, NULL), CM_OK);
    assert_int_equal(f.parsed.chunk_count, 0);
    assert_int_equal(parse(&f, "notes.unknown", CM_STR("some\nlines\n"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_OK, 11);
    assert_int_equal(parse(&f, "a.c", CM_STR("int a\0b;\n"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_SKIPPED, 9);

    cm_buf big;
    cm_buf_init(&big, CM_MIB(16));
    cm_buf_add_repeat(&big, 'x', 70 * 1024);
    assert_int_equal(parse(&f, "a.c", cm_buf_str(&big), NULL), CM_OK);
    expect_text(&f, CM_PARSE_SKIPPED, big.len); /* one line too long */
    cm_buf_add_repeat(&big, '\n', 200 * 1024);
    assert_int_equal(parse(&f, "a.c", cm_buf_str(&big), NULL), CM_OK);
    expect_text(&f, CM_PARSE_SKIPPED, big.len); /* too big */
    cm_buf_clear(&big);
    cm_buf_add_repeat(&big, 'y', CM_MIB(10));
    assert_int_equal(parse(&f, "a.c", cm_buf_str(&big), NULL), CM_OK);
    expect_text(&f, CM_PARSE_SKIPPED, big.len);
    cm_buf_done(&big);
    assert_int_equal(cm_parser_pool_stats(f.pool).parsed, 0);
    close_pool(&f);
}

/* Large files do things that small ones do not: sort in allocated memory, map and trim the heap. */
static void test_code_parser__a_large_file_is_parsed_inside_the_sandbox(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){0});
    cm_buf text;
    cm_buf_init(&text, CM_MIB(1));
    for (int i = 0; i < 9000; i++) {
        cm_buf_add_f(&text, "/* Number %d. */\nstatic int f%d(int a) {\n    return g(a, %d);\n}\n",
                     i, i, i);
    }
    assert_int_equal(parse(&f, "a.c", cm_buf_str(&text), NULL), CM_OK);
    assert_int_equal(f.parsed.status, CM_PARSE_OK);
    assert_int_equal(f.parsed.symbol_count, 9000);
    cm_parser_stats stats = cm_parser_pool_stats(f.pool);
    assert_int_equal(stats.died + stats.overran + stats.refused, 0);
    cm_buf_done(&text);
    close_pool(&f);
}

static void test_code_parser__random_bytes_never_break_the_parent(void **state) {
    (void)state;
    static const char *const paths[] = {"a.c",    "a.cpp", "a.py", "a.js",  "a.ts", "a.go", "a.rs",
                                        "A.java", "a.cs",  "a.rb", "a.php", "a.sh", "a.tsx"};
    static const char alphabet[] = "(){}[];:,.<>=\"'`#/*\n\t abcif01@$%\\\xc3\xa9\xff";
    uint64_t seed = 20261122;
    fixture f = open_pool((cm_parser_options){0});
    for (int round = 0; round < 130; round++) {
        char text[3000];
        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            text[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
        }
        const char *path = paths[(size_t)round % CM_COUNT(paths)];
        assert_int_equal(parse(&f, path, cm_str_make(text, sizeof(text)), NULL), CM_OK);
        assert_true(f.parsed.chunk_count > 0);
        cm_arena_clear(f.arena);
    }
    assert_int_equal(cm_parser_pool_stats(f.pool).refused, 0);
    close_pool(&f);
}

static void test_code_parser__a_cancelled_call_says_so(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX});
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    assert_int_equal(parse(&f, "a.c", CM_STR("stop"), cancel), CM_CANCELLED);
    /* The worker answered in time, so it was not replaced, and the next request finds it well. */
    assert_int_equal(cm_parser_pool_stats(f.pool).died, 0);
    assert_int_equal(parse(&f, "a.c", CM_STR("refuse"), NULL), CM_OK);
    cm_cancel_unref(cancel);
    close_pool(&f);
}

static void *parse_many(void *argument) {
    cm_parser_pool *pool = argument;
    cm_arena *arena = cm_arena_new(0);
    size_t good = 0;
    for (int i = 0; i < 40; i++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "int f%d(void) { return %d; }\n", i, i);
        cm_parse_request request = {.path = CM_STR("a.c"), .text = cm_str_make(text, (size_t)len)};
        cm_parsed parsed;
        cm_scope_end end;
        good += cm_parse_file(pool, &request, NULL, arena, &parsed, NULL) == CM_OK &&
                parsed.symbol_count == 1;
        good += cm_parse_scope_end(pool, parsed.language, CM_STR("int f(void) {\n"),
                                   CM_STR("a();\n}\n"), CM_STR_EMPTY, NULL, &end, NULL) == CM_OK &&
                end.block == 5;
        cm_arena_clear(arena);
    }
    cm_arena_free(arena);
    return (void *)(uintptr_t)good;
}

static void test_code_parser__more_callers_than_workers_take_turns(void **state) {
    (void)state;
    enum { CALLERS = 6 };
    fixture f = open_pool((cm_parser_options){.workers = 2});
    pthread_t callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, parse_many, f.pool), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        void *good;
        pthread_join(callers[i], &good);
        assert_int_equal((uintptr_t)good, 80);
    }
    assert_int_equal(cm_parser_pool_stats(f.pool).parsed, CALLERS * 40);
    close_pool(&f);
}

static void parse_document(fixture *f, uint64_t document, const char *text,
                           void (*meanwhile)(void *argument)) {
    cm_parse_request request = {.path = CM_STR("a.c"),
                                .text = cm_str_from(text),
                                .document = document,
                                .meanwhile = meanwhile,
                                .argument = f};
    assert_int_equal(cm_parse_file(f->pool, &request, NULL, f->arena, &f->parsed, &f->err), CM_OK);
    assert_int_equal(f->parsed.status, CM_PARSE_OK);
}

/* On the second worker: the first one has the text of the call that this is done meanwhile. */
static void parse_another_document(void *argument) {
    parse_document(argument, 9, "int nine(void) { return 9; }\n", NULL);
}

static void test_code_parser__an_edit_goes_to_the_worker_that_keeps_the_tree(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.workers = 2});
    parse_document(&f, 7, "int seven(void) { return 7; }\n", parse_another_document);
    assert_int_equal(cm_parser_pool_stats(f.pool).reparsed, 0);
    parse_document(&f, 9, "int nine(void) { return 9; }\nint ten;\n", NULL);
    assert_int_equal(f.parsed.symbol_count, 2);
    assert_int_equal(cm_parser_pool_stats(f.pool).reparsed, 1);
    parse_document(&f, 7, "int eight;\nint seven(void) { return 7; }\n", NULL);
    assert_int_equal(f.parsed.symbol_count, 2);
    assert_int_equal(cm_parser_pool_stats(f.pool).reparsed, 2);
    assert_int_equal(parse(&f, "a.c", CM_STR("int eight;\n"), NULL), CM_OK); /* no document */
    cm_parser_pool_rest(f.pool);
    parse_document(&f, 7, "int eight;\n", NULL);
    assert_int_equal(cm_parser_pool_stats(f.pool).reparsed, 2);
    close_pool(&f);
}

/* The only child of this process: the pool has one worker. */
static pid_t only_child(void) {
    pid_t found = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));) {
        char path[300], line[512] = "";
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (!file) {
            continue;
        }
        const char *parent = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
        fclose(file);
        if (parent && strlen(parent) > 4 && strtol(parent + 4, NULL, 10) == getpid()) {
            assert_int_equal(found, 0);
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
    }
    closedir(processes);
    assert_true(found > 0);
    return found;
}

static void kill_only_child(void *argument) {
    *(unsigned *)argument += 1;
    assert_int_equal(kill(only_child(), SIGKILL), 0);
}

/* The worker is stopped before it gets the text, so it has not answered when it is killed. */
static void test_code_parser__a_file_whose_worker_was_killed_is_tried_again(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){0});
    cm_str text = CM_STR("int f(void) { return 1; }\n");
    unsigned calls = 0;
    siginfo_t info;
    cm_parse_request request = {
        .path = CM_STR("a.c"), .text = text, .meanwhile = kill_only_child, .argument = &calls};
    assert_int_equal(parse(&f, "a.c", CM_STR("int g;\n"), NULL), CM_OK);
    pid_t worker = only_child();
    assert_int_equal(kill(worker, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)worker, &info, WSTOPPED | WNOWAIT), 0);
    assert_int_equal(cm_parse_file(f.pool, &request, NULL, f.arena, &f.parsed, &f.err), CM_OK);
    assert_int_equal(f.parsed.status, CM_PARSE_OK);
    assert_int_equal(f.parsed.symbol_count, 1);
    assert_int_equal(calls, 1);
    cm_parser_stats stats = cm_parser_pool_stats(f.pool);
    assert_int_equal(stats.killed, 1);
    assert_int_equal(stats.parsed, 2);
    assert_int_equal(stats.died + stats.remembered, 0);
    close_pool(&f);
}

static void test_code_parser__too_big_a_limit_is_refused(void **state) {
    (void)state;
    cm_parser_pool *pool;
    cm_err err;
    cm_parser_options options = {.text_max = CM_MIB(65)};
    assert_int_equal(cm_parser_pool_new(&options, &pool, &err), CM_LIMIT);
}

/* --- fake workers ------------------------------------------------------------------------------ */

static void test_code_parser__a_dead_worker_is_replaced_and_its_file_remembered(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX});
    assert_int_equal(parse(&f, "a.c", CM_STR("die\n"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_FAILED, 4);
    assert_true(cm_str_eq_c(f.parsed.failure, "parse worker died"));
    assert_int_equal(parse(&f, "a.c", CM_STR("die\n"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_FAILED, 4);
    cm_parser_stats stats = cm_parser_pool_stats(f.pool);
    assert_int_equal(stats.died, 1);
    assert_int_equal(stats.remembered, 1);
    /* The same text in another language is another file. */
    assert_int_equal(parse(&f, "a.py", CM_STR("die\n"), NULL), CM_OK);
    assert_int_equal(cm_parser_pool_stats(f.pool).died, 2);
    assert_int_equal(parse(&f, "a.c", CM_STR("refuse"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_FAILED, 6);
    assert_int_equal(cm_parser_pool_stats(f.pool).died, 2);
    close_pool(&f);
}

static void expect_ended_by(int number, bool is_outside) {
    char text[32];
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX});
    snprintf(text, sizeof(text), "signal %d", number);
    for (unsigned round = 1; round <= 2; round++) {
        assert_int_equal(parse(&f, "a.c", cm_str_from(text), NULL), CM_OK);
        expect_text(&f, CM_PARSE_FAILED, strlen(text));
        assert_int_equal(f.parsed.is_blameless, is_outside);
        cm_parser_stats stats = cm_parser_pool_stats(f.pool);
        assert_int_equal(stats.killed, is_outside ? 2 * round : 0); /* twice for each call */
        assert_int_equal(stats.died, is_outside ? 0 : 1);
        assert_int_equal(stats.remembered, is_outside ? 0 : round - 1);
    }
    assert_int_equal(parse(&f, "a.c", CM_STR("well"), NULL), CM_OK);
    assert_false(f.parsed.is_blameless); /* it was answered */
    close_pool(&f);
}

static void test_code_parser__a_signal_from_outside_is_not_the_files_fault(void **state) {
    (void)state;
    static const int outside[] = {SIGKILL, SIGTERM, SIGHUP, SIGINT};
    static const int own[] = {SIGSEGV, SIGABRT, SIGBUS, SIGSYS, SIGILL, SIGFPE, SIGXCPU};
    for (size_t i = 0; i < CM_COUNT(outside); i++) {
        expect_ended_by(outside[i], true);
    }
    for (size_t i = 0; i < CM_COUNT(own); i++) {
        expect_ended_by(own[i], false);
    }
}

static void test_code_parser__a_hanging_worker_is_killed_at_the_deadline(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX, .deadline_ms = 50});
    assert_int_equal(parse(&f, "a.c", CM_STR("hang"), NULL), CM_OK);
    expect_text(&f, CM_PARSE_FAILED, 4);
    assert_int_equal(cm_parser_pool_stats(f.pool).overran, 1);
    assert_int_equal(parse(&f, "a.c", CM_STR("hang"), NULL), CM_OK);
    assert_int_equal(cm_parser_pool_stats(f.pool).overran, 1);
    close_pool(&f);
}

static uint64_t children_cpu_ms(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0); /* of those that were waited for */
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* Processor time does not depend on what else the machine does: this may be measured. A worker that gets little of it
 * is ended by the clock instead, which is why there is no least. Five seconds are what a first use may take. */
static void test_code_parser__a_spinning_worker_is_ended_by_its_processor_time(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX, .deadline_ms = 200});
    for (int i = 0; i < 5; i++) {
        char text[16];
        snprintf(text, sizeof(text), "hang %d", i);
        uint64_t before = children_cpu_ms();
        assert_int_equal(parse(&f, "a.c", cm_str_from(text), NULL), CM_OK);
        assert_int_equal(f.parsed.status, CM_PARSE_FAILED);
        uint64_t used = children_cpu_ms() - before;
        assert_in_range(used, 1, 1000); /* 200 is allowed; a first use would be given 5,000 */
        snprintf(text, sizeof(text), "well %d", i);
        assert_int_equal(parse(&f, "a.c", cm_str_from(text), NULL), CM_OK);
    }
    assert_int_equal(cm_parser_pool_stats(f.pool).overran, 5);
    close_pool(&f);
}

/* On a busy machine a worker may wait long for its turn: its file is not to blame. */
static void test_code_parser__a_starving_worker_is_waited_for(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX, .deadline_ms = 60});
    assert_int_equal(parse(&f, "a.c", CM_STR("well"), NULL), CM_OK); /* past its first use */
    assert_int_equal(parse(&f, "a.c", CM_STR("starve"), NULL), CM_OK);
    cm_parser_stats stats = cm_parser_pool_stats(f.pool);
    assert_int_equal(stats.overran + stats.died + stats.refused, 0);
    close_pool(&f);
}

static void test_code_parser__a_lying_worker_is_not_believed(void **state) {
    (void)state;
    static const char *const lies[] = {"lie about length", "lie about content",
                                       "lie about sequence", "lie by saying nothing"};
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX});
    for (size_t i = 0; i < CM_COUNT(lies); i++) {
        assert_int_equal(parse(&f, "a.c", cm_str_from(lies[i]), NULL), CM_OK);
        expect_text(&f, CM_PARSE_FAILED, strlen(lies[i]));
        assert_int_equal(cm_parser_pool_stats(f.pool).refused, i + 1);
    }
    close_pool(&f);
}

static void test_code_parser__text_of_a_worker_is_cleaned(void **state) {
    (void)state;
    fixture f = open_pool((cm_parser_options){.text_max = FAKE_TEXT_MAX});
    assert_int_equal(parse(&f, "a.c", CM_STR("refuse"), NULL), CM_OK);
    assert_int_equal(f.parsed.failure.len, 160);
    for (size_t i = 0; i < f.parsed.failure.len; i++) {
        assert_int_equal(f.parsed.failure.ptr[i], '?');
    }
    close_pool(&f);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], CM_WORKER_COMMAND) == 0) {
        uint64_t text_max = 0;
        cm_str_to_u64(cm_str_from(argv[2]), &text_max);
        return text_max == FAKE_TEXT_MAX ? fake_worker_main() : cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_parser__a_file_is_parsed_by_a_worker),
        cmocka_unit_test(test_code_parser__what_no_grammar_should_see_comes_back_as_text),
        cmocka_unit_test(test_code_parser__a_large_file_is_parsed_inside_the_sandbox),
        cmocka_unit_test(test_code_parser__random_bytes_never_break_the_parent),
        cmocka_unit_test(test_code_parser__a_cancelled_call_says_so),
        cmocka_unit_test(test_code_parser__more_callers_than_workers_take_turns),
        cmocka_unit_test(test_code_parser__an_edit_goes_to_the_worker_that_keeps_the_tree),
        cmocka_unit_test(test_code_parser__a_file_whose_worker_was_killed_is_tried_again),
        cmocka_unit_test(test_code_parser__a_signal_from_outside_is_not_the_files_fault),
        cmocka_unit_test(test_code_parser__too_big_a_limit_is_refused),
        cmocka_unit_test(test_code_parser__a_dead_worker_is_replaced_and_its_file_remembered),
        cmocka_unit_test(test_code_parser__a_hanging_worker_is_killed_at_the_deadline),
        cmocka_unit_test(test_code_parser__a_spinning_worker_is_ended_by_its_processor_time),
        cmocka_unit_test(test_code_parser__a_starving_worker_is_waited_for),
        cmocka_unit_test(test_code_parser__a_lying_worker_is_not_believed),
        cmocka_unit_test(test_code_parser__text_of_a_worker_is_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
