/* settings.h - what a job or a sync reads of a tree: its root and which files are in. Immutable and counted, so that
 * new settings never pull the old ones from under somebody at work.
 *
 * Thread: any. */
#ifndef CM_INDEX_LIVE_SETTINGS_H
#define CM_INDEX_LIVE_SETTINGS_H

#include "index/live/index.h"

#include <stdatomic.h>

#define CM_FILE_BYTES_DEFAULT ((size_t)500 * 1000)

typedef struct cm_index_settings {
    atomic_uint refs;
    cm_arena *arena;
    const char *root;              /* absolute; "" = no tree */
    cm_repository_options options; /* file_bytes_max is never 0 */
    uint64_t hash;                 /* of the options, and of the rules that files are read by */
} cm_index_settings;

/* Copies both; `options` NULL = the defaults. `has_parser`: files are parsed, so the parser's rules count. */
cm_index_settings *cm_index_settings_new(const char *root, const cm_repository_options *options,
                                         bool has_parser);
cm_index_settings *cm_index_settings_ref(cm_index_settings *settings);
void cm_index_settings_unref(cm_index_settings *settings); /* NULL is allowed */
bool cm_index_settings_eq(const cm_index_settings *a, const cm_index_settings *b);

/* Those of the next job or sync: a reference. */
cm_index_settings *cm_index_settings_get(cm_index *index);

#endif
