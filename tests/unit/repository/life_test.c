/* Random histories of one repository, several threads at once: whatever they do to it and to its tree, nothing breaks,
 * every job ends, its row says how, and the index ends equal to one that is made from nothing.
 *
 * CODEMENTOR_TEST_ROUNDS multiplies the histories (index/rounds.h): at 20 they are more than 100,000 steps.
 * CODEMENTOR_TEST_SEED repeats the histories of a failure, whose seed is printed. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "index/dump.h"
#include "index/git.h"
#include "index/git/git.h"
#include "index/rounds.h"
#include "index/tables/tables.h"
#include "index/tree.h"
#include "repository/record.h"
#include "repository/repository_priv.h"
#include "store/maintenance/maintenance.h"
#include "store/q/jobs.h"
#include "store/q/repositories.h"
#include "store/q/repository_dependencies.h"
#include "store/q/users.h"
#include "store/q/workspaces.h"

#include <poll.h>

#define THREADS     6
#define STEPS       150    /* of each thread in one history */
#define HISTORIES   2      /* of each kind: 2 * 3 * 6 * 150 = 5,400 steps */
#define FILES       12     /* of each thread, and as many that all of them share */
#define PATIENCE_MS 120000 /* only ends a failing test */

/* What happens beside edits. */
typedef enum history {
    SYNCED,  /* whoever edits tells of it; jobs begin and are cancelled */
    WATCHED, /* a watcher tells; jobs begin and are cancelled */
    ANYTHING /* and it is configured, emptied, deleted and added again; files are uploaded to another one */
} history;

typedef struct world {
    fixture *f;
    history kind;
    tree source, data;
    cm_pool *pool;
    cm_tables *tables;
    cm_indexer *indexer;
    cm_sent sent;
    cm_settings_cell *settings;
    cm_repositories *repositories;
    cm_uuid uploads;
    atomic_uint faults;
} world;

typedef struct actor {
    world *w;
    unsigned number;
    uint64_t seed;
    pthread_t thread;
    char uploaded[FILES][64]; /* what it uploaded last; "" = nothing, or deleted */
} actor;

static cm_rc no_style(const cm_snapshot *snapshot, cm_str stored, cm_arena *arena, cm_str *ret_json,
                      cm_err *err) {
    (void)snapshot, (void)stored, (void)arena, (void)err;
    *ret_json = CM_STR("{}");
    return CM_OK;
}

/* ---- a world ---- */

static void world_open(world *w, fixture *f, history kind) {
    *w = (world){.f = f, .kind = kind};
    tree_new(&w->source);
    tree_new(&w->data);
    w->sent = (cm_sent){f->store, w->data.root};
    cm_settings settings = {0};
    w->settings = cm_settings_cell_new(&settings, cm_arena_new(0));
    assert_ok(cm_pool_new(2, 64, &w->pool, err));
    cm_tables_options tables = {.store = f->store, .mode = CM_TABLES_FILES};
    assert_ok(cm_tables_open(&tables, &w->tables, err));
    cm_indexer_options options = {.index = {.pool = w->pool,
                                            .sent = &w->sent,
                                            .no_history = true,
                                            .on_published = cm_tables_on_published,
                                            .published_argument = w->tables},
                                  .watch = kind == WATCHED,
                                  .watch_poll_ms = 50};
    assert_ok(cm_indexer_open(w->data.root, &options, &w->indexer, err));
    cm_repositories_options repositories = {.store = f->store,
                                            .indexer = w->indexer,
                                            .sent = &w->sent,
                                            .settings = w->settings,
                                            .file_bytes_max = CM_MIB(1),
                                            .style_guide = no_style};
    assert_ok(cm_repositories_open(&repositories, &w->repositories, err));
    cm_tables_follow(w->tables, cm_repositories_on_pass, w->repositories);
    cm_str name = cm_str_from(strrchr(w->source.root, '/') + 1);
    assert_ok(cm_repositories_create(w->repositories, &w->f->local, name, CM_STR(""),
                                     CM_STR("text"), &w->uploads, err));
}

static void world_close(world *w) {
    cm_indexer_close(w->indexer);
    cm_tables_close(w->tables, 0);
    cm_repositories_close(w->repositories);
    cm_pool_free(w->pool);
    cm_settings_cell_free(w->settings);
    tree_free(&w->source);
    tree_free(&w->data);
}

static cm_repository *add_source(world *w, cm_rc *ret_rc, cm_err *err) {
    cm_repository *repository = NULL;
    cm_repository_add add = {.root = cm_str_from(w->source.root)};
    *ret_rc = cm_repositories_add(w->repositories, &w->f->local, &add, &repository, err);
    return *ret_rc == CM_OK ? repository : NULL;
}

static cm_repository *find_source(world *w) {
    return cm_indexer_find_path(w->indexer, NULL, cm_str_from(w->source.root));
}

/* ---- steps ---- */

static uint32_t pick(actor *a, uint32_t below) {
    a->seed = a->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(a->seed >> 33) % below;
}

/* What clients are told; anything else is a fault of ours. */
static void check(actor *a, const char *what, cm_rc rc, const cm_err *err) {
    bool closes = a->w->kind == ANYTHING;
    if (rc == CM_OK || rc == CM_CONFLICT || (rc == CM_NOT_FOUND && closes)) {
        return;
    }
    print_message("%s: %s (%d)\n", what, err->text, (int)rc);
    atomic_fetch_add(&a->w->faults, 1);
}

/* Most files are edited by one thread alone, some by all. */
static void name_file(actor *a, char path[64]) {
    uint32_t n = pick(a, FILES);
    if (pick(a, 4) == 0) {
        snprintf(path, 64, "all/d%u/f%u.txt", n % 3, n);
    } else {
        snprintf(path, 64, "t%u/d%u/f%u.txt", a->number, n % 3, n);
    }
}

static void write_file(actor *a, const char *path) {
    char full[PATH_MAX], folder[PATH_MAX], text[64];
    snprintf(full, sizeof(full), "%s/%s", a->w->source.root, path);
    snprintf(folder, sizeof(folder), "%.*s", CM_STR_ARG(cm_path_directory(cm_str_from(full))));
    int len = snprintf(text, sizeof(text), "thread %u says %u\n", a->number, pick(a, 1000000));
    if (cm_dir_make(folder, NULL) != CM_OK) {
        return; /* another thread deletes the folder */
    }
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)!write(fd, text, (size_t)len);
        close(fd);
    }
}

static void sync_path(actor *a, cm_repository *repository, const char *path) {
    cm_err err;
    cm_str paths[] = {cm_str_from(path)};
    check(a, "sync", cm_repository_sync(repository, (cm_str_list){paths, 1}, &err), &err);
}

/* Writes or deletes a file, or deletes a folder; who edits tells of it where no watcher does. */
static void step_edit(actor *a, cm_repository *repository) {
    char path[64], full[PATH_MAX];
    name_file(a, path);
    cm_str folder = cm_path_directory(cm_str_from(path));
    uint32_t how = pick(a, 12);
    snprintf(full, sizeof(full), "%s/%s", a->w->source.root, path);
    if (how < 8) {
        write_file(a, path);
    } else if (how < 11) {
        (void)unlink(full);
    } else {
        full[strlen(full) - strlen(path) + folder.len] = 0;
        (void)!cm_dir_remove(full, NULL); /* others may write into it */
    }
    if (how == 11 || pick(a, 6) == 0) {
        path[folder.len] = 0;
    }
    if (a->w->kind != WATCHED) {
        sync_path(a, repository, path);
    }
}

static void step_index(actor *a, cm_repository *repository) {
    cm_err err;
    cm_uuid job;
    enum cm_index_mode mode = pick(a, 4) == 0 ? CM_INDEX_FULL : CM_INDEX_INCREMENTAL;
    check(a, "index", cm_repositories_index(a->w->repositories, repository, mode, &job, &err),
          &err);
}

static void step_cancel(actor *a, cm_repository *repository) {
    (void)a;
    cm_repository_cancel(repository);
}

static void step_read(actor *a, cm_repository *repository) {
    cm_snapshot *s = cm_repository_snapshot(repository);
    cm_arena *arena = cm_arena_new(0);
    cm_index_document d;
    cm_index_progress progress;
    cm_repository_progress(repository, &progress);
    for (uint32_t at = 0; s && cm_snapshot_next_document(s, &at, &d);) {
        cm_str text;
        cm_err err;
        if (cm_document_has_text(&d) && cm_snapshot_text(s, d.id, arena, &text, &err) != CM_OK) {
            check(a, "read", CM_CORRUPT, &err);
        }
    }
    cm_arena_free(arena);
    cm_snapshot_unref(s);
}

static void step_configure(actor *a, cm_repository *repository) {
    cm_str all = CM_STR("**/*"), most = CM_STR("t*/**");
    cm_repository_config config = {.include = {pick(a, 2) == 0 ? &all : &most, 1},
                                   .file_kb_max = 100,
                                   .follow_gitignore = true};
    cm_err err;
    check(a, "configure",
          cm_repositories_configure(a->w->repositories, &a->w->f->local,
                                    cm_repository_id(repository), &config, &err),
          &err);
}

static void step_forget(actor *a, cm_repository *repository) {
    cm_err err;
    check(a, "forget",
          cm_repositories_forget_index(a->w->repositories, &a->w->f->local,
                                       cm_repository_id(repository), &err),
          &err);
}

static void step_remove(actor *a, cm_repository *repository) {
    cm_err err;
    check(a, "remove",
          cm_repositories_remove(a->w->repositories, &a->w->f->local, cm_repository_id(repository),
                                 &err),
          &err);
}

static void step_record(actor *a, cm_repository *repository) {
    cm_repositories_record(a->w->repositories, repository);
}

/* Into the other repository, which is never deleted; each thread has its own files there. */
static void step_upload(actor *a, cm_repository *ignored) {
    (void)ignored;
    char path[64], text[64];
    uint32_t n = pick(a, FILES);
    cm_text_change change = {.is_removed = pick(a, 4) == 0};
    cm_repository *repository = cm_indexer_find(a->w->indexer, &a->w->uploads);
    cm_err err;
    snprintf(path, sizeof(path), "t%u/f%u.txt", a->number, n);
    snprintf(text, sizeof(text), "thread %u sends %u\n", a->number, pick(a, 1000000));
    change.path = cm_str_from(path);
    change.text = cm_str_from(text);
    cm_rc rc = cm_repository_sync_texts(repository, &change, 1, &err);
    check(a, "upload", rc, &err);
    if (rc == CM_OK) {
        snprintf(a->uploaded[n], sizeof(a->uploaded[n]), "%s", change.is_removed ? "" : text);
    }
    if (pick(a, 4) == 0) {
        step_index(a, repository);
    }
    if (pick(a, 12) == 0) {
        step_forget(a, repository);
    }
    cm_repository_unref(repository);
}

typedef struct step {
    uint32_t weight;
    history least; /* the first kind of history that has it */
    void (*run)(actor *a, cm_repository *repository);
} step;

static const step steps[] = {
    {50, SYNCED, step_edit},    {6, SYNCED, step_index},    {3, SYNCED, step_cancel},
    {8, SYNCED, step_read},     {1, SYNCED, step_record},   {4, ANYTHING, step_configure},
    {3, ANYTHING, step_forget}, {3, ANYTHING, step_remove}, {12, ANYTHING, step_upload},
};

static const step *choose(actor *a) {
    uint32_t total = 0;
    for (size_t i = 0; i < CM_COUNT(steps); i++) {
        total += steps[i].least <= a->w->kind ? steps[i].weight : 0;
    }
    uint32_t at = pick(a, total);
    for (size_t i = 0;; i++) {
        uint32_t weight = steps[i].least <= a->w->kind ? steps[i].weight : 0;
        if (at < weight) {
            return &steps[i];
        }
        at -= weight;
    }
}

static void *act(void *argument) {
    actor *a = argument;
    for (int i = 0; i < STEPS; i++) {
        cm_err err;
        cm_rc rc = CM_OK;
        const step *s = choose(a);
        cm_repository *repository = pick(a, 2) == 0 ? find_source(a->w) : NULL;
        if (repository == NULL) {
            repository = add_source(a->w, &rc, &err);
            check(a, "add", rc, &err);
        }
        if (repository != NULL) {
            s->run(a, repository);
            cm_repository_unref(repository);
        }
    }
    return NULL;
}

/* ---- what must hold afterwards ---- */

static void index_until_done(world *w, cm_repository *repository) {
    cm_uuid job;
    cm_rc rc;
    do {
        assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
        cm_err why;
        rc = cm_repositories_index(w->repositories, repository, CM_INDEX_INCREMENTAL, &job, &why);
        if (rc != CM_CONFLICT) {
            assert_int_equal(rc, CM_OK);
        }
    } while (rc == CM_CONFLICT);
    assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
}

/* The row's own configuration, on a folder of its own. */
static void fresh_dump(world *w, cm_repository *repository, dump *ret_dump) {
    static const cm_uuid some_id = {{7}};
    cm_arena *arena = cm_arena_new(0);
    cm_repository_config config;
    tree data;
    cm_indexer *indexer;
    cm_repository *fresh;
    tree_new(&data);
    assert_ok(cm_repositories_config(w->repositories, &w->f->local, cm_repository_id(repository),
                                     arena, &config, err));
    cm_repository_options options = cm_repository_config_options(&config);
    assert_ok(cm_indexer_open(data.root, &(cm_indexer_options){.index = {.no_history = true}},
                              &indexer, err));
    assert_ok(cm_indexer_add(indexer, &some_id, w->source.root, &options, &fresh, err));
    assert_ok(cm_repository_index(fresh, CM_INDEX_FULL, err));
    assert_ok(cm_repository_wait(fresh, PATIENCE_MS, err));
    cm_snapshot *s = cm_repository_snapshot(fresh);
    dump_of(s, ret_dump);
    cm_snapshot_unref(s);
    cm_repository_unref(fresh);
    cm_indexer_close(indexer);
    tree_free(&data);
    cm_arena_free(arena);
}

static size_t differences(const dump *have, const dump *want, bool say) {
    size_t i = 0, j = 0, count = 0;
    while (i < have->lines.count || j < want->lines.count) {
        int order = i == have->lines.count   ? 1
                    : j == want->lines.count ? -1
                                             : strcmp(have->lines.items[i], want->lines.items[j]);
        if (order != 0 && say && count < 20) {
            print_message("%s %s\n", order < 0 ? "ghost:  " : "missing:",
                          order < 0 ? have->lines.items[i] : want->lines.items[j]);
        }
        count += order != 0;
        i += order <= 0;
        j += order >= 0;
    }
    return count;
}

static size_t compare(world *w, cm_repository *repository, const dump *want, bool say) {
    (void)w;
    dump have = {0};
    cm_snapshot *s = cm_repository_snapshot(repository);
    if (s) {
        dump_of(s, &have);
    }
    size_t count = differences(&have, want, say);
    dump_done(&have);
    cm_snapshot_unref(s);
    return count;
}

/* A watcher follows in its own time: it is waited for. */
static void assert_like_fresh(world *w, cm_repository *repository) {
    dump want = {0};
    uint64_t end = cm_clock_ms() + PATIENCE_MS;
    fresh_dump(w, repository, &want);
    while (w->kind == WATCHED && compare(w, repository, &want, false) > 0 && cm_clock_ms() < end) {
        poll(NULL, 0, 5);
    }
    assert_int_equal(compare(w, repository, &want, true), 0);
    dump_done(&want);
}

static void assert_rows(world *w, cm_repository *repository) {
    cm_arena *arena = cm_arena_new(0);
    const cm_row_jobs *jobs;
    cm_row_repositories row;
    size_t count;
    cm_q_jobs_page_in running = {.user_id = w->f->local.user_id,
                                 .status = CM_STR("running"),
                                 .job_type = CM_STR("index"),
                                 .limit = 10};
    assert_ok(cm_q_jobs_page(&w->f->system, &running, arena, &jobs, &count, err));
    assert_int_equal(count, 0);
    cm_q_repositories_by_root_in in = {.root_path = cm_str_from(w->source.root)};
    assert_ok(cm_q_repositories_by_root(&w->f->system, &in, arena, &row, err));
    assert_true(cm_uuid_eq(&row.id, cm_repository_id(repository)));
    assert_string_equal(cm_arena_c(arena, row.status), "ready");
    cm_arena_free(arena);
}

static void assert_uploads(world *w, const actor *actors) {
    char path[64];
    cm_repository *repository = cm_indexer_find(w->indexer, &w->uploads);
    cm_arena *arena = cm_arena_new(0);
    index_until_done(w, repository);
    cm_snapshot *s = cm_repository_snapshot(repository);
    for (unsigned t = 0; t < THREADS; t++) {
        for (unsigned n = 0; n < FILES; n++) {
            cm_index_document d;
            cm_str text = CM_STR_EMPTY;
            snprintf(path, sizeof(path), "t%u/f%u.txt", t, n);
            bool has = s && cm_snapshot_find_document(s, cm_str_from(path), &d);
            assert_int_equal(has, actors[t].uploaded[n][0] != 0);
            if (has) {
                assert_ok(cm_snapshot_text(s, d.id, arena, &text, err));
                assert_true(cm_str_eq_c(text, actors[t].uploaded[n]));
            }
        }
    }
    cm_snapshot_unref(s);
    cm_arena_free(arena);
    cm_repository_unref(repository);
}

/* ---- histories ---- */

static void run_history(fixture *f, history kind, uint64_t seed) {
    world w;
    actor actors[THREADS];
    cm_err why;
    cm_rc rc;
    world_open(&w, f, kind);
    cm_repository *repository = add_source(&w, &rc, &why);
    assert_int_equal(rc, CM_OK);
    index_until_done(&w, repository);
    cm_repository_unref(repository);
    for (unsigned t = 0; t < THREADS; t++) {
        actors[t] = (actor){.w = &w, .number = t, .seed = seed * THREADS + t};
        assert_int_equal(pthread_create(&actors[t].thread, NULL, act, &actors[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        pthread_join(actors[t].thread, NULL);
    }
    assert_int_equal(atomic_load(&w.faults), 0);
    repository = add_source(&w, &rc, &why);
    while (rc == CM_CONFLICT) { /* a job with other options */
        cm_repository *busy = find_source(&w);
        assert_ok(cm_repository_wait(busy, PATIENCE_MS, err));
        cm_repository_unref(busy);
        repository = add_source(&w, &rc, &why);
    }
    assert_int_equal(rc, CM_OK);
    assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
    if (kind == ANYTHING) { /* it may have been emptied, or be of another configuration */
        index_until_done(&w, repository);
        assert_uploads(&w, actors);
    }
    assert_like_fresh(&w, repository);
    if (kind == ANYTHING) {
        assert_rows(&w, repository);
    }
    cm_repository_unref(repository);
    world_close(&w);
}

static uint64_t first_seed(void) {
    const char *text = getenv("CODEMENTOR_TEST_SEED");
    uint64_t seed = 1;
    return text != NULL && cm_str_to_u64(cm_str_from(text), &seed) ? seed : 1;
}

static void run_histories(void **state, history kind) {
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < rounds_of(HISTORIES); i++, seed++) {
        print_message("kind %d, seed %llu\n", (int)kind, (unsigned long long)seed);
        run_history(*state, kind, seed);
    }
}

static void test_repository_life__what_is_told_is_what_the_index_has(void **state) {
    run_histories(state, SYNCED);
}

static void test_repository_life__what_is_watched_is_what_the_index_has(void **state) {
    run_histories(state, WATCHED);
}

static void test_repository_life__anything_at_once_breaks_nothing(void **state) {
    run_histories(state, ANYTHING);
}

/* ---- a sync beside a job, in an order that is certain ---- */

/* What is done to the tree once the job has read "d/a.txt", on the job's own thread. */
typedef struct beside {
    world *w;
    cm_repository *repository;
    const char *text; /* "d/a.txt" is written again; NULL = deleted */
    const char *told; /* what is synced then */
    bool done;
} beside;

static void change_beside(void *argument, const cm_index_progress *progress) {
    beside *b = argument;
    char full[PATH_MAX];
    cm_str paths[] = {cm_str_from(b->told)};
    if (b->done || progress->files_indexed == 0) {
        return;
    }
    b->done = true;
    if (b->text) {
        tree_write(&b->w->source, "d/a.txt", cm_str_from(b->text));
    } else {
        (void)unlink(tree_path(&b->w->source, "d/a.txt", full));
    }
    if (cm_repository_sync(b->repository, (cm_str_list){paths, 1}, NULL) != CM_OK) {
        atomic_fetch_add(&b->w->faults, 1);
    }
}

/* `before`: what the index has of "d/a.txt" already (NULL = nothing), `read`: what the job reads. */
static void sync_beside_job(fixture *f, const char *before, const char *read, const char *text,
                            const char *told, enum cm_index_mode mode) {
    world w;
    cm_err why;
    cm_rc rc;
    world_open(&w, f, SYNCED);
    tree_write(&w.source, "z.txt", CM_STR("last in order\n"));
    if (before) {
        tree_write(&w.source, "d/a.txt", cm_str_from(before));
    }
    cm_repository *repository = add_source(&w, &rc, &why);
    assert_int_equal(rc, CM_OK);
    index_until_done(&w, repository);
    tree_write(&w.source, "d/a.txt", cm_str_from(read));
    beside b = {.w = &w, .repository = repository, .text = text, .told = told};
    cm_repository_follow_progress(repository, change_beside, &b);
    assert_ok(cm_repository_index(repository, mode, err));
    assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
    cm_repository_follow_progress(repository, NULL, NULL);
    assert_true(b.done);
    assert_int_equal(atomic_load(&w.faults), 0);
    assert_like_fresh(&w, repository);
    cm_repository_unref(repository);
    world_close(&w);
}

static void test_repository_life__file_deleted_behind_a_job_is_gone(void **state) {
    for (int mode = CM_INDEX_INCREMENTAL; mode <= CM_INDEX_FULL; mode++) {
        sync_beside_job(*state, NULL, "new\n", NULL, "d/a.txt", (enum cm_index_mode)mode);
        sync_beside_job(*state, NULL, "new\n", NULL, "d", (enum cm_index_mode)mode);
        sync_beside_job(*state, "old\n", "new\n", NULL, "d/a.txt", (enum cm_index_mode)mode);
    }
}

static void test_repository_life__file_changed_back_behind_a_job_is_as_it_was(void **state) {
    for (int mode = CM_INDEX_INCREMENTAL; mode <= CM_INDEX_FULL; mode++) {
        sync_beside_job(*state, "old\n", "new\n", "old\n", "d/a.txt", (enum cm_index_mode)mode);
        sync_beside_job(*state, "old\n", "new\n", "newer\n", "d", (enum cm_index_mode)mode);
    }
}

/* A file that was read with other settings and never again: the settings that were changed back must not hide it. */
static void test_repository_life__settings_changed_back_are_known_to_be_mixed(void **state) {
    world w;
    cm_err why;
    cm_rc rc;
    cm_str all = CM_STR("**/*"), none = CM_STR("*.none"), path = CM_STR("a.txt");
    cm_repository_config config = {.include = {&none, 1}, .file_kb_max = 100};
    world_open(&w, *state, SYNCED);
    tree_write(&w.source, "a.txt", CM_STR("text\n"));
    cm_repository *repository = add_source(&w, &rc, &why);
    assert_int_equal(rc, CM_OK);
    const cm_uuid *id = cm_repository_id(repository);
    index_until_done(&w, repository);
    config.include = (cm_str_list){&all, 1};
    assert_ok(cm_repositories_configure(w.repositories, &w.f->local, id, &config, err));
    index_until_done(&w, repository);
    config.include = (cm_str_list){&none, 1};
    assert_ok(cm_repositories_configure(w.repositories, &w.f->local, id, &config, err));
    assert_ok(cm_repository_sync(repository, (cm_str_list){&path, 1}, err)); /* it goes */
    config.include = (cm_str_list){&all, 1};
    assert_ok(cm_repositories_configure(w.repositories, &w.f->local, id, &config, err));
    assert_true(cm_repository_is_outdated(repository));
    index_until_done(&w, repository);
    assert_false(cm_repository_is_outdated(repository));
    assert_like_fresh(&w, repository);
    cm_repository_unref(repository);
    world_close(&w);
}

/* ---- one new root, many who ask for it ---- */

static void *add_and_index(void *argument) {
    actor *a = argument;
    cm_err err;
    cm_rc rc;
    cm_uuid job;
    cm_repository *repository = add_source(a->w, &rc, &err);
    check(a, "add", rc, &err);
    if (repository) {
        rc =
            cm_repositories_index(a->w->repositories, repository, CM_INDEX_INCREMENTAL, &job, &err);
        check(a, "index", rc, &err);
        cm_repository_unref(repository);
    }
    return NULL;
}

static void test_repository_life__many_who_add_one_root_get_one_repository(void **state) {
    world w;
    actor actors[24];
    world_open(&w, *state, SYNCED);
    tree_write(&w.source, "a.txt", CM_STR("text\n"));
    for (unsigned t = 0; t < CM_COUNT(actors); t++) {
        actors[t] = (actor){.w = &w, .number = t};
        assert_int_equal(pthread_create(&actors[t].thread, NULL, add_and_index, &actors[t]), 0);
    }
    for (unsigned t = 0; t < CM_COUNT(actors); t++) {
        pthread_join(actors[t].thread, NULL);
    }
    assert_int_equal(atomic_load(&w.faults), 0);
    assert_int_equal(cm_indexer_list(w.indexer, NULL, 0), 2); /* and the one for uploads */
    cm_repository *repository = find_source(&w);
    assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
    assert_rows(&w, repository);
    assert_like_fresh(&w, repository);
    cm_repository_unref(repository);
    world_close(&w);
}

/* ---- rows behind what is watched ---- */

static void commit_all(git_repository *git, int64_t time, char ret_head[CM_GIT_HEAD_TEXT]) {
    git_oid head;
    git_commit_all(git, time);
    assert_int_equal(git_reference_name_to_id(&head, git, "HEAD"), 0);
    git_oid_tostr(ret_head, CM_GIT_HEAD_TEXT, &head);
}

static bool rows_say(world *w, const cm_uuid *id, const char *package, const char *head) {
    cm_arena *arena = cm_arena_new(0);
    cm_row_repositories row;
    const cm_row_repository_dependencies *packages;
    size_t count;
    assert_ok(cm_tables_wait(w->tables, PATIENCE_MS, err));
    assert_ok(
        cm_q_repositories_get(&w->f->system, &(cm_q_repositories_get_in){*id}, arena, &row, err));
    assert_ok(cm_q_repository_dependencies_of(
        &w->f->system, &(cm_q_repository_dependencies_of_in){.repository_id = *id}, arena,
        &packages, &count, err));
    bool same = count == 1 && cm_str_eq_c(packages[0].name, package) &&
                cm_str_eq_c(row.current_revision, head);
    cm_arena_free(arena);
    return same;
}

static void assert_rows_soon(world *w, const cm_uuid *id, const char *package, const char *head) {
    uint64_t end = cm_clock_ms() + PATIENCE_MS;
    while (!rows_say(w, id, package, head)) {
        assert_true(cm_clock_ms() < end);
        poll(NULL, 0, 5);
    }
}

/* Packages after an edit that nobody told of, the head after a commit that changed no file of the tree. */
static void test_repository_life__rows_follow_what_is_watched(void **state) {
    world w;
    char first[CM_GIT_HEAD_TEXT], second[CM_GIT_HEAD_TEXT];
    cm_err why;
    cm_rc rc;
    world_open(&w, *state, WATCHED);
    tree_write(&w.source, "package.json", CM_STR("{\"dependencies\": {\"left\": \"1.0\"}}\n"));
    git_repository *git = git_new(&w.source);
    commit_all(git, 1600000000, first);
    cm_repository *repository = add_source(&w, &rc, &why);
    assert_int_equal(rc, CM_OK);
    const cm_uuid *id = cm_repository_id(repository);
    index_until_done(&w, repository);
    assert_rows_soon(&w, id, "left", first);
    assert_ok(cm_repository_wait(repository, PATIENCE_MS, err));
    tree_write(&w.source, "package.json", CM_STR("{\"dependencies\": {\"right\": \"2.0\"}}\n"));
    assert_rows_soon(&w, id, "right", first);
    commit_all(git, 1600000001, second);
    assert_string_not_equal(first, second);
    assert_rows_soon(&w, id, "right", second);
    git_free(git);
    cm_repository_unref(repository);
    world_close(&w);
}

/* ---- a person who is erased ---- */

static cm_rc close_deleted(void *repositories, cm_err *err) {
    return cm_repositories_drop_orphans(repositories, err);
}

static void erase_person(world *w, cm_uuid person) {
    cm_maintenance maintenance = {w->data.root, close_deleted, w->repositories};
    cm_jobs_options options = cm_maintenance_options(w->f->store, &maintenance);
    cm_data_request_new erase = {.person = person, .kind = CM_DATA_REQUEST_ERASE};
    cm_uuid request, job;
    cm_row_jobs row;
    assert_ok(cm_data_request_add(w->f->store, &erase, &request, &job, err));
    assert_ok(cm_job_run(&options, job, w->f->arena, &row, err));
    assert_string_equal(cm_arena_c(w->f->arena, row.status), "succeeded");
}

/* While it is being indexed: neither by id nor by path is anything of it found, and nothing lies on disk. */
static void test_repository_life__an_erased_persons_code_is_found_no_more(void **state) {
    world w;
    char folder[PATH_MAX], text[CM_UUID_TEXT];
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    world_open(&w, *state, SYNCED);
    tree_write(&w.source, "a.txt", CM_STR("theirs\n"));
    assert_ok(cm_q_users_insert(&w.f->system, &person, err));
    cm_q_workspaces_insert_in workspace = {
        .id = cm_uuid_v7(), .owner_id = person.id, .name = CM_STR("theirs"), .is_personal = true};
    assert_ok(cm_q_workspaces_insert(&w.f->system, &workspace, err));
    cm_q_repositories_insert_in row = {.id = cm_uuid_v7(),
                                       .workspace_id = workspace.id,
                                       .owner_id = person.id,
                                       .name = CM_STR("theirs"),
                                       .root_path = cm_str_from(w.source.root)};
    assert_ok(cm_q_repositories_insert(&w.f->system, &row, err));
    cm_repository *repository = NULL;
    cm_caller themselves = {person.id, workspace.id};
    cm_repository_add add = {.root = cm_str_from(w.source.root)};
    assert_ok(cm_repositories_add(w.repositories, &themselves, &add, &repository, err));
    assert_true(cm_uuid_eq(cm_repository_id(repository), &row.id));
    index_until_done(&w, repository);
    assert_ok(cm_repository_index(repository, CM_INDEX_FULL, err));
    erase_person(&w, person.id);
    assert_null(cm_indexer_find(w.indexer, &row.id));
    assert_null(find_source(&w));
    assert_null(cm_repository_snapshot(repository)); /* also for who held it all the time */
    assert_rc(CM_NOT_FOUND, cm_repository_index(repository, CM_INDEX_FULL, err));
    cm_uuid_format(&row.id, text);
    snprintf(folder, sizeof(folder), "%s/index/%s", w.data.root, text);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(atomic_load(&repository->refs), 1); /* nobody else's */
    cm_repository_unref(repository);
    world_close(&w);
}

/* ---- closing while all of that runs ---- */

static void test_repository_life__closing_ends_what_is_at_work(void **state) {
    for (unsigned i = 0; i < rounds_of(3); i++) {
        world w;
        cm_err why;
        cm_rc rc;
        char path[64];
        world_open(&w, *state, WATCHED);
        for (unsigned n = 0; n < 200; n++) {
            snprintf(path, sizeof(path), "d%u/f%u.txt", n % 7, n);
            tree_write(&w.source, path, CM_STR("some text\n"));
        }
        cm_repository *repository = add_source(&w, &rc, &why);
        assert_int_equal(rc, CM_OK);
        assert_ok(cm_repository_index(repository, CM_INDEX_FULL, err));
        cm_repository_unref(repository);
        world_close(&w); /* as the end of a server does */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_repository_life__many_who_add_one_root_get_one_repository, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__file_deleted_behind_a_job_is_gone,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_repository_life__file_changed_back_behind_a_job_is_as_it_was, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_repository_life__settings_changed_back_are_known_to_be_mixed, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__rows_follow_what_is_watched,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_repository_life__an_erased_persons_code_is_found_no_more, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__closing_ends_what_is_at_work,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__what_is_told_is_what_the_index_has,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__what_is_watched_is_what_the_index_has,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_life__anything_at_once_breaks_nothing,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
