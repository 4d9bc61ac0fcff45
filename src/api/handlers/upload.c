/* upload.c - files of a codebase sent as a form or an archive.
 *
 * All of it is looked at before any of it counts: contents are stored as they come (index/live/sent.h) and become
 * files of the codebase in one transaction at the end, so a torn or hostile upload changes nothing. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/gateway/guard.h"
#include "api/lookup.h"
#include "api/multipart.h"
#include "api/services.h"
#include "base/archive.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/utf8.h"
#include "index/live/settings.h"
#include "store/q/repositories.h"

#define FILE_BYTES_MAX CM_MIB(8)
#define SKIPPED_SHOWN  1000
#define JOB_WAIT_MS    60000 /* for a job that runs already */

static const cm_archive_limits limits = {.unpacked_max = CM_MIB(1024),
                                         .ratio_max = 200,
                                         .file_bytes_max = FILE_BYTES_MAX,
                                         .entries_max = 100000};

typedef struct upload {
    cm_call *call;
    cm_sent_batch *batch;
    cm_repository_options options; /* which paths are wanted */
    size_t seen, uploaded;
    cm_api_upload_codebase_response out;
} upload;

static void skip(upload *u, cm_str path, const char *code) {
    cm_api_skipped_change *items = u->out.skipped.items;
    if (u->out.skipped.count < SKIPPED_SHOWN) {
        cm_arena *arena = u->call->arena;
        cm_str shown = cm_utf8_valid(path) ? path : CM_STR("?");
        items[u->out.skipped.count++] =
            (cm_api_skipped_change){cm_arena_str(arena, shown), cm_str_from(code)};
    }
    u->out.skipped_files++;
}

/* "./a//b" -> "a/b"; a path that leads out of the codebase is refused, with all that came with it. */
static cm_rc clean_path(cm_str sent, cm_buf *out, cm_err *err) {
    cm_err why;
    cm_rc rc = cm_path_normalise(sent, out, &why);
    rc = rc == CM_OK ? cm_path_check_relative(cm_buf_str(out), &why) : rc;
    return rc == CM_OK ? CM_OK
                       : cm_fail(err, CM_UNPROCESSABLE,
                                 "a path leaves the codebase or is no path: '" CM_STR_FMT
                                 "'; nothing was taken",
                                 CM_STR_ARG(sent.len <= 200 ? sent : CM_STR("(a long one)")));
}

static bool matches_any(cm_str_list globs, cm_str path) {
    for (size_t i = 0; i < globs.count; i++) {
        if (cm_path_glob(globs.items[i], path)) {
            return true;
        }
    }
    return false;
}

/* An archive of a checkout brings along what a walk of the same tree would not look at. */
static bool is_wanted(const upload *u, cm_str path) {
    static const cm_str globs[] = {CM_STR("**/.git/**"), CM_STR("**/.hg/**"), CM_STR("**/.svn/**"),
                                   CM_STR("**/.jj/**"), CM_STR("**/node_modules/**")};
    cm_str_list always = {globs, CM_COUNT(globs)};
    return !matches_any(always, path) &&
           (u->options.include.count == 0 || matches_any(u->options.include, path)) &&
           !matches_any(u->options.exclude, path);
}

static cm_rc keep_file(upload *u, cm_str path, cm_str content, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(0);
    cm_str text;
    if (!cm_index_settings_show(&u->options, path, content, scratch, &text)) {
        skip(u, path, "secret");
        return CM_OK;
    }
    cm_rc rc = cm_sent_add(u->batch, path, text, err);
    u->uploaded += rc == CM_OK;
    return rc;
}

static cm_rc take_file(const cm_archive_entry *entry, void *argument, cm_err *err) {
    upload *u = argument;
    cm_rc rc = cm_cancel_check(u->call->cancel, err);
    if (rc != CM_OK) {
        return rc;
    }
    u->seen++;
    if (!cm_utf8_valid(entry->name)) {
        skip(u, entry->name, "invalid_utf8");
        return CM_OK;
    }
    cm_cleanup(cm_buf_done) cm_buf clean;
    cm_buf_init(&clean, CM_PATH_BYTES_MAX);
    rc = clean_path(entry->name, &clean, err);
    cm_str path = cm_buf_str(&clean);
    if (rc != CM_OK) {
        return rc;
    }
    if (!is_wanted(u, path)) {
        skip(u, path, "excluded");
    } else if (entry->kind == CM_ARCHIVE_OTHER) {
        skip(u, path, "not_a_file");
    } else if (entry->kind == CM_ARCHIVE_TOO_LARGE) {
        skip(u, path, "body_too_large");
    } else if (cm_str_find_char(entry->content, '\0') != SIZE_MAX) {
        skip(u, path, "binary");
    } else {
        rc = keep_file(u, path, entry->content, err);
    }
    return rc;
}

/* --- which kind of body --- */

static bool is_archive_name(cm_str name) {
    static const char *const endings[] = {".zip", ".tar", ".tgz", ".tar.gz", ".tar.zst"};
    for (size_t i = 0; i < CM_COUNT(endings); i++) {
        if (cm_str_ends(name, cm_str_from(endings[i]))) {
            return true;
        }
    }
    return false;
}

/* `ret_only` is the form's file when it is the only one and an archive by name and content. */
static cm_rc find_archive(cm_multipart form, cm_str *ret_only, cm_err *err) {
    cm_multipart_part part;
    size_t files = 0;
    cm_rc rc;
    cm_str only = CM_STR_EMPTY;
    while ((rc = cm_multipart_next(&form, &part, err)) == CM_OK) {
        if (part.is_file && ++files == 1 && is_archive_name(part.filename) &&
            cm_archive_is(part.content)) {
            only = part.content;
        }
    }
    *ret_only = files == 1 ? only : CM_STR_EMPTY;
    return rc == CM_END ? CM_OK : rc;
}

static cm_rc take_form(upload *u, cm_multipart form, cm_err *err) {
    cm_multipart_part part;
    cm_rc rc;
    while ((rc = cm_multipart_next(&form, &part, err)) == CM_OK) {
        if (!part.is_file) {
            continue;
        }
        cm_archive_entry entry = {.name = part.filename.len > 0 ? part.filename : part.name,
                                  .content = part.content,
                                  .kind = part.content.len > FILE_BYTES_MAX ? CM_ARCHIVE_TOO_LARGE
                                                                            : CM_ARCHIVE_FILE};
        rc =
            u->seen < limits.entries_max
                ? take_file(&entry, u, err)
                : cm_fail(err, CM_UNPROCESSABLE,
                          "the form has more than %zu files; send it in parts", limits.entries_max);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return rc == CM_END ? CM_OK : rc;
}

static cm_rc take_body(upload *u, cm_err *err) {
    cm_str body = cm_call_body(u->call);
    cm_str type = cm_call_header(u->call, "Content-Type");
    cm_multipart form;
    cm_str archive = CM_STR_EMPTY;
    if (!cm_guard_content_type_is(type, "multipart/form-data")) {
        return cm_archive_each(body, &limits, take_file, u, err);
    }
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(0);
    cm_rc rc = cm_multipart_open(type, body, scratch, &form, err);
    rc = rc == CM_OK ? find_archive(form, &archive, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    return archive.len > 0 ? cm_archive_each(archive, &limits, take_file, u, err)
                           : take_form(u, form, err);
}

/* --- the whole --- */

static cm_rc read_options(cm_call *call, const cm_uuid *id, cm_repository_options *ret_options,
                          cm_err *err) {
    const cm_services *services = call->services;
    cm_repository_config config;
    cm_rc rc = cm_repositories_config(services->repositories, &call->caller, id, call->arena,
                                      &config, err);
    if (rc == CM_OK) {
        *ret_options = cm_repository_config_options(&config);
    }
    return rc;
}

/* The job that runs may have listed the files before these came. */
static cm_rc start_job(cm_call *call, cm_repository *repository, cm_uuid *ret_job, cm_err *err) {
    const cm_services *services = call->services;
    cm_rc rc = cm_repositories_index(services->repositories, repository, CM_INDEX_INCREMENTAL,
                                     ret_job, err);
    if (rc != CM_CONFLICT) {
        return rc;
    }
    rc = cm_repository_wait(repository, JOB_WAIT_MS, err);
    rc = rc == CM_OK ? cm_repositories_index(services->repositories, repository,
                                             CM_INDEX_INCREMENTAL, ret_job, err)
                     : rc;
    return rc == CM_TIMEOUT || rc == CM_CONFLICT
               ? cm_fail(
                     err, CM_CONFLICT,
                     "the files are kept, but another index job runs; start one when it is over")
               : rc;
}

static cm_rc run(upload *u, cm_repository *repository, cm_uuid *ret_job, cm_err *err) {
    const cm_services *services = u->call->services;
    const cm_api_upload_codebase_query *query = u->call->query;
    const cm_uuid *id = cm_repository_id(repository);
    if (cm_repository_root(repository, u->call->arena).len > 0) {
        return cm_fail(
            err, CM_UNPROCESSABLE,
            "this codebase is a directory of the server; change the files there, or use sync");
    }
    cm_rc rc = read_options(u->call, id, &u->options, err);
    u->options.secrets = cm_repository_secrets(repository);
    rc = rc == CM_OK ? cm_sent_begin(services->sent, id, &u->batch, err) : rc;
    rc = rc == CM_OK ? take_body(u, err) : rc;
    if (rc == CM_OK && u->seen == 0) {
        rc = cm_fail(err, CM_UNPROCESSABLE, "there is no file in it; send at least one");
    }
    rc = rc == CM_OK ? cm_sent_commit(u->batch, query->replace, err) : rc;
    return rc == CM_OK ? start_job(u->call, repository, ret_job, err) : rc;
}

void cm_h_upload_codebase(cm_call *call) {
    upload u = {.call = call};
    cm_uuid job;
    cm_err err;
    cm_repository *repository = cm_call_repository(call);
    if (repository == NULL) {
        return;
    }
    u.out.skipped.items =
        cm_arena_alloc(call->arena, (SKIPPED_SHOWN + 1) * sizeof(*u.out.skipped.items));
    cm_rc rc = run(&u, repository, &job, &err);
    cm_sent_free(u.batch);
    cm_repository_unref(repository);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    u.out.uploaded_files = (int64_t)u.uploaded;
    u.out.status = CM_API_UPLOAD_CODEBASE_RESPONSE_STATUS_INDEXING;
    u.out.job_id = cm_uuid_text(call->arena, &job);
    cm_call_reply(call, 202, &cm_api_upload_codebase_response_schema, &u.out);
}
