/* kill -9 at random moments of indexing, syncing, folding, flushing, merging and reading git's history, of which
 * every round brings more: the index always opens and the next job makes it equal to a fresh one.
 * CODEMENTOR_TEST_ROUNDS multiplies the kills (rounds.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/dump.h"
#include "index/git.h"
#include "index/live/index_priv.h"
#include "repository/repository_priv.h"
#include "index/rounds.h"
#include "index/indexed.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define FILES 24 /* more than may lie in memory unfolded */
#define KILLS 24

static const cm_uuid some_id = {{8}};

static cm_repository *open_repository(const char *data, const tree *source,
                                      cm_indexer **ret_indexer) {
    /* A segment, a manifest and merges for every file. */
    cm_indexer_options options = {.index = {.ram_bytes = 1}};
    return indexed_add(data, &options, &some_id, source->root, NULL, ret_indexer);
}

static void close_repository(cm_indexer *indexer, cm_repository *repository) {
    cm_repository_unref(repository);
    cm_indexer_close(indexer);
}

static void write_files(const tree *source, uint32_t round) {
    char path[32], text[64];
    for (uint32_t i = 0; i < FILES; i++) {
        if ((i * 7 + round) % 3 != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "d%u/f%u.txt", i % 4, i);
        snprintf(text, sizeof(text), "round %u of file %u\n", round, i);
        tree_write(source, path, cm_str_from(text));
    }
}

/* What an editor holds and never writes: in memory, folded, then flushed to disk. */
static bool edit_in_memory(cm_repository *repository, unsigned round) {
    char path[32], text[64];
    for (uint32_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "d%u/f%u.txt", i % 4, i);
        snprintf(text, sizeof(text), "editor %u of file %u\n", round, i);
        if (cm_repository_sync_text(repository, cm_str_from(path), cm_str_from(text), NULL) !=
            CM_OK) {
            return false;
        }
    }
    return cm_index_flush(repository->index, NULL) == CM_OK;
}

/* Indexes over and over until it is killed. */
static void child_run(const char *data, const tree *source) {
    cm_indexer *indexer;
    cm_repository *repository = open_repository(data, source, &indexer);
    cm_str all[] = {CM_STR("d1"), CM_STR("d2")};
    for (unsigned i = 0;; i++) {
        if (cm_repository_index(repository, i % 2 ? CM_INDEX_FULL : CM_INDEX_INCREMENTAL, NULL) !=
                CM_OK ||
            cm_repository_wait(repository, 60000, NULL) != CM_OK ||
            cm_repository_sync(repository, (cm_str_list){all, 2}, NULL) != CM_OK ||
            !edit_in_memory(repository, i)) {
            _exit(1);
        }
    }
}

static void begin_a_file(const tree *data) {
    char id[CM_UUID_TEXT], path[128];
    cm_uuid_format(&some_id, id);
    snprintf(path, sizeof(path), "index/%s/history.tmp-killed", id);
    tree_write(data, path, CM_STR("half a histo"));
}

/* Opening clears away what was being written. */
static void assert_nothing_unfinished(const char *data) {
    char id[CM_UUID_TEXT], folder[PATH_MAX];
    cm_uuid_format(&some_id, id);
    snprintf(folder, sizeof(folder), "%s/index/%s", data, id);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strstr(entry->d_name, ".tmp-")) {
            fail_msg("'%s' was left behind", entry->d_name);
        }
    }
    closedir(dir);
}

static void assert_equals_fresh(const char *data, const tree *source) {
    tree other;
    cm_indexer *indexers[2];
    cm_repository *repositories[2];
    cm_snapshot *snapshots[2];
    tree_new(&other);
    const char *places[2] = {data, other.root};
    for (int i = 0; i < 2; i++) {
        cm_index_progress progress;
        repositories[i] = open_repository(places[i], source, &indexers[i]);
        assert_int_equal(cm_repository_index(repositories[i], CM_INDEX_INCREMENTAL, NULL), CM_OK);
        assert_int_equal(cm_repository_wait(repositories[i], 60000, NULL), CM_OK);
        cm_repository_progress(repositories[i], &progress);
        assert_int_equal(progress.status, CM_INDEX_READY);
        snapshots[i] = cm_repository_snapshot(repositories[i]);
    }
    assert_same_index(snapshots[0], snapshots[1]);
    cm_history_facts facts[2];
    for (int i = 0; i < 2; i++) {
        cm_history_facts_get(cm_snapshot_history(snapshots[i]), &facts[i]);
    }
    assert_int_equal(facts[0].state, CM_HISTORY_READ);
    assert_memory_equal(facts[0].head, facts[1].head, sizeof(facts[0].head));
    assert_int_equal(facts[0].counted, facts[1].counted);
    for (int i = 0; i < 2; i++) {
        cm_snapshot_unref(snapshots[i]);
        close_repository(indexers[i], repositories[i]);
    }
    tree_free(&other);
}

static void test_index_kill__any_moment_leaves_an_index_that_catches_up(void **state) {
    (void)state;
    tree source, data;
    uint32_t seed = 20261122;
    tree_new(&source);
    tree_new(&data);
    git_repository *git = git_new(&source);
    for (uint32_t round = 0; round < rounds_of(KILLS); round++) {
        write_files(&source, round);
        git_commit_all(git, 1600000000 + round);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            child_run(data.root, &source);
        }
        seed = seed * 1664525 + 1013904223;
        poll(NULL, 0, (int)(seed >> 24) % 200 + 1); /* the moment is what this test varies */
        int status;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        cm_indexer *indexer;
        begin_a_file(&data);
        cm_repository *repository = open_repository(data.root, &source, &indexer);
        assert_nothing_unfinished(data.root);
        close_repository(indexer, repository);
        if (round % 8 == 7) {
            assert_equals_fresh(data.root, &source);
        }
    }
    git_free(git);
    tree_free(&source);
    tree_free(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_kill__any_moment_leaves_an_index_that_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
