/* index_probe.c - the index and search rooms as a process, for benchmarks and evaluations.
 *
 *   index_probe DATA_DIR TREE [full|incremental|none|watch [no-history]]
 *
 * Opens the data directory, runs one job, prints one JSON line, then answers one JSON line each. With `watch` the job
 * is the one that following the tree begins with:
 *   {"query": "...", "limit": 10, "regex": false} -> {"took_us", "truncated", "paths": [...]}
 *   {"sync": "path/in/tree"}                      -> {"took_us"}: until its new content can be searched
 *   {"edit": "path/in/tree", "append": "text"}    -> {"took_us"}: the same from the closing of the written file, when
 *                                                    the tree is watched
 *   {"map": 2000, "focus": "path"}                -> {"took_us", "text"}
 *   {"near": "path"}                              -> {"took_us", "paths": [...]}: nearest by the dependency graph
 *   {"together": "path"}                          -> {"took_us", "paths": [...]}: by git's history alone */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "code/parser.h"
#include "index/git/git.h"
#include "index/graph/graph.h"
#include "index/graph/history.h"
#include "repository/indexer.h"
#include "index/snapshot/snapshot_priv.h"
#include "search/outline.h"
#include "search/search.h"

#include <sys/resource.h>
#include <unistd.h>

typedef struct probe {
    cm_pool *pool;
    cm_parser_pool *parser;
    cm_indexer *indexer;
    cm_repository *repository;
    cm_snapshot *snapshot;
} probe;

static int fail(const cm_err *err) {
    fprintf(stderr, "index_probe: %s\n", err->text);
    return 1;
}

static void print_line(cm_buf *out) {
    printf("%s\n", cm_buf_c(out));
    (void)fflush(stdout);
    cm_buf_clear(out);
}

static void describe_parts(const cm_snapshot *s, cm_json_writer *w) {
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < s->count; i++) {
            bytes += s->segments[i].segment->parts[kind].bytes.len;
        }
        cm_json_key(w, cm_part_name(kind));
        cm_json_u64(w, bytes);
    }
}

static void describe(const probe *p, double open_ms, double job_s, cm_buf *out) {
    struct rusage self, children;
    cm_index_progress progress;
    cm_snapshot_statistics st;
    cm_json_writer w;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    cm_repository_progress(p->repository, &progress);
    cm_snapshot_statistics_get(p->snapshot, &st);
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"open_ms", open_ms},
        {"job_s", job_s},
        {"files", (double)st.files},
        {"files_unchanged", (double)progress.files_unchanged},
        {"files_failed", (double)progress.files_failed},
        {"lines", (double)st.lines},
        {"bytes", (double)st.bytes},
        {"symbols", (double)st.symbols},
        {"references", (double)st.references},
        {"chunks", (double)st.chunks},
        {"segments", st.segments},
        {"index_bytes", (double)st.index_bytes},
        {"peak_rss_mb", (double)self.ru_maxrss / 1024},
        {"cpu_s", (double)self.ru_utime.tv_sec + (double)self.ru_stime.tv_sec},
    };
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    for (size_t i = 0; i < CM_COUNT(numbers); i++) {
        cm_json_key(&w, numbers[i].name);
        cm_json_real(&w, numbers[i].value);
    }
    cm_json_key(&w, "parts");
    cm_json_object(&w);
    describe_parts(p->snapshot, &w);
    cm_json_object_end(&w);
    cm_json_object_end(&w);
    print_line(out);
}

static void answer_query(const probe *p, const json_t *ask, cm_buf *out) {
    cm_arena *arena = cm_arena_new(0);
    cm_err err = {0};
    cm_search_result result = {0};
    cm_json_writer w;
    cm_search_query query = {
        .text = cm_str_from(json_string_value(json_object_get(ask, "query"))),
        .regex = json_is_true(json_object_get(ask, "regex")),
        .limit = (uint32_t)json_integer_value(json_object_get(ask, "limit")),
        .type = CM_SEARCH_LEXICAL,
    };
    cm_rc rc = cm_search_run(p->snapshot, &query, arena, &result, &err);
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    if (rc != CM_OK) {
        cm_json_key(&w, "error");
        cm_json_c(&w, err.text);
    }
    cm_json_key(&w, "took_us");
    cm_json_u64(&w, result.took_us);
    cm_json_key(&w, "truncated");
    cm_json_bool(&w, result.truncated);
    cm_json_key(&w, "paths");
    cm_json_array(&w);
    for (size_t i = 0; i < result.count; i++) {
        cm_json_str(&w, result.hits[i].document.path);
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    print_line(out);
    cm_arena_free(arena);
}

static void answer_sync(probe *p, const char *path, cm_buf *out) {
    cm_str paths[] = {cm_str_from(path)};
    cm_err err = {0};
    uint64_t start = cm_clock_ns();
    cm_rc rc = cm_repository_sync(p->repository, (cm_str_list){paths, 1}, &err);
    uint64_t took = (cm_clock_ns() - start) / 1000;
    cm_snapshot_unref(p->snapshot);
    p->snapshot = cm_repository_snapshot(p->repository);
    cm_buf_add_f(out, "{\"took_us\": %llu, \"ok\": %s}", (unsigned long long)took,
                 rc == CM_OK ? "true" : "false");
    print_line(out);
}

/* Waits until the watched tree's index has the file at its new size; looks ten times a millisecond. */
static bool await_size(const probe *p, cm_str path, uint64_t size) {
    for (int looks = 0; looks < 100000; looks++) {
        cm_snapshot *s = cm_repository_snapshot(p->repository);
        cm_index_document d;
        bool there = s && cm_snapshot_find_document(s, path, &d) && d.size == size;
        cm_snapshot_unref(s);
        if (there) {
            return true;
        }
        usleep(100);
    }
    return false;
}

static void answer_edit(probe *p, const json_t *ask, cm_buf *out) {
    const char *path = json_string_value(json_object_get(ask, "edit"));
    const char *text = json_string_value(json_object_get(ask, "append"));
    char full[PATH_MAX];
    cm_arena *arena = cm_arena_new(0);
    cm_str root = cm_repository_root(p->repository, arena);
    snprintf(full, sizeof(full), CM_STR_FMT "/%s", CM_STR_ARG(root), path);
    FILE *file = fopen(full, "a");
    bool ok = file && text && fputs(text, file) >= 0;
    long size = ok ? ftell(file) : 0;
    ok = file && fclose(file) == 0 && ok;
    uint64_t start = cm_clock_ns();
    ok = ok && await_size(p, cm_str_from(path), (uint64_t)size);
    uint64_t took = (cm_clock_ns() - start) / 1000;
    cm_snapshot_unref(p->snapshot);
    p->snapshot = cm_repository_snapshot(p->repository);
    cm_buf_add_f(out, "{\"took_us\": %llu, \"ok\": %s}", (unsigned long long)took,
                 ok ? "true" : "false");
    print_line(out);
    cm_arena_free(arena);
}

static void answer_map(const probe *p, const json_t *ask, cm_buf *out) {
    cm_arena *arena = cm_arena_new(0);
    cm_str focus[] = {cm_str_from(json_string_value(json_object_get(ask, "focus")))};
    cm_outline_query query = {.tokens = (uint32_t)json_integer_value(json_object_get(ask, "map")),
                              .focus = {focus, focus[0].len > 0}};
    cm_outline outline = {0};
    cm_err err = {0};
    cm_json_writer w;
    uint64_t start = cm_clock_ns();
    cm_rc rc = cm_outline_run(p->snapshot, &query, arena, &outline, &err);
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "took_us");
    cm_json_u64(&w, (cm_clock_ns() - start) / 1000);
    cm_json_key(&w, rc == CM_OK ? "text" : "error");
    cm_json_str(&w, rc == CM_OK ? outline.text : cm_str_from(err.text));
    cm_json_object_end(&w);
    print_line(out);
    cm_arena_free(arena);
}

static void add_path(const probe *p, uint32_t document, cm_json_writer *w) {
    cm_index_document d;
    if (cm_snapshot_document(p->snapshot, document, &d)) {
        cm_json_str(w, d.path);
    }
}

static void begin_paths(cm_json_writer *w, uint64_t start_ns, cm_buf *out) {
    cm_json_writer_init(w, out);
    cm_json_object(w);
    cm_json_key(w, "took_us");
    cm_json_u64(w, (cm_clock_ns() - start_ns) / 1000);
    cm_json_key(w, "paths");
    cm_json_array(w);
}

static void answer_near(const probe *p, cm_str path, cm_buf *out) {
    cm_arena *arena = cm_arena_new(0);
    cm_index_document d;
    const cm_graph *graph;
    const cm_graph_near *near = NULL;
    size_t count = 0;
    cm_json_writer w;
    uint64_t start = cm_clock_ns();
    if (cm_snapshot_graph(p->snapshot, NULL, &graph, NULL) != CM_OK ||
        !cm_snapshot_find_document(p->snapshot, path, &d) ||
        cm_graph_push(graph, &d.id, 1, arena, &near, &count, NULL) != CM_OK) {
        count = 0;
    }
    begin_paths(&w, start, out);
    for (size_t i = 0; i < count; i++) {
        add_path(p, near[i].document, &w);
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    print_line(out);
    cm_arena_free(arena);
}

static void answer_together(const probe *p, cm_str path, cm_buf *out) {
    cm_arena *arena = cm_arena_new(0);
    const cm_history *history = cm_snapshot_history(p->snapshot);
    const cm_cochange *items = NULL;
    size_t count = 0;
    cm_json_writer w;
    uint64_t start = cm_clock_ns();
    uint32_t file = history ? cm_history_find(history, path) : CM_ID_NONE;
    if (file != CM_ID_NONE &&
        cm_history_together(history, file, arena, &items, &count, NULL) != CM_OK) {
        count = 0;
    }
    begin_paths(&w, start, out);
    for (size_t i = 0; i < count; i++) {
        cm_json_str(&w, cm_history_path(history, items[i].file));
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    print_line(out);
    cm_arena_free(arena);
}

static void answer_all(probe *p, cm_buf *out) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, stdin)) > 0) {
        json_t *ask;
        if (cm_json_parse(cm_str_make(line, (size_t)len), &ask, NULL) != CM_OK) {
            continue;
        }
        const char *path = json_string_value(json_object_get(ask, "sync"));
        if (path) {
            answer_sync(p, path, out);
        } else if (json_object_get(ask, "edit")) {
            answer_edit(p, ask, out);
        } else if (json_object_get(ask, "map")) {
            answer_map(p, ask, out);
        } else if ((path = json_string_value(json_object_get(ask, "near")))) {
            answer_near(p, cm_str_from(path), out);
        } else if ((path = json_string_value(json_object_get(ask, "together")))) {
            answer_together(p, cm_str_from(path), out);
        } else {
            answer_query(p, ask, out);
        }
        json_decref(ask);
    }
    free(line);
}

static cm_rc run(probe *p, char **argv, const char *mode, bool no_history, cm_buf *out,
                 cm_err *err) {
    static const cm_uuid id = {{1}};
    uint64_t start = cm_clock_ns();
    bool watch = strcmp(mode, "watch") == 0;
    cm_indexer_options options = {
        .index = {.parser = p->parser, .pool = p->pool, .no_history = no_history}, .watch = watch};
    cm_rc rc = cm_indexer_open(argv[1], &options, &p->indexer, err);
    if (rc == CM_OK) {
        rc = cm_indexer_add(p->indexer, &id, argv[2], NULL, &p->repository, err);
    }
    double open_ms = (double)(cm_clock_ns() - start) / 1e6;
    start = cm_clock_ns();
    if (rc == CM_OK && strcmp(mode, "none") != 0) {
        rc = cm_repository_index(
            p->repository, strcmp(mode, "full") == 0 ? CM_INDEX_FULL : CM_INDEX_INCREMENTAL, err);
        if (rc == CM_OK || (watch && rc == CM_CONFLICT)) {
            rc = cm_repository_wait(p->repository, UINT32_MAX, err);
        }
    }
    double job_s = (double)(cm_clock_ns() - start) / 1e9;
    p->snapshot = rc == CM_OK ? cm_repository_snapshot(p->repository) : NULL;
    if (rc == CM_OK && !p->snapshot) {
        rc = cm_fail(err, CM_INDEX_NOT_READY, "there is no index of '%s'", argv[2]);
    }
    if (rc == CM_OK) {
        describe(p, open_ms, job_s, out);
    }
    return rc;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], CM_GIT_WORKER) == 0) {
        return cm_git_worker_main(argc, argv);
    }
    if (argc < 3) {
        fprintf(stderr,
                "usage: index_probe DATA_DIR TREE [full|incremental|none|watch [no-history]]\n");
        return 2;
    }
    probe p = {0};
    cm_err err = {0};
    cm_buf out;
    cm_buf_init(&out, CM_MIB(16));
    cm_log_init(CM_LOG_ERROR, CM_LOG_HUMAN, STDERR_FILENO);
    if (cm_pool_new(0, 1024, &p.pool, &err) != CM_OK ||
        cm_parser_pool_new(NULL, &p.parser, &err) != CM_OK) {
        return fail(&err);
    }
    cm_rc rc = run(&p, argv, argc > 3 ? argv[3] : "incremental",
                   argc > 4 && strcmp(argv[4], "no-history") == 0, &out, &err);
    if (rc == CM_OK) {
        answer_all(&p, &out);
    }
    cm_snapshot_unref(p.snapshot);
    cm_repository_unref(p.repository);
    cm_indexer_close(p.indexer);
    cm_pool_free(p.pool);
    cm_parser_pool_free(p.parser);
    cm_buf_done(&out);
    return rc == CM_OK ? 0 : fail(&err);
}
