/* Damage of every kind is found and mended by the server itself, whether changes are watched or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "index/live/index_priv.h"
#include "index/tree.h"
#include "repository/caretaker.h"
#include "repository/repository_priv.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define FILES   40
#define GIVE_UP 60000 /* ms; the state decides, this only ends a test that fails */

typedef struct fixture {
    tree source, data;
    cm_indexer *indexer;
    cm_repository *repository;
} fixture;

static const cm_uuid some_id = {{1, 2, 3}};

static void open_indexer(fixture *f, bool heal, size_t check_bytes) {
    cm_indexer_options options = {.heal = heal, .index = {.check_bytes = check_bytes}};
    assert_int_equal(cm_indexer_open(f->data.root, &options, &f->indexer, NULL), CM_OK);
    assert_int_equal(
        cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &f->repository, NULL), CM_OK);
}

/* Whoever looked at it in between let go of it again. */
static void close_indexer(fixture *f) {
    cm_indexer_close(f->indexer);
    assert_int_equal(atomic_load(&f->repository->refs), 1);
    cm_repository_unref(f->repository);
}

static void run_job(fixture *f) {
    assert_int_equal(cm_repository_index(f->repository, CM_INDEX_INCREMENTAL, NULL), CM_OK);
    assert_int_equal(cm_repository_wait(f->repository, GIVE_UP, NULL), CM_OK);
}

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    char name[32], text[128];
    tree_new(&f->source);
    tree_new(&f->data);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "f%02d.py", i);
        snprintf(text, sizeof(text), "def name_%d(x):\n    return x + word_%d\n", i, i);
        tree_write(&f->source, name, cm_str_from(text));
    }
    open_indexer(f, false, 0);
    run_job(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    close_indexer(f);
    tree_free(&f->source);
    tree_free(&f->data);
    cm_free(f);
    return 0;
}

static bool is_whole(fixture *f) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    size_t files = 0;
    cm_index_document d;
    cm_str text;
    for (uint32_t at = 0; s && cm_snapshot_next_document(s, &at, &d);) {
        files += cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK &&
                 cm_str_starts(text, CM_STR("def name_"));
    }
    cm_snapshot_unref(s);
    return files == FILES && cm_repository_degraded(f->repository) == NULL;
}

/* Whether the snapshot still has the segment of this folder. */
static bool has_segment(fixture *f, const char *path) {
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    bool has = false;
    for (size_t i = 0; s && i < s->count; i++) {
        has = has ||
              (s->segments[i].segment->path && strcmp(s->segments[i].segment->path, path) == 0);
    }
    cm_snapshot_unref(s);
    return has;
}

static void await_whole(fixture *f) {
    uint64_t end = cm_clock_ms() + GIVE_UP;
    while (!is_whole(f)) {
        if (cm_clock_ms() > end) {
            const char *why = cm_repository_degraded(f->repository);
            fail_msg("not mended: %s", why ? why : "files are missing");
        }
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* between two looks */
    }
}

/* Path of the first entry of the repository's folder that begins with `prefix`. */
static void find_entry(fixture *f, const char *prefix, char found[PATH_MAX * 2]) {
    const char *folder = cm_index_folder(f->repository->index);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    found[0] = '\0';
    for (struct dirent *e; (e = readdir(dir));) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0) {
            snprintf(found, PATH_MAX * 2, "%s/%s", folder, e->d_name);
        }
    }
    closedir(dir);
    assert_int_not_equal(found[0], '\0');
}

static void flip_byte(const char *path, off_t at) {
    char byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x55);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_repository_damage__a_manifest_is_built_again(void **state) {
    fixture *f = *state;
    char path[PATH_MAX * 2];
    find_entry(f, "MANIFEST-", path);
    close_indexer(f);
    flip_byte(path, 30);
    open_indexer(f, true, 0);
    await_whole(f);
}

static void test_repository_damage__a_missing_manifest_too(void **state) {
    fixture *f = *state;
    char path[PATH_MAX * 2];
    find_entry(f, "MANIFEST-", path);
    close_indexer(f);
    assert_int_equal(unlink(path), 0);
    open_indexer(f, true, 0);
    await_whole(f);
}

static void test_repository_damage__a_segment_is_read_again(void **state) {
    fixture *f = *state;
    char path[PATH_MAX * 2], part[PATH_MAX * 2 + 16];
    find_entry(f, "seg-", path);
    snprintf(part, sizeof(part), "%s/text", path);
    close_indexer(f);
    flip_byte(part, 300);
    open_indexer(f, true, 0);
    await_whole(f);
}

/* What is too large to be checked at opening is not trusted until it has been. */
static void test_repository_damage__a_large_index_is_degraded_till_it_is_checked(void **state) {
    fixture *f = *state;
    char path[PATH_MAX * 2], part[PATH_MAX * 2 + 16];
    find_entry(f, "seg-", path);
    snprintf(part, sizeof(part), "%s/words", path);
    close_indexer(f);
    open_indexer(f, false, 1);
    assert_non_null(cm_repository_degraded(f->repository));
    assert_int_equal(cm_index_check(f->repository->index, NULL, NULL), CM_OK);
    assert_null(cm_repository_degraded(f->repository));
    close_indexer(f);
    flip_byte(part, 300);
    open_indexer(f, false, 1);
    assert_int_equal(cm_index_check(f->repository->index, NULL, NULL), CM_OK);
    assert_non_null(cm_repository_degraded(f->repository)); /* taken out, and not read again yet */
    assert_true(cm_index_needs_job(f->repository->index));
    close_indexer(f);
    open_indexer(f, true, 1);
    await_whole(f);
}

typedef struct reader {
    fixture *f;
    atomic_bool stop;
    _Atomic uint64_t rounds;
} reader;

static bool count_reference(void *argument, const cm_index_reference *reference) {
    *(size_t *)argument += reference->line;
    return true;
}

static bool count_name(void *argument, cm_str name) {
    *(size_t *)argument += name.len;
    return true;
}

/* Reads all that a snapshot has, whatever it says. */
static void *read_all(void *argument) {
    reader *r = argument;
    while (!atomic_load(&r->stop)) {
        cm_arena *arena = cm_arena_new(0);
        cm_snapshot *s = cm_repository_snapshot(r->f->repository);
        cm_index_document d;
        cm_snapshot_statistics statistics;
        size_t seen = 0;
        for (uint32_t at = 0; s && cm_snapshot_next_document(s, &at, &d);) {
            cm_str text;
            cm_index_symbol symbol;
            cm_index_chunk chunk;
            cm_index_import import;
            seen += cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK ? text.len : 0;
            for (uint32_t i = 0; i < d.symbol_count; i++) {
                seen += cm_snapshot_symbol(s, d.first_symbol + i, &symbol) ? symbol.name.len : 0;
            }
            for (uint32_t i = 0; i < d.chunk_count; i++) {
                seen += cm_snapshot_chunk(s, d.first_chunk + i, &chunk);
            }
            seen += cm_snapshot_import(s, d.id, 0, &import);
        }
        if (s) {
            uint32_t found[4];
            seen += cm_snapshot_definitions(s, CM_STR("name_7"), found, 4);
            cm_snapshot_references(s, CM_STR("word_7"), count_reference, &seen);
            cm_snapshot_names(s, CM_STR(""), count_name, &seen);
            cm_snapshot_statistics_get(s, &statistics);
        }
        cm_snapshot_unref(s);
        cm_arena_free(arena);
        atomic_fetch_add(&r->rounds, 1 + (seen > SIZE_MAX / 2));
    }
    return NULL;
}

static struct sigaction guard; /* ours: cmocka puts its own in its place for each test */

static void test_repository_damage__parts_cut_short_under_readers(void **state) {
    fixture *f = *state;
    struct sigaction cmockas;
    assert_int_equal(sigaction(SIGBUS, &guard, &cmockas), 0);
    static const double shares[] = {0, 0.5};
    close_indexer(f);
    open_indexer(f, true, 0);
    reader r = {.f = f};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        for (size_t i = 0; i < CM_COUNT(shares); i++) {
            char path[PATH_MAX * 2], part[PATH_MAX * 2 + 16];
            struct stat st;
            cm_snapshot *s = cm_repository_snapshot(f->repository);
            assert_non_null(s->segments[0].segment->path);
            snprintf(path, sizeof(path), "%s", s->segments[0].segment->path);
            cm_snapshot_unref(s);
            snprintf(part, sizeof(part), "%s/%s", path, cm_part_name(kind));
            assert_int_equal(stat(part, &st), 0);
            assert_int_equal(truncate(part, (off_t)((double)st.st_size * shares[i])), 0);
            uint64_t before = atomic_load(&r.rounds);
            while (atomic_load(&r.rounds) < before + 3) {
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* between two looks */
            }
            cm_repository *same; /* has the caretaker look at once: a page's end hides a cut */
            assert_int_equal(
                cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &same, NULL), CM_OK);
            cm_repository_unref(same);
            while (has_segment(f, path)) {
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* between two looks */
            }
            await_whole(f);
        }
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(sigaction(SIGBUS, &cmockas, NULL), 0);
}

int main(void) {
    if (cm_mapping_torn_fd() < 0 || sigaction(SIGBUS, NULL, &guard) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_repository_damage__a_manifest_is_built_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_repository_damage__a_missing_manifest_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_repository_damage__a_segment_is_read_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_repository_damage__a_large_index_is_degraded_till_it_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repository_damage__parts_cut_short_under_readers,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
