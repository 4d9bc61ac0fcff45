/* history_probe.c - the reading of git's history as a process, for benchmarks.
 *
 *   history_probe TREE
 *
 * Answers one JSON line each; every reading is given the one before, as a job does it:
 *   {"read": 20000}        -> {"took_ms", "cpu_ms", "fold_ms", "known", "commits", "counted", "files", "bytes",
 *                              "peak_mb", "anonymous_mb"}
 *   {"together": "a/b.c"}  -> {"took_us", "paths": [...]}
 *   {"nearest": true}      -> {"took_ms", "edges"}: all files at once, as the dependency graph asks */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "index/git/history_read.h"
#include "repository/indexer.h"

#include <sys/resource.h>
#include <unistd.h>

typedef struct probe {
    const char *root;
    cm_history *history;
} probe;

static double cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* A line of /proc/self/status, in MB. */
static double status_mb(const char *name) {
    char line[128];
    unsigned long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kb = strtoul(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return (double)kb / 1024;
}

static cm_rc read_once(probe *p, uint32_t commits, cm_buf *out, cm_err *err) {
    cm_buf bytes;
    bool known = false;
    cm_history_facts facts = {0};
    cm_history_options options = {.commits = commits, .old = p->history};
    cm_buf_init(&bytes, CM_PART_BYTES_MAX);
    double cpu = cpu_ms();
    uint64_t start = cm_clock_ns();
    cm_rc rc = cm_history_read(p->root, &options, &bytes, &known, err);
    double took = (double)(cm_clock_ns() - start) / 1e6;
    cpu = cpu_ms() - cpu;
    if (rc == CM_OK && !known) {
        cm_history_unref(p->history);
        p->history = NULL;
        rc = cm_history_take(&bytes, &p->history, err);
    }
    cm_buf_done(&bytes);
    if (rc != CM_OK) {
        return rc;
    }
    start = cm_clock_ns();
    cm_history_facts_get(p->history, &facts);
    double fold = (double)(cm_clock_ns() - start) / 1e6;
    cm_buf_add_f(out,
                 "{\"took_ms\": %.2f, \"cpu_ms\": %.2f, \"fold_ms\": %.2f, \"known\": %s, "
                 "\"commits\": %u, \"counted\": %u, \"files\": %u, \"bytes\": %zu, "
                 "\"peak_mb\": %.1f, \"anonymous_mb\": %.1f}\n",
                 took, cpu, fold, known ? "true" : "false", facts.commits, facts.counted,
                 facts.files, p->history->part.bytes.len, status_mb("VmHWM"), status_mb("RssAnon"));
    return CM_OK;
}

static cm_rc ask_together(const probe *p, const char *path, cm_buf *out, cm_err *err) {
    cm_arena *arena = cm_arena_new(0);
    const cm_cochange *items = NULL;
    size_t count = 0;
    cm_json_writer w;
    uint64_t start = cm_clock_ns();
    uint32_t file = cm_history_find(p->history, cm_str_from(path));
    cm_rc rc = cm_history_together(p->history, file, arena, &items, &count, err);
    double took = (double)(cm_clock_ns() - start) / 1e3;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "took_us");
    cm_json_real(&w, took);
    cm_json_key(&w, "paths");
    cm_json_array(&w);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        cm_json_str(&w, cm_history_path(p->history, items[i].file));
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    cm_buf_add_char(out, '\n');
    cm_arena_free(arena);
    return rc;
}

static void ask_nearest(const probe *p, cm_buf *out) {
    cm_history_facts facts;
    const cm_history_near *near;
    size_t edges = 0;
    cm_history_facts_get(p->history, &facts);
    uint64_t start = cm_clock_ns();
    for (uint32_t file = 0; file < facts.files; file++) {
        edges += cm_history_nearest(p->history, file, &near);
    }
    cm_buf_add_f(out, "{\"took_ms\": %.2f, \"edges\": %zu}\n",
                 (double)(cm_clock_ns() - start) / 1e6, edges);
}

static cm_rc answer(probe *p, const json_t *ask, cm_buf *out, cm_err *err) {
    const json_t *read = json_object_get(ask, "read");
    const char *path = json_string_value(json_object_get(ask, "together"));
    if (read) {
        return read_once(p, (uint32_t)json_integer_value(read), out, err);
    }
    if (!p->history) {
        return cm_fail(err, CM_INVALID, "nothing was read yet");
    }
    if (path) {
        return ask_together(p, path, out, err);
    }
    ask_nearest(p, out);
    return CM_OK;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: history_probe TREE\n");
        return 2;
    }
    probe p = {.root = argv[1]};
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    cm_rc rc = CM_OK;
    cm_err err = {0};
    cm_buf out;
    cm_buf_init(&out, CM_MIB(16));
    cm_log_init(CM_LOG_ERROR, CM_LOG_HUMAN, STDERR_FILENO);
    git_libgit2_init();
    cm_git_limit();
    while (rc == CM_OK && (len = getline(&line, &cap, stdin)) > 0) {
        json_t *ask;
        if (cm_json_parse(cm_str_make(line, (size_t)len), &ask, NULL) != CM_OK) {
            continue;
        }
        rc = answer(&p, ask, &out, &err);
        json_decref(ask);
        printf("%s", cm_buf_c(&out));
        (void)fflush(stdout);
        cm_buf_clear(&out);
    }
    if (rc != CM_OK) {
        fprintf(stderr, "history_probe: %s\n", err.text);
    }
    free(line);
    cm_buf_done(&out);
    cm_history_unref(p.history);
    git_libgit2_shutdown();
    return rc == CM_OK ? 0 : 1;
}
