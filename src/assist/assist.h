/* assist.h - the service that completes code: context, instant tier, model, post-processing.
 *
 * A completion never waits for the index (it reads an immutable snapshot), for the database (rows are
 * queued) or for a model that is still loading (the instant tier answers). Worker threads do the
 * work before and after inference; while the model writes nobody is blocked.
 *
 * Thread: any. */
#ifndef CM_ASSIST_ASSIST_H
#define CM_ASSIST_ASSIST_H

#include "assist/completion.h"
#include "repository/indexer.h"
#include "model/models.h"
#include "rt/metrics.h"
#include "rt/pool.h"
#include "rt/settings.h"
#include "store/store.h"

typedef struct cm_assist cm_assist;

typedef struct cm_assist_options {
    cm_models *models;      /* borrowed, like all below; may have no model */
    cm_parser_pool *parser; /* may be NULL */
    cm_pool *pool;
    cm_store *store;     /* completions are recorded here; may be NULL */
    cm_metrics *metrics; /* cm_completion*; may be NULL */
    cm_store_local local;
    cm_settings_cell *settings; /* completion.*: the instant tier and how sure it must be */
    uint32_t max_prompt_ms, max_predict_ms;
} cm_assist_options;

/* CM_NOMEM: no lock. */
cm_rc cm_assist_new(const cm_assist_options *options, cm_assist **ret_assist,
                    cm_err *err) cm_must_check;
/* No completion may be under way. NULL is allowed. */
void cm_assist_free(cm_assist *assist);

/* Starts a completion on the calling worker and returns; the sink gets everything, failures
 * included, and possibly before this returns. */
void cm_assist_complete(cm_assist *assist, const cm_completion_request *request,
                        const cm_completion_sink *sink);

typedef struct cm_feedback {
    cm_uuid completion_id; /* nil = the first result */
    bool has_accepted, accepted;
    cm_str modified_text;
    bool has_modified_text;
    int64_t accepted_length; /* UTF-16 units, -1 = not given */
    const char *kind;        /* "all", "word", "line" */
    int64_t at_ms;           /* wall clock */
} cm_feedback;

/* What the user did with an answer. CM_NOT_FOUND (unknown or older than a day), CM_INVALID,
 * CM_INVALID_TRANSITION (never delivered, or the state machine has no such step). Worker thread. */
cm_rc cm_assist_feedback(cm_assist *assist, const cm_uuid *request_id, const cm_feedback *feedback,
                         cm_err *err) cm_must_check;

#endif
