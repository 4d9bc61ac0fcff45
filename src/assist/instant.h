/* instant.h - completion without a model: what did this team write after these tokens before?
 *
 * The longest suffix of the text before the cursor that occurs in the open document or in the
 * repository's suffix arrays (index/segment/suffix.h) is looked up; its continuations vote. Nearness weighs:
 * same document, same directory, same language. Confidence grows with the length of the match and
 * the agreement of the continuations, and is calibrated so that an answer given with .8 is right
 * (first line, exactly) about eight times in ten; docs/design/instant.md has the measurement.
 *
 * Thread: any; costs about a millisecond. */
#ifndef CM_ASSIST_INSTANT_H
#define CM_ASSIST_INSTANT_H

#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

#define CM_INSTANT_SOURCES_MAX 4

typedef struct cm_instant_request {
    cm_str prefix;   /* document before the cursor; a word begun there is completed, not repeated */
    cm_str suffix;   /* document after it: what stands there is not suggested again */
    cm_str path;     /* relative to the repository's root; may be empty */
    cm_str language; /* may be empty */
    const cm_snapshot *snapshot; /* NULL = the open document alone */
    bool lines;                  /* may span lines when the continuation is sure */
    uint64_t deadline_ns;        /* 0 = none; on expiry the best so far */
    cm_cancel *cancel;           /* may be NULL */
} cm_instant_request;

typedef struct cm_instant_source {
    uint32_t document; /* CM_ID_NONE = the open document itself */
    uint32_t line;     /* 1-based, where the continuation stands */
    double share;      /* of the votes for the text, 0..1 */
} cm_instant_source;

typedef struct cm_instant_result {
    cm_str text; /* in the arena; empty = no suggestion */
    double confidence;
    uint32_t match_tokens;                             /* length of the longest match */
    uint32_t votes;                                    /* continuations looked at */
    cm_instant_source sources[CM_INSTANT_SOURCES_MAX]; /* most votes first */
    size_t source_count;
} cm_instant_result;

/* CM_CANCELLED, CM_NOMEM. No suggestion is CM_OK with an empty text. */
cm_rc cm_instant_predict(const cm_instant_request *request, cm_arena *arena,
                         cm_instant_result *ret_result, cm_err *err) cm_must_check;

#endif
