#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/hash.h"
#include "index/segment/builder.h"
#include "index/live/index_priv.h"
#include "repository/repository_priv.h"
#include "index/segment/suffix.h"
#include "index/snapshot/snapshot.h"
#include "index/indexed.h"

#include <dirent.h>

typedef indexed fixture;

static const cm_uuid some_id = {{1, 2, 3}};

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    indexed_new(f);
    indexed_open(f, NULL, &some_id, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    indexed_free(f);
    cm_free(f);
    return 0;
}

/* Text of a document as the index has it; NULL when it has none. Freed with the arena. */
static const char *text_of(fixture *f, const char *path, cm_arena *arena) {
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_index_document d;
    cm_str text;
    const char *result = NULL;
    if (s && cm_snapshot_find_document(s, cm_str_from(path), &d) &&
        cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK) {
        result = cm_arena_c(arena, text);
    }
    cm_snapshot_unref(s);
    return result;
}

static void assert_text(fixture *f, const char *path, const char *want) {
    cm_arena *arena = cm_arena_new(0);
    const char *text = text_of(f, path, arena);
    if (want) {
        assert_non_null(text);
        assert_string_equal(text, want);
    } else {
        assert_null(text);
    }
    cm_arena_free(arena);
}

static void test_index_repository__first_job_makes_every_file_readable(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("def a(): pass\n"));
    tree_write(&f->source, "lib/b.go", CM_STR("package lib\n"));
    tree_write(&f->source, "empty", CM_STR(""));
    cm_index_progress p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.status, CM_INDEX_READY);
    assert_int_equal(p.files_indexed, 3);
    assert_text(f, "a.py", "def a(): pass\n");
    assert_text(f, "lib/b.go", "package lib\n");
    assert_text(f, "empty", "");
    assert_text(f, "missing", NULL);
}

static void test_index_repository__unchanged_files_are_not_read_again(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "b.py", CM_STR("two\n"));
    assert_int_equal(indexed_end(f->repository, CM_INDEX_INCREMENTAL).files_unchanged, 0);
    tree_write(&f->source, "b.py", CM_STR("three\n"));
    cm_index_progress p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.files_unchanged, 1);
    assert_text(f, "b.py", "three\n");
}

static void test_index_repository__removed_file_leaves_the_index(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "b.py", CM_STR("two\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_remove(&f->source, "a.py");
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_text(f, "a.py", NULL);
    assert_text(f, "b.py", "two\n");
}

static void test_index_repository__reader_keeps_its_snapshot(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("old\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    cm_snapshot *old = cm_repository_snapshot(f->repository);
    tree_write(&f->source, "a.py", CM_STR("new\n"));
    indexed_end(f->repository, CM_INDEX_FULL);
    cm_index_document d;
    cm_str text;
    cm_arena *arena = cm_arena_new(0);
    assert_true(cm_snapshot_find_document(old, CM_STR("a.py"), &d));
    assert_int_equal(cm_snapshot_text(old, d.id, arena, &text, NULL), CM_OK);
    assert_true(cm_str_eq_c(text, "old\n"));
    cm_arena_free(arena);
    cm_snapshot_unref(old);
    assert_text(f, "a.py", "new\n");
}

static void test_index_repository__restart_finds_what_was_indexed(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("kept\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    indexed_close(f);
    indexed_open(f, NULL, &some_id, NULL);
    assert_text(f, "a.py", "kept\n");
    assert_int_equal(indexed_end(f->repository, CM_INDEX_INCREMENTAL).files_unchanged, 1);
}

static void test_index_repository__binary_and_large_files_are_listed_without_content(void **state) {
    fixture *f = *state;
    char *large = cm_alloc(600001);
    memset(large, 'x', 600000);
    tree_write(&f->source, "large.txt", cm_str_make(large, 600000));
    tree_write(&f->source, "binary", cm_str_make("a\0b", 3));
    tree_write(&f->source, "latin1.txt", CM_STR("caf\xe9\n"));
    cm_free(large);
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_text(f, "large.txt", NULL);
    assert_text(f, "binary", NULL);
    assert_text(f, "latin1.txt", "caf\xe9\n");
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_index_document d;
    assert_true(cm_snapshot_find_document(s, CM_STR("large.txt"), &d));
    assert_int_equal(d.status, CM_DOCUMENT_TOO_LARGE);
    assert_true(cm_snapshot_find_document(s, CM_STR("binary"), &d));
    assert_int_equal(d.status, CM_DOCUMENT_BINARY);
    cm_snapshot_unref(s);
}

static void test_index_repository__links_are_not_followed(void **state) {
    fixture *f = *state;
    char path[PATH_MAX];
    tree_write(&f->source, "d/a.py", CM_STR("x\n"));
    assert_int_equal(symlink("..", tree_path(&f->source, "d/loop", path)), 0);
    assert_int_equal(symlink("/etc", tree_path(&f->source, "out", path)), 0);
    assert_int_equal(symlink("d/a.py", tree_path(&f->source, "alias.py", path)), 0);
    cm_index_progress p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.files_total, 1);
}

static void test_index_repository__missing_root_is_an_error_and_keeps_the_index(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "sub/a.py", CM_STR("x\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_remove(&f->source, "");
    cm_index_progress p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.status, CM_INDEX_ERROR);
    assert_int_equal(p.error.rc, CM_NOT_FOUND);
    assert_text(f, "sub/a.py", "x\n");
    assert_int_equal(mkdir(f->source.root, 0700), 0);
}

/* Flips bits of one byte in a part of the only segment. */
static void damage(fixture *f, const char *part) {
    char folder[PATH_MAX], path[PATH_MAX];
    tree_path(&f->data, "index/01020300-0000-0000-0000-000000000000", folder);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    path[0] = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (strncmp(e->d_name, "seg-", 4) == 0) {
            assert_true(snprintf(path, sizeof(path), "%s/%s/%s", folder, e->d_name, part) <
                        (int)sizeof(path));
        }
    }
    closedir(dir);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;
    off_t at = 216 + 4; /* just behind the header: inside the first section */
    assert_true(st.st_size > at);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x55);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_index_repository__damaged_part_is_moved_aside_and_rebuilt(void **state) {
    static const char *const parts[] = {"documents", "text", "words", "chunks"};
    fixture *f = *state;
    char path[PATH_MAX];
    tree_write(&f->source, "a.py", CM_STR("def kept(): pass\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    for (size_t i = 0; i < CM_COUNT(parts); i++) {
        indexed_close(f);
        damage(f, parts[i]);
        indexed_open(f, NULL, &some_id, NULL);
        assert_text(f, "a.py", NULL);
        assert_int_equal(indexed_end(f->repository, CM_INDEX_INCREMENTAL).status, CM_INDEX_READY);
        assert_text(f, "a.py", "def kept(): pass\n");
    }
    tree_path(&f->data, "index/01020300-0000-0000-0000-000000000000/quarantine", path);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
}

static void test_index_repository__torn_manifest_starts_empty_and_rebuilds(void **state) {
    fixture *f = *state;
    char folder[PATH_MAX], path[PATH_MAX];
    tree_write(&f->source, "a.py", CM_STR("x\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    indexed_close(f);
    tree_path(&f->data, "index/01020300-0000-0000-0000-000000000000", folder);
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));) {
        if (strncmp(e->d_name, "MANIFEST-", 9) != 0) {
            continue;
        }
        assert_true(snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < (int)sizeof(path));
        assert_int_equal(truncate(path, 40), 0);
    }
    closedir(dir);
    indexed_open(f, NULL, &some_id, NULL);
    assert_text(f, "a.py", NULL);
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_text(f, "a.py", "x\n");
}

/* Makes the manifest that of the version before: its first line and a checksum that fits. */
static void age_manifest(const fixture *f) {
    char folder[PATH_MAX], path[PATH_MAX] = "";
    tree_path(&f->data, "index/01020300-0000-0000-0000-000000000000", folder);
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));) {
        if (strncmp(e->d_name, "MANIFEST-", 9) == 0) {
            assert_true(snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < PATH_MAX);
        }
    }
    closedir(dir);
    cm_buf text;
    cm_buf_init(&text, CM_MIB(1));
    assert_int_equal(cm_file_read(path, CM_MIB(1), &text, NULL), CM_OK);
    cm_str whole = cm_buf_str(&text);
    assert_true(cm_str_starts(whole, CM_STR("codementor-index 2\n")));
    text.ptr[sizeof("codementor-index ") - 1] = '1';
    size_t body = cm_str_find(whole, CM_STR("\nend ")) + 1;
    char end[32];
    snprintf(end, sizeof(end), "end %016llx\n", (unsigned long long)cm_hash64(text.ptr, body));
    memcpy(text.ptr + body, end, strlen(end));
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
    cm_buf_done(&text);
}

static void test_index_repository__index_of_an_older_format_is_built_again(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("x\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    indexed_close(f);
    age_manifest(f);
    indexed_open(f, NULL, &some_id, NULL);
    assert_text(f, "a.py", NULL);
    assert_int_equal(indexed_end(f->repository, CM_INDEX_INCREMENTAL).files_unchanged, 0);
    assert_text(f, "a.py", "x\n");
}

/* Occurrences of `word` in the suffix arrays. */
static size_t occurrences(fixture *f, const char *word) {
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_str context[] = {cm_str_from(word)};
    size_t total = 0;
    for (size_t i = 0; i < cm_snapshot_suffix_count(s); i++) {
        uint32_t first;
        cm_suffix_range ranges[2];
        if (cm_suffix_match(cm_snapshot_suffix(s, i, &first), context, 1, ranges, 1) == 1) {
            total += ranges[1].high - ranges[1].low;
        }
    }
    cm_snapshot_unref(s);
    return total;
}

static void test_index_repository__completion_learns_from_written_code_once(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("once = written\n"));
    tree_write(&f->source, "copy.py", CM_STR("once = written\n"));
    tree_write(&f->source, "made.py", CM_STR("# Code generated by x. DO NOT EDIT.\nmade = 1\n"));
    tree_write(&f->source, "vendor/b.py", CM_STR("theirs = 1\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(occurrences(f, "written"), 1);
    assert_int_equal(occurrences(f, "made"), 0);
    assert_int_equal(occurrences(f, "theirs"), 0);
    assert_text(f, "copy.py", "once = written\n");
    assert_text(f, "vendor/b.py", "theirs = 1\n");
}

static void sync_one(fixture *f, const char *path) {
    cm_str paths[] = {cm_str_from(path)};
    cm_err err = {0};
    assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){paths, 1}, &err), CM_OK);
}

static void test_index_repository__synced_file_is_readable_at_once(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "d/b.py", CM_STR("two\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_write(&f->source, "a.py", CM_STR("changed\n"));
    tree_write(&f->source, "d/new.py", CM_STR("new\n"));
    tree_remove(&f->source, "d/b.py");
    sync_one(f, "a.py");
    assert_text(f, "a.py", "changed\n");
    assert_text(f, "d/new.py", NULL);
    sync_one(f, "d");
    assert_text(f, "d/new.py", "new\n");
    assert_text(f, "d/b.py", NULL);
}

/* Tokens of a file that is synced alone are sorted while it is parsed, those of several afterwards. */
static void test_index_repository__completion_learns_from_an_edit_at_once(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one = 1\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_write(&f->source, "a.py", CM_STR("edited = edited\n"));
    sync_one(f, "a.py");
    assert_int_equal(occurrences(f, "edited"), 2);
    tree_write(&f->source, "made.py", CM_STR("# Code generated by x. DO NOT EDIT.\nmade = 1\n"));
    sync_one(f, "made.py");
    tree_write(&f->source, "note.zzz", CM_STR("noted\n"));
    sync_one(f, "note.zzz");
    assert_int_equal(occurrences(f, "made"), 0);
    assert_int_equal(occurrences(f, "noted"), 0);
    tree_write(&f->source, "d/b.py", CM_STR("both = 1\n"));
    tree_write(&f->source, "d/c.py", CM_STR("both = 2\n"));
    sync_one(f, "d");
    assert_int_equal(occurrences(f, "both"), 2);
}

/* Held here, as a fold and the writing of a manifest hold them. */
static void test_index_repository__edit_waits_for_no_merge_and_no_manifest(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_write(&f->source, "a.py", CM_STR("two\n"));
    pthread_mutex_lock(&f->repository->index->merging);
    pthread_mutex_lock(&f->repository->index->persist);
    sync_one(f, "a.py");
    assert_text(f, "a.py", "two\n");
    pthread_mutex_unlock(&f->repository->index->persist);
    pthread_mutex_unlock(&f->repository->index->merging);
}

static void test_index_repository__replaced_edits_are_forgotten_at_once(void **state) {
    fixture *f = *state;
    char text[32];
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "b.py", CM_STR("one\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "edit %d\n", i);
        tree_write(&f->source, "a.py", cm_str_from(text));
        sync_one(f, "a.py");
        assert_text(f, "a.py", text);
    }
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_snapshot_statistics statistics;
    cm_snapshot_statistics_get(s, &statistics);
    assert_int_equal(statistics.segments, 2);
    cm_snapshot_unref(s);
}

static void test_index_repository__edit_flushed_during_a_full_job_outlives_it(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "b.py", CM_STR("one\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    cm_snapshot *base = cm_repository_snapshot(f->repository); /* a full job begins */
    tree_write(&f->source, "b.py", CM_STR("two\n"));
    sync_one(f, "b.py");
    assert_int_equal(cm_index_flush(f->repository->index, NULL), CM_OK);
    cm_change change = {.replaced = base, .persist = true}; /* and ends, with nothing of its own */
    assert_int_equal(cm_index_publish(f->repository->index, &change, NULL), CM_OK);
    cm_snapshot_unref(base);
    assert_text(f, "a.py", NULL);
    assert_text(f, "b.py", "two\n");
}

/* Marks that come while a fold is at work, and a segment that is forgotten meanwhile, hold for its result. */
static void test_index_repository__edit_during_a_fold_is_not_undone_by_it(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("old a\n"));
    tree_write(&f->source, "b.py", CM_STR("old b\n"));
    sync_one(f, "a.py");
    sync_one(f, "b.py");
    cm_snapshot *before = cm_repository_snapshot(f->repository);
    cm_segment *dropped[] = {before->segments[0].segment, before->segments[1].segment};
    cm_bitmap *dead[] = {NULL, NULL};
    cm_builder *builder = cm_builder_new();
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *merged;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cm_builder_add_segment(builder, dropped[i], NULL, NULL), CM_OK);
    }
    assert_int_equal(cm_builder_finish(builder, parts, NULL), CM_OK);
    assert_int_equal(cm_index_seal(f->repository->index, parts, false, &merged, NULL), CM_OK);
    tree_write(&f->source, "a.py", CM_STR("new a\n"));
    sync_one(f, "a.py");
    cm_change change = {.added = &merged,
                        .added_count = 1,
                        .dropped = dropped,
                        .dropped_dead = dead,
                        .dropped_count = 2};
    assert_int_equal(cm_index_publish(f->repository->index, &change, NULL), CM_OK);
    assert_text(f, "a.py", "new a\n");
    assert_text(f, "b.py", "old b\n");
    cm_segment_unref(merged);
    cm_builder_free(builder);
    cm_snapshot_unref(before);
}

static void test_index_repository__synced_file_survives_a_restart(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    tree_write(&f->source, "a.py", CM_STR("two\n"));
    sync_one(f, "a.py");
    indexed_close(f);
    indexed_open(f, NULL, &some_id, NULL);
    assert_text(f, "a.py", "two\n");
}

static void test_index_repository__text_of_an_editor_holds_until_the_disk_is_read(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("disk\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(
        cm_repository_sync_text(f->repository, CM_STR("a.py"), CM_STR("editor\n"), NULL), CM_OK);
    assert_text(f, "a.py", "editor\n");
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_text(f, "a.py", "disk\n");
}

static void test_index_repository__path_outside_the_tree_is_refused(void **state) {
    fixture *f = *state;
    cm_str paths[] = {CM_STR("../etc/passwd")};
    assert_int_not_equal(cm_repository_sync(f->repository, (cm_str_list){paths, 1}, NULL), CM_OK);
    assert_int_not_equal(
        cm_repository_sync_text(f->repository, CM_STR("/etc/passwd"), CM_STR(""), NULL), CM_OK);
}

static void test_index_repository__changed_options_take_effect_with_the_next_job(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "b.go", CM_STR("two\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    cm_str exclude[] = {CM_STR("*.go")};
    cm_repository_options options = {.exclude = {exclude, 1}};
    cm_repository *same;
    assert_int_equal(cm_indexer_add(f->indexer, &some_id, f->source.root, &options, &same, NULL),
                     CM_OK);
    cm_repository_unref(same);
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_text(f, "a.py", "one\n");
    assert_text(f, "b.go", NULL);
}

static void test_index_repository__removed_repository_leaves_nothing_on_disk(void **state) {
    fixture *f = *state;
    struct stat st;
    char path[PATH_MAX];
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(cm_indexer_remove(f->indexer, &some_id, NULL), CM_OK);
    assert_null(cm_indexer_find(f->indexer, &some_id));
    assert_int_equal(cm_indexer_remove(f->indexer, &some_id, NULL), CM_NOT_FOUND);
    tree_path(&f->data, "index/01020300-0000-0000-0000-000000000000", path);
    assert_int_equal(stat(path, &st), -1);
}

static void test_index_repository__is_found_by_a_path_inside(void **state) {
    fixture *f = *state;
    char path[PATH_MAX];
    tree_path(&f->source, "lib/x.py", path);
    cm_repository *found = cm_indexer_find_path(f->indexer, NULL, cm_str_from(path));
    assert_ptr_equal(found, f->repository);
    cm_repository_unref(found);
    assert_null(cm_indexer_find_path(f->indexer, NULL, CM_STR("/nowhere/x.py")));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_index_repository__first_job_makes_every_file_readable),
        T(test_index_repository__unchanged_files_are_not_read_again),
        T(test_index_repository__removed_file_leaves_the_index),
        T(test_index_repository__reader_keeps_its_snapshot),
        T(test_index_repository__restart_finds_what_was_indexed),
        T(test_index_repository__binary_and_large_files_are_listed_without_content),
        T(test_index_repository__links_are_not_followed),
        T(test_index_repository__missing_root_is_an_error_and_keeps_the_index),
        T(test_index_repository__damaged_part_is_moved_aside_and_rebuilt),
        T(test_index_repository__index_of_an_older_format_is_built_again),
        T(test_index_repository__completion_learns_from_written_code_once),
        T(test_index_repository__torn_manifest_starts_empty_and_rebuilds),
        T(test_index_repository__synced_file_is_readable_at_once),
        T(test_index_repository__completion_learns_from_an_edit_at_once),
        T(test_index_repository__edit_waits_for_no_merge_and_no_manifest),
        T(test_index_repository__replaced_edits_are_forgotten_at_once),
        T(test_index_repository__edit_flushed_during_a_full_job_outlives_it),
        T(test_index_repository__edit_during_a_fold_is_not_undone_by_it),
        T(test_index_repository__synced_file_survives_a_restart),
        T(test_index_repository__text_of_an_editor_holds_until_the_disk_is_read),
        T(test_index_repository__path_outside_the_tree_is_refused),
        T(test_index_repository__changed_options_take_effect_with_the_next_job),
        T(test_index_repository__removed_repository_leaves_nothing_on_disk),
        T(test_index_repository__is_found_by_a_path_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
