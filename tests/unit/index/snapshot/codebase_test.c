#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/snapshot/codebase.h"
#include "index/segment/notes.h"
#include "index/segment/part.h"
#include "index/segment/records.h"
#include "index/indexed.h"

#include <dirent.h>

typedef struct fixture {
    indexed one;
    cm_arena *arena;
} fixture;

static const cm_uuid some_id = {{7, 7, 7}};

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    indexed_new(&f->one);
    f->arena = cm_arena_new(0);
    indexed_open(&f->one, NULL, &some_id, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    indexed_free(&f->one);
    cm_arena_free(f->arena);
    cm_free(f);
    return 0;
}

/* The answer is copied into text that outlives the snapshot: "npm react 18.2.0 production\n...". */
static const char *packages_of(fixture *f) {
    cm_snapshot *s = cm_repository_snapshot(f->one.repository);
    cm_codebase codebase;
    cm_buf out;
    cm_err err;
    cm_buf_init(&out, CM_MIB(1));
    assert_int_equal(cm_codebase_read(s, f->arena, &codebase, &err), CM_OK);
    for (size_t i = 0; i < codebase.dependency_count; i++) {
        const cm_dependency *d = &codebase.dependencies[i].package;
        cm_buf_add_f(&out, CM_STR_FMT " " CM_STR_FMT " " CM_STR_FMT " %s\n", CM_STR_ARG(d->manager),
                     CM_STR_ARG(d->name), CM_STR_ARG(d->version),
                     d->is_development ? "development" : "production");
    }
    for (size_t i = 0; i < codebase.framework_count; i++) {
        cm_buf_add_f(&out, "framework " CM_STR_FMT "\n", CM_STR_ARG(codebase.frameworks[i]));
    }
    const char *text = cm_arena_c(f->arena, cm_buf_str(&out));
    cm_buf_done(&out);
    cm_snapshot_unref(s);
    return text;
}

static cm_language_style style_of(fixture *f, const char *language) {
    cm_snapshot *s = cm_repository_snapshot(f->one.repository);
    cm_codebase codebase;
    cm_language_style found = {0};
    cm_err err;
    assert_int_equal(cm_codebase_read(s, f->arena, &codebase, &err), CM_OK);
    for (size_t i = 0; i < codebase.style_count; i++) {
        if (cm_str_eq_c(codebase.styles[i].language->id, language)) {
            found = codebase.styles[i];
        }
    }
    cm_snapshot_unref(s);
    return found;
}

static void sync_one(fixture *f, const char *path) {
    cm_str paths[] = {cm_str_from(path)};
    cm_err err;
    assert_int_equal(cm_repository_sync(f->one.repository, (cm_str_list){paths, 1}, &err), CM_OK);
}

static void test_index_codebase__a_lock_file_gives_the_version_of_what_is_declared(void **state) {
    fixture *f = *state;
    tree_write(
        &f->one.source, "web/package.json",
        CM_STR("{\"dependencies\":{\"react\":\"^18\"},\"devDependencies\":{\"jest\":\"^29\"}}"));
    tree_write(&f->one.source, "web/package-lock.json",
               CM_STR("{\"packages\":{\"node_modules/react\":{\"version\":\"18.2.0\"},"
                      "\"node_modules/jest\":{\"version\":\"29.7.0\",\"dev\":true},"
                      "\"node_modules/loose-envify\":{\"version\":\"1.4.0\"}}}"));
    tree_write(&f->one.source, "pyproject.toml",
               CM_STR("[project]\ndependencies = [\"Typing_Extensions>=4\", \"django\"]\n"));
    tree_write(&f->one.source, "uv.lock",
               CM_STR("[[package]]\nname = \"typing-extensions\"\nversion = \"4.12.2\"\n\n"
                      "[[package]]\nname = \"django\"\nversion = \"5.1\"\n"));
    tree_write(&f->one.source, "go.mod",
               CM_STR("module x\n\nrequire github.com/spf13/cobra v1.8.0\n"));
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    assert_string_equal(packages_of(f), "go github.com/spf13/cobra v1.8.0 production\n"
                                        "npm jest 29.7.0 development\n"
                                        "npm react 18.2.0 production\n"
                                        "pip Typing_Extensions 4.12.2 production\n"
                                        "pip django 5.1 production\n"
                                        "framework React\nframework Jest\nframework Django\n"
                                        "framework Cobra\n");
}

static void test_index_codebase__fixtures_and_vendored_trees_declare_nothing(void **state) {
    fixture *f = *state;
    tree_write(&f->one.source, "tests/fixtures/package.json",
               CM_STR("{\"dependencies\":{\"a\":\"1\"}}"));
    tree_write(&f->one.source, "vendor/x/go.mod", CM_STR("module y\n\nrequire b v1.0.0\n"));
    tree_write(&f->one.source, "package.json", CM_STR("{\"dependencies\":{\"c\":\"1\"}}"));
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    assert_string_equal(packages_of(f), "npm c 1 production\n");
}

static void test_index_codebase__a_manifest_over_the_size_limit_is_still_read(void **state) {
    fixture *f = *state;
    cm_buf text;
    cm_buf_init(&text, CM_MIB(4));
    cm_buf_add_c(&text, "{\"packages\":{");
    for (int i = 0; i < 12000; i++) {
        cm_buf_add_f(
            &text, "%s\"node_modules/p%d\":{\"version\":\"1.0.%d\",\"integrity\":\"sha512-xxxx\"}",
            i ? "," : "", i, i);
    }
    cm_buf_add_c(&text, "}}");
    assert_true(text.len > 600000);
    tree_write(&f->one.source, "package-lock.json", cm_buf_str(&text));
    tree_write(&f->one.source, "package.json",
               CM_STR("{\"dependencies\":{\"p7\":\"^1\",\"p11999\":\"^1\"}}"));
    cm_buf_done(&text);
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    assert_string_equal(packages_of(f),
                        "npm p11999 1.0.11999 production\nnpm p7 1.0.7 production\n");
}

static void test_index_codebase__one_changed_file_changes_the_sum(void **state) {
    fixture *f = *state;
    tree_write(&f->one.source, "a.py", CM_STR("if x:\n    y = 'one'\n    z = 'two'\n"));
    tree_write(&f->one.source, "b.js", CM_STR("if (x) {\n\treturn 1;\n}\n"));
    tree_write(&f->one.source, "package.json", CM_STR("{\"dependencies\":{\"vue\":\"3\"}}"));
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(style_of(f, "python").style.indent_size, 4);
    assert_int_equal(style_of(f, "python").style.quotes, CM_QUOTES_SINGLE);
    assert_int_equal(style_of(f, "javascript").style.indentation, CM_INDENT_TABS);
    tree_write(&f->one.source, "a.py", CM_STR("if x:\n  y = \"one\"\n  z = \"two\"\n"));
    tree_write(&f->one.source, "package.json", CM_STR("{\"devDependencies\":{\"vite\":\"5\"}}"));
    sync_one(f, "a.py");
    sync_one(f, "package.json");
    assert_int_equal(style_of(f, "python").style.indent_size, 2);
    assert_int_equal(style_of(f, "python").style.quotes, CM_QUOTES_DOUBLE);
    assert_int_equal(style_of(f, "python").files, 1);
    assert_string_equal(packages_of(f), "npm vite 5 development\nframework Vite\n");
    tree_remove(&f->one.source, "package.json");
    sync_one(f, "package.json");
    assert_string_equal(packages_of(f), "");
}

static void test_index_codebase__an_editorconfig_beats_the_votes(void **state) {
    fixture *f = *state;
    tree_write(&f->one.source, "a.py", CM_STR("if x:\n    y = 1\n    z = 2\n"));
    tree_write(&f->one.source, ".editorconfig",
               CM_STR("root = true\n[*.py]\nindent_size = 2\nmax_line_length = 99\n"));
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    cm_style style = style_of(f, "python").style;
    assert_int_equal(style.indent_size, 2);
    assert_int_equal(style.max_line_length, 99);
    assert_true(style.indent_size_confidence == 1.0f);
}

/* ---- an index made before there were notes ---- */

/* Writes the documents part again as version 0.1.0 wrote it: three sections, zeros for the notes. */
static void forget_notes(const char *segment) {
    char path[2 * PATH_MAX];
    cm_part part;
    cm_err err;
    cm_buf out;
    assert_true(snprintf(path, sizeof(path), "%s/documents", segment) < (int)sizeof(path));
    assert_int_equal(cm_part_open(path, CM_PART_DOCUMENTS, &part, &err), CM_OK);
    cm_str records = cm_part_section(&part, 0);
    cm_document_record *copy = cm_alloc(records.len);
    memcpy(copy, records.ptr, records.len);
    for (size_t i = 0; i < records.len / sizeof(*copy); i++) {
        copy[i].notes = 0;
    }
    const cm_str sections[] = {cm_str_make((const char *)copy, records.len),
                               cm_part_section(&part, 1), cm_part_section(&part, 2)};
    cm_buf_init(&out, CM_MIB(1));
    cm_part_build(CM_PART_DOCUMENTS, sections, 3, &out);
    cm_free(copy);
    cm_part_close(&part);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, out.ptr, out.len), out.len);
    close(fd);
    cm_buf_done(&out);
}

static size_t forget_all_notes(const fixture *f) {
    char folder[2 * PATH_MAX], segment[3 * PATH_MAX], id[CM_UUID_TEXT];
    size_t count = 0;
    cm_uuid_format(&some_id, id);
    assert_true(snprintf(folder, sizeof(folder), "%s/index/%s", f->one.data.root, id) > 0);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "seg-", 4) != 0) {
            continue;
        }
        assert_true(snprintf(segment, sizeof(segment), "%s/%s", folder, entry->d_name) > 0);
        forget_notes(segment);
        count++;
    }
    closedir(dir);
    return count;
}

static void test_index_codebase__an_older_index_is_read_again_not_refused(void **state) {
    fixture *f = *state;
    tree_write(&f->one.source, "a.py", CM_STR("if x:\n    y = 'one'\n"));
    tree_write(&f->one.source, "go.mod", CM_STR("module x\n\nrequire b v1.0.0\n"));
    indexed_run(f->one.repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(indexed_run(f->one.repository, CM_INDEX_INCREMENTAL).files_unchanged, 2);
    indexed_close(&f->one);
    assert_int_equal(forget_all_notes(f), 1);
    indexed_open(&f->one, NULL, &some_id, NULL);
    cm_snapshot *s = cm_repository_snapshot(f->one.repository);
    cm_index_document d;
    assert_true(cm_snapshot_find_document(s, CM_STR("a.py"), &d)); /* it opens and serves */
    cm_snapshot_unref(s);
    assert_string_equal(packages_of(f), "");
    assert_int_equal(indexed_run(f->one.repository, CM_INDEX_INCREMENTAL).files_unchanged, 0);
    assert_string_equal(packages_of(f), "go b v1.0.0 production\n");
    assert_int_equal(style_of(f, "python").style.indent_size, 4);
    assert_int_equal(indexed_run(f->one.repository, CM_INDEX_INCREMENTAL).files_unchanged, 2);
}

/* ---- a repository without a tree ---- */

static const cm_uuid treeless_id = {{8, 8, 8}};

static bool has_text(cm_repository *repository, const char *path, const char *want) {
    cm_arena *arena = cm_arena_new(0);
    cm_snapshot *s = cm_repository_snapshot(repository);
    cm_index_document d;
    cm_str text;
    bool has = s && cm_snapshot_find_document(s, cm_str_from(path), &d) &&
               cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK && cm_str_eq_c(text, want);
    cm_snapshot_unref(s);
    cm_arena_free(arena);
    return has;
}

static void test_index_codebase__what_was_sent_outlives_the_process_and_any_job(void **state) {
    fixture *f = *state;
    const cm_text_change changes[] = {
        {.path = CM_STR("a.py"), .text = CM_STR("old\n")},
        {.path = CM_STR("b.py"), .text = CM_STR("b = 1\n")},
        {.path = CM_STR("a.py"), .text = CM_STR("a = 1\n")}, /* the later one counts */
        {.path = CM_STR("never.py"), .is_removed = true},
    };
    cm_str paths[] = {CM_STR("a.py")};
    cm_repository *r;
    cm_err err = {0};
    assert_int_equal(cm_indexer_add(f->one.indexer, &treeless_id, "", NULL, &r, &err), CM_OK);
    assert_int_equal(cm_repository_sync_texts(r, changes, CM_COUNT(changes), &err), CM_OK);
    assert_int_equal(cm_repository_sync(r, (cm_str_list){paths, 1}, &err), CM_INVALID);
    cm_repository_unref(r);
    indexed_close(&f->one);
    indexed_open(&f->one, NULL, &some_id, NULL);
    assert_int_equal(cm_indexer_add(f->one.indexer, &treeless_id, "", NULL, &r, &err), CM_OK);
    for (int mode = CM_INDEX_INCREMENTAL; mode <= CM_INDEX_FULL; mode++) {
        assert_true(has_text(r, "a.py", "a = 1\n") && has_text(r, "b.py", "b = 1\n"));
        assert_int_equal(cm_repository_index(r, (enum cm_index_mode)mode, &err), CM_OK);
        assert_int_equal(cm_repository_wait(r, 60000, &err), CM_OK);
    }
    assert_true(has_text(r, "a.py", "a = 1\n") && has_text(r, "b.py", "b = 1\n"));
    const cm_text_change gone = {.path = CM_STR("a.py"), .is_removed = true};
    assert_int_equal(cm_repository_sync_texts(r, &gone, 1, &err), CM_OK);
    assert_false(has_text(r, "a.py", "a = 1\n"));
    cm_repository_unref(r);
}

/* ---- bytes ---- */

static void test_index_notes__come_back_as_written_and_survive_any_cut(void **state) {
    (void)state;
    cm_style_votes votes = {.files = 1, .lines = 300, .single_quotes = 7};
    votes.line_lengths[CM_STYLE_LIMITS] = UINT32_MAX;
    const cm_dependency items[] = {{CM_STR("npm"), CM_STR("a"), CM_STR(""), true, false},
                                   {CM_STR("cargo"), CM_STR("b"), CM_STR("1"), false, true}};
    const cm_dependencies dependencies = {items, 2};
    cm_arena *arena = cm_arena_new(0);
    cm_notes notes;
    cm_buf out;
    cm_err err;
    cm_buf_init(&out, CM_KIB(64));
    cm_notes_write(&votes, &dependencies, &out);
    assert_int_equal(cm_notes_read(cm_buf_str(&out), arena, &notes, &err), CM_OK);
    assert_memory_equal(&notes.votes, &votes, sizeof(votes));
    assert_int_equal(notes.dependencies.count, 2);
    assert_true(cm_str_eq_c(notes.dependencies.items[1].version, "1"));
    assert_true(notes.dependencies.items[1].is_locked);
    assert_true(notes.dependencies.items[0].is_development);
    for (size_t len = 1; len < out.len; len++) {
        char *cut = cm_alloc(len); /* its end is the sanitizer's to guard */
        memcpy(cut, out.ptr, len);
        assert_int_equal(cm_notes_read(cm_str_make(cut, len), arena, &notes, &err), CM_OK);
        assert_true(notes.dependencies.count < 2);
        cm_free(cut);
    }
    assert_int_equal(cm_notes_read(CM_STR_EMPTY, arena, &notes, &err), CM_NOT_SUPPORTED);
    cm_buf_done(&out);
    cm_arena_free(arena);
}

int main(void) {
#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_TREE(test_index_codebase__a_lock_file_gives_the_version_of_what_is_declared),
        ON_TREE(test_index_codebase__fixtures_and_vendored_trees_declare_nothing),
        ON_TREE(test_index_codebase__a_manifest_over_the_size_limit_is_still_read),
        ON_TREE(test_index_codebase__one_changed_file_changes_the_sum),
        ON_TREE(test_index_codebase__an_editorconfig_beats_the_votes),
        ON_TREE(test_index_codebase__an_older_index_is_read_again_not_refused),
        ON_TREE(test_index_codebase__what_was_sent_outlives_the_process_and_any_job),
        cmocka_unit_test(test_index_notes__come_back_as_written_and_survive_any_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
