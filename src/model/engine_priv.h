/* engine_priv.h - insides of the engine, shared by engine.c (door, queue, thread), slots.c (which
 * cache serves which prompt), step.c (one batch) and pace.c (what this machine takes for it).
 *
 * All but the fields under `mutex` belong to the inference thread. */
#ifndef CM_MODEL_ENGINE_PRIV_H
#define CM_MODEL_ENGINE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/backend_priv.h"
#include "model/engine.h"
#include "model/heal_priv.h"
#include "model/pace_priv.h"
#include "model/sampler_priv.h"
#include "model/stream_priv.h"

#define CM_BATCH_ITEMS \
    256 /* prompt tokens of one step: best above 512 tokens of prompt, and a third of a second */
#define CM_BATCH_MIXED \
    64 /* of them while another request is generating: its next token waits for them */
#define CM_DRAFT_MAX 15

enum cm_job_phase { CM_JOB_WAITING, CM_JOB_READING, CM_JOB_WRITING };

typedef struct cm_job {
    struct cm_job *next; /* in the queue, in order of arrival */
    cm_arena *arena;     /* holds the copies below */
    cm_request request;  /* pointers lead into `arena`; prompt is NULL once admitted */
    cm_prompt prompt;
    bool skip; /* a warm-up that came while others worked */
    enum cm_job_phase phase;
    uint64_t submitted_ns, begun_ns, read_ns;

    uint32_t slot;
    cm_token *tokens; /* prompt and generated; room for `context` */
    uint32_t count;
    uint32_t prompt_count;
    uint32_t done; /* of `tokens`, evaluated in the slot */
    uint32_t cached, dropped;

    cm_token draft[CM_DRAFT_MAX];
    uint32_t draft_count;
    uint32_t drafted, accepted;

    size_t batch_first, batch_count; /* its items in the step under way */
    cm_str heal;                     /* still to be generated before the answer */
    cm_stream stream;
    cm_sampler sampler;
    double logprob_sum;
    float first_probability;
    cm_token_info *infos;
    size_t info_cap;
} cm_job;

typedef struct cm_slot {
    cm_token *tokens; /* what the runner holds for it */
    uint32_t count;
    uint32_t dropped; /* tokens taken off the front of the prompt it served */
    uint64_t used;    /* step number of its last use */
    cm_job *job;      /* NULL = idle, kept for its prefix */
} cm_slot;

struct cm_engine {
    cm_engine_options options; /* strings lead into `strings` */
    cm_arena *strings;
    pthread_t thread;

    /* under `mutex` */
    pthread_mutex_t mutex;
    pthread_cond_t work;   /* something to do for the thread */
    pthread_cond_t loaded; /* state changed */
    enum cm_engine_state state;
    cm_err failure;
    bool stopping;
    cm_job *waiting;
    uint32_t waiting_count, running_count;
    cm_engine_stats stats;
    double service_ms; /* running mean of a request's time in a slot */

    atomic_bool stop; /* = stopping, for the abort callback and the loader */
    _Atomic(cm_model *) model;
    atomic_uint context; /* tokens of a slot: as configured until loaded, then as there are */

    /* of the inference thread */
    cm_runner *runner;
    cm_slot slots[CM_ENGINE_SLOTS_MAX];
    cm_batch_item items[CM_BATCH_ITEMS + CM_ENGINE_SLOTS_MAX + CM_DRAFT_MAX];
    size_t item_count;
    cm_candidate *candidates;
    cm_heal heal; /* spellings of the vocabulary, made when first needed */
    cm_pace pace;
    uint64_t step;
    bool computing; /* announced to options.compute */
};

/* slots.c: gives `job` a slot with as much of its prompt as can be found; shortens the prompt first
 * when window or time demand it. A free slot must exist. CM_PROMPT_TOO_LONG, CM_NOMEM. */
cm_rc cm_slot_assign(cm_engine *engine, cm_job *job, cm_err *err) cm_must_check;
bool cm_slot_free_exists(const cm_engine *engine);
void cm_slot_release(cm_engine *engine, cm_job *job);

/* step.c: one batch for all jobs in slots. False when there was nothing to do. */
bool cm_engine_step(cm_engine *engine);

/* draft.c: sets job->draft to a guess at the tokens after the last one; may be none. */
void cm_job_draft(const cm_engine *engine, cm_job *job);

/* engine.c: calls on_done and forgets the job. `rc` CM_OK, or why it failed. */
void cm_job_finish(cm_engine *engine, cm_job *job, enum cm_finish finish, cm_rc rc,
                   const cm_err *err);
void cm_job_free(cm_job *job);
/* CM_OK, or why this job must stop now. */
cm_rc cm_job_check(const cm_engine *engine, const cm_job *job, cm_err *err);

#endif
