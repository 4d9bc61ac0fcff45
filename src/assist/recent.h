/* recent.h - the live and latest completions, in memory: is an id in use, and where does its life stand?
 *
 * A ring of fixed size with an index by id. Feedback nearly always comes within minutes, so it is
 * answered from here; the database only records it. Only an entry whose answer is out makes room: a
 * request that takes long keeps its id, so no second one can run under it.
 *
 * Thread: owner (the service's lock). */
#ifndef CM_ASSIST_RECENT_H
#define CM_ASSIST_RECENT_H

#include "assist/completion.h"

typedef struct cm_recent_result {
    cm_uuid id;
    cm_str text; /* owned by the entry */
    bool has_accepted, accepted;
    int64_t accepted_at_ms, accepted_length;
    char kind[8];
    bool has_modified;
    cm_str modified_text; /* owned by the entry */
    uint32_t modified_chars;
    bool retained;
} cm_recent_result;

typedef struct cm_recent_entry {
    cm_uuid id;
    cm_lifecycle life;
    enum cm_state stored;    /* the state the database was last told */
    int64_t delivered_at_ms; /* wall clock */
    cm_recent_result results[CM_COMPLETIONS_MAX];
    size_t result_count;
} cm_recent_entry;

typedef struct cm_recent cm_recent;

cm_recent *cm_recent_new(size_t capacity);
void cm_recent_free(cm_recent *recent);
/* NULL when unknown. Borrowed until the next add. */
cm_recent_entry *cm_recent_find(cm_recent *recent, const cm_uuid *id);
/* A fresh entry for `id` in state RECEIVED; the oldest one that is not live makes room. An entry with this id
 * is started anew. NULL when all are live, or without memory. */
cm_recent_entry *cm_recent_add(cm_recent *recent, const cm_uuid *id);
/* The outcome, in place of what the entry held. */
void cm_recent_set_results(cm_recent_entry *entry, const cm_completion *completion);
/* What the user made of one result; counts its edits. */
void cm_recent_set_modified(cm_recent_result *result, cm_str text);

#endif
