/* run_priv.h - one completion under way, shared by run.c (routing, instant tier, the end), run_context.c (context and
 * prompt) and run_model.c (candidates of the model, streamed and finished).
 *
 * A run has one owner at a time: the worker that starts it, then the inference thread while the
 * model writes (each candidate fills only its own part), then the worker that finishes it. `pending` counts
 * candidates still out plus the starter itself, and whoever brings it to zero hands the run to a worker. */
#ifndef CM_ASSIST_RUN_PRIV_H
#define CM_ASSIST_RUN_PRIV_H

#include <stdatomic.h>

#include "assist/assist_priv.h"
#include "assist/instant.h"

typedef struct cm_candidate_run {
    struct cm_completion_run *run;
    cm_buf text;
    cm_post_stream stream; /* what of it is final already */
    size_t sent;           /* bytes of the final text already streamed */
    cm_completion_item item;
    cm_rc rc;
    cm_err err;
    enum cm_finish finish;
    cm_generated generated; /* numbers only: its pointers die with the callback */
} cm_candidate_run;

typedef struct cm_completion_run {
    cm_assist *assist;
    cm_arena *arena;
    const cm_completion_request *request;
    const cm_settings *settings; /* taken: one run sees one state of them */
    cm_completion_sink sink;
    cm_completion result;
    cm_snapshot *snapshot;
    cm_engine *engine;
    const char *model_name;
    cm_context context;
    double tokens_per_byte; /* 0 = not measured yet */
    cm_instant_result instant;
    cm_completion_item items[CM_COMPLETIONS_MAX];
    size_t item_count;
    cm_candidate_run candidates[CM_COMPLETIONS_MAX];
    uint32_t candidate_count;
    atomic_uint pending;
    uint64_t stage_started_ns;
} cm_completion_run;

/* run.c */
void cm_run_stage_end(cm_completion_run *r, enum cm_stage stage);
/* A step that the table of states does not have is a mistake of our own: an assertion. */
void cm_run_enter(cm_completion_run *r, enum cm_state state);
cm_completion_item *cm_run_add_item(cm_completion_run *r, enum cm_completion_source source,
                                    const char *model);
/* Filters `text` into `item`. */
void cm_run_post_process(cm_completion_run *r, cm_str text, cm_completion_item *item);
void cm_run_add_instant(cm_completion_run *r);
/* Where the continuation was seen, as pieces of the context that was used. */
void cm_run_add_instant_sources(cm_completion_run *r);
/* The last step: records, answers and frees the run. */
void cm_run_deliver(cm_completion_run *r, cm_rc rc, const cm_err *err);

/* run_context.c */
/* Time the prompt may take, with the deadline in mind. */
uint32_t cm_run_prompt_ms(const cm_completion_run *r);
/* Errors: CM_CANCELLED, CM_TIMEOUT, CM_NOMEM. */
cm_rc cm_run_assemble_context(cm_completion_run *r, cm_err *err) cm_must_check;
/* Errors: CM_MODEL_UNAVAILABLE, CM_MODEL_NOT_LOADED, CM_INVALID, CM_PROMPT_TOO_LONG, CM_NOMEM. */
cm_rc cm_run_build_prompt(cm_completion_run *r, cm_prompt *ret_prompt, cm_err *err) cm_must_check;

/* run_model.c */
/* Hands the candidates to the engine; the starter calls cm_run_release then. Errors: those of
 * cm_run_build_prompt and of cm_engine_submit. */
cm_rc cm_run_submit(cm_completion_run *r, cm_err *err) cm_must_check;
void cm_run_release(cm_completion_run *r);

#endif
