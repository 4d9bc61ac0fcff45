/* Predictions over small hand-made repositories. */
#include "assist/instant_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "unit/check.h"

typedef struct file {
    const char *path, *language, *text;
} file;

typedef struct repository {
    const file *files;
    size_t count;
    uint32_t removed; /* document that is no longer live; CM_ID_NONE = none */
    cm_buf bytes[2];
    cm_instant_part parts[2];
    size_t part_count;
} repository;

static bool document(void *argument, uint32_t number, cm_str *ret_path, cm_str *ret_language) {
    const repository *r = argument;
    assert_true(number < r->count);
    *ret_path = cm_str_from(r->files[number].path);
    *ret_language = cm_str_from(r->files[number].language);
    return number != r->removed;
}

/* The first file is a part of its own, so that numbers are shifted in the second. */
static void add_part(repository *r, size_t from, size_t to) {
    cm_suffix_builder *builder = cm_suffix_builder_new();
    for (size_t i = from; i < to; i++) {
        assert_ok(cm_suffix_builder_add(builder, (uint32_t)(i - from),
                                        cm_str_from(r->files[i].text), NULL));
    }
    cm_buf *bytes = &r->bytes[r->part_count];
    cm_buf_init(bytes, CM_MIB(1));
    assert_ok(cm_suffix_builder_finish(builder, bytes, NULL));
    cm_suffix_builder_free(builder);
    cm_suffix *suffix;
    assert_ok(cm_suffix_open(bytes->ptr, bytes->len, true, &suffix, NULL));
    r->parts[r->part_count++] = (cm_instant_part){suffix, (uint32_t)from};
}

static void open_repository(repository *r, const file *files, size_t count) {
    *r = (repository){.files = files, .count = count, .removed = CM_ID_NONE};
    if (count > 0) {
        add_part(r, 0, 1);
    }
    if (count > 1) {
        add_part(r, 1, count);
    }
}

static void close_repository(repository *r) {
    for (size_t i = 0; i < r->part_count; i++) {
        cm_suffix_close((cm_suffix *)(uintptr_t)r->parts[i].suffix);
        cm_buf_done(&r->bytes[i]);
    }
}

static cm_instant_result predict(repository *r, const cm_instant_request *request,
                                 cm_arena *arena) {
    cm_instant_view view = {r->parts, r->part_count, document, r};
    cm_instant_result result = {0};
    assert_ok(cm_instant_predict_in(request, &view, arena, &result, NULL));
    return result;
}

static const file go_files[] = {
    {"store/open.go", "go",
     "func open(path string) (*File, error) {\n"
     "\tf, err := os.Open(path)\n"
     "\tif err != nil {\n"
     "\t\treturn nil, err\n"
     "\t}\n"
     "\treturn wrap(f), nil\n"
     "}\n"},
    {"store/read.go", "go",
     "func read(path string) ([]byte, error) {\n"
     "\tf, err := os.Open(path)\n"
     "\tif err != nil {\n"
     "\t\treturn nil, err\n"
     "\t}\n"
     "\tdefer f.Close()\n"
     "\treturn io.ReadAll(f)\n"
     "}\n"},
    {"web/page.py", "python",
     "def page(request):\n"
     "    user = current_user(request)\n"
     "    if user is None:\n"
     "        return redirect('/login')\n"
     "    return render(request, user)\n"},
    {"web/log.py", "python",
     "log.warn(request, 'a')\nlog.warn(request, \"b\")\nlog.warn(request, 3)\n"
     "log.warn(request, 'd')\nlog.warn(request, None)\nlog.warn(request, \"f\")\n"},
    {"store/many.go", "go",
     "func size(path string) (int, error) {\n"
     "\tf, err := os.Open(path)\n"
     "\tif err != nil {\n"
     "\t\treturn nil, err\n"
     "\t}\n"
     "\treturn f.Size()\n"
     "}\n"
     "\n"
     "func name(path string) (string, error) {\n"
     "\tf, err := os.Open(path)\n"
     "\tif err != nil {\n"
     "\t\treturn nil, err\n"
     "\t}\n"
     "\treturn f.Name()\n"
     "}\n"},
    {"store/stat.go", "go",
     "func stat(path string) (int, error) {\n"
     "\tf, err := os.Open(path)\n"
     "\tif err != nil {\n"
     "\t\treturn nil, err\n"
     "\t}\n"
     "\tdefer f.Close()\n"
     "\treturn size(f), nil\n"
     "}\n"},
};

static void test_assist_instant__what_was_written_before_is_suggested(void **state) {
    (void)state;
    static const struct {
        const char *what, *prefix, *suffix, *path, *text;
        bool lines;
    } cases[] = {
        {"the rest of a line", "func x(path string) {\n\tf, err := os.", "\n}\n", "store/x.go",
         "Open(path)", false},
        {"a word begun", "func x(path string) {\n\tf, err := os.Op", "\n}\n", "store/x.go",
         "en(path)", false},
        {"a space before the first word", "\tf, err :=", "", "store/x.go", " os.Open(path)", false},
        {"a rest on the line is met", "\tf, err := os.Open(", ")\n", "store/x.go", "path", false},
        {"a rest that is not met", "\tf, err := os.Open(", "other)\n", "store/x.go", "", false},
        {"inside a word", "\tf, err := os.Op", "en", "store/x.go", "", false},
        {"the next line stands there already", "func x(path string) (int, error) {\n\t",
         "\n\tf, err := os.Open(path)\n", "store/x.go", "", false},
        {"nothing of the kind was seen", "completely unknown words", "", "store/x.go", "", false},
        {"no context at all", "", "", "store/x.go", "", false},
        {"a block to its end", "\tf, err := os.Open(path)\n\tif err != nil {", "", "store/x.go",
         "\n\t\treturn nil, err\n\t}", true},
        {"a block in the style of the place",
         "int main() {\n    x();\n        f, err := os.Open(path)\n        if err != nil {", "",
         "store/x.go", "\n            return nil, err\n        }", true},
        {"a line cut short ends behind a word", "    log.warn(", "", "web/x.py", "request", false},
        {"a line only unless lines are asked for", "\tf, err := os.Open(path)\n\tif err != nil {",
         "", "store/x.go", "", false},
    };
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_arena *arena = cm_arena_new(0);
        cm_instant_request request = {.prefix = cm_str_from(cases[i].prefix),
                                      .suffix = cm_str_from(cases[i].suffix),
                                      .path = cm_str_from(cases[i].path),
                                      .language = CM_STR("go"),
                                      .lines = cases[i].lines};
        cm_instant_result result = predict(&r, &request, arena);
        if (!cm_str_eq_c(result.text, cases[i].text)) {
            fail_msg("%s: '" CM_STR_FMT "'", cases[i].what, CM_STR_ARG(result.text));
        }
        assert_true(result.confidence >= 0 && result.confidence <= 1);
        assert_int_equal(result.source_count > 0, result.text.len > 0);
        cm_arena_free(arena);
    }
    close_repository(&r);
}

static void test_assist_instant__the_open_document_alone_is_enough(void **state) {
    (void)state;
    repository r;
    open_repository(&r, NULL, 0);
    cm_arena *arena = cm_arena_new(0);
    cm_instant_request request = {.prefix = CM_STR("total = price * count\nprint(total, file=log)\n"
                                                   "total = cost * number\nprint("),
                                  .path = CM_STR("a.py")};
    cm_instant_result result = predict(&r, &request, arena);
    assert_str(result.text, "total, file=log)");
    assert_int_equal(result.source_count, 1);
    assert_int_equal(result.sources[0].document, CM_ID_NONE);
    assert_int_equal(result.sources[0].line, 2);
    request.suffix = CM_STR("\nx = 1\nlog.write(header, total)\n");
    request.prefix = CM_STR("log.write(");
    result = predict(&r, &request, arena); /* what follows the cursor is looked at too */
    assert_str(result.text, "header, total)");
    assert_int_equal(result.sources[0].line, 3);
    cm_arena_free(arena);
    close_repository(&r);
}

static void test_assist_instant__sources_tell_where_it_comes_from(void **state) {
    (void)state;
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    cm_arena *arena = cm_arena_new(0);
    cm_instant_request request = {.prefix = CM_STR("    user = current_user("),
                                  .path = CM_STR("web/other.py"),
                                  .language = CM_STR("python")};
    cm_instant_result result = predict(&r, &request, arena);
    assert_str(result.text, "request)");
    assert_int_equal(result.source_count, 1);
    assert_int_equal(result.sources[0].document, 2);
    assert_int_equal(result.sources[0].line, 2);
    assert_true(result.sources[0].share > 0.5);
    assert_int_equal(result.match_tokens, 4);
    request.path = CM_STR("web/page.py"); /* an older state of the open document has no vote */
    assert_false(cm_str_eq_c(predict(&r, &request, arena).text, "request)"));
    request.path = CM_STR_EMPTY;
    r.removed = 2;
    assert_false(cm_str_eq_c(predict(&r, &request, arena).text, "request)"));
    cm_arena_free(arena);
    close_repository(&r);
}

static void test_assist_instant__agreement_makes_sure(void **state) {
    (void)state;
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    cm_arena *arena = cm_arena_new(0);
    cm_instant_request sure = {.prefix = CM_STR("(path string) {\n\tf, err := os.")};
    cm_instant_request unsure = {.prefix = CM_STR("return ")};
    assert_true(predict(&r, &sure, arena).confidence > 0.5);
    assert_true(predict(&r, &unsure, arena).confidence < predict(&r, &sure, arena).confidence);
    cm_arena_free(arena);
    close_repository(&r);
}

static void test_assist_instant__deadline_and_cancellation_are_kept(void **state) {
    (void)state;
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    cm_arena *arena = cm_arena_new(0);
    cm_instant_request request = {.prefix = CM_STR("\tf, err := os."), .deadline_ns = 1};
    assert_str(predict(&r, &request, arena).text, ""); /* the repository was not looked at */
    request.cancel = cm_cancel_new(0);
    cm_cancel_fire(request.cancel, CM_CANCEL_USER);
    cm_instant_view view = {r.parts, r.part_count, document, &r};
    cm_instant_result result = {0};
    assert_int_equal(cm_instant_predict_in(&request, &view, arena, &result, NULL), CM_CANCELLED);
    cm_cancel_unref(request.cancel);
    cm_arena_free(arena);
    close_repository(&r);
}

static void test_assist_instant__any_bytes_are_answered(void **state) {
    (void)state;
    uint64_t seed = 41;
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    size_t answered = 0;
    for (int round = 0; round < 3000; round++) {
        /* A place in a known text, damaged here and there. */
        char text[1200];
        const char *source = go_files[cm_draw_below(&seed, CM_COUNT(go_files))].text;
        size_t len = strlen(source);
        memcpy(text, source, len);
        for (size_t n = cm_draw_below(&seed, 6); n > 0; n--) {
            text[cm_draw_below(&seed, len)] = (char)cm_draw(&seed);
        }
        size_t cursor = cm_draw_below(&seed, len + 1);
        cm_arena *arena = cm_arena_new(0);
        cm_instant_request request = {.prefix = cm_str_make(text, cursor),
                                      .suffix =
                                          cm_str_make(text + cursor, round % 3 ? 0 : len - cursor),
                                      .path = CM_STR("store/x.go"),
                                      .lines = round % 2};
        cm_instant_result result = predict(&r, &request, arena);
        answered += result.text.len > 0;
        assert_true(result.confidence >= 0 && result.confidence <= 1);
        cm_arena_free(arena);
    }
    assert_true(answered > 500);
    close_repository(&r);
}

static void test_assist_instant__each_failing_allocation_is_reported(void **state) {
    (void)state;
    repository r;
    open_repository(&r, go_files, CM_COUNT(go_files));
    cm_instant_view view = {r.parts, r.part_count, document, &r};
    cm_instant_request request = {.prefix = CM_STR("\tf, err := os.")};
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        cm_arena *arena = cm_arena_new(0);
        cm_instant_result result = {0};
        cm_mem_fail_after(n);
        cm_rc rc = cm_instant_predict_in(&request, &view, arena, &result, NULL);
        cm_mem_fail_after(0);
        done = rc == CM_OK;
        assert_true(done || rc == CM_NOMEM);
        assert_true(!done || result.text.len > 0);
        cm_arena_free(arena);
        assert_true(n < 50);
    }
    close_repository(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_instant__what_was_written_before_is_suggested),
        cmocka_unit_test(test_assist_instant__the_open_document_alone_is_enough),
        cmocka_unit_test(test_assist_instant__sources_tell_where_it_comes_from),
        cmocka_unit_test(test_assist_instant__agreement_makes_sure),
        cmocka_unit_test(test_assist_instant__deadline_and_cancellation_are_kept),
        cmocka_unit_test(test_assist_instant__any_bytes_are_answered),
        cmocka_unit_test(test_assist_instant__each_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
