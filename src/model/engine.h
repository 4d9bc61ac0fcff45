/* engine.h - generating text: one inference thread, up to CM_ENGINE_SLOTS_MAX sequences at a time.
 *
 * The caller hands over the whole prompt every time; the engine finds the slot that shares the
 * longest run of tokens with it and evaluates only the rest. Live sequences advance together, one batch a
 * step (continuous batching). A request that is cancelled leaves before the next step; a step in
 * which cancelled requests hold most of the work is aborted inside the batch.
 *
 * Deadlines are not time-outs. `max_prompt_ms` shortens the front of the prompt to what this machine
 * reads in that time, and `max_predict_ms` ends the answer only once it has a full line.
 *
 * The model loads on the engine's own thread: cm_engine_start returns at once, and until the state is
 * CM_ENGINE_READY requests are refused with CM_MODEL_NOT_LOADED, so that a caller answers from the instant tier
 * meanwhile.
 *
 * Thread: any may submit. Callbacks run on the inference thread: they must be short and must not
 * block, and they may submit or cancel but not free the engine. */
#ifndef CM_MODEL_ENGINE_H
#define CM_MODEL_ENGINE_H

#include "base/buf.h"
#include "model/model.h"
#include "model/prompt.h"
#include "rt/cancel.h"
#include "rt/compute.h"
#include "rt/pool.h" /* enum cm_priority */

#define CM_ENGINE_SLOTS_MAX 16
#define CM_STOPS_MAX        32
#define CM_STOP_BYTES_MAX   256

typedef struct cm_engine cm_engine;

typedef struct cm_engine_options {
    cm_model_options model; /* strings are copied */
    uint32_t context; /* tokens a sequence may hold; 0 = 2,048, at most the model was trained on */
    uint32_t slots;   /* sequences that run together; 0 = 2..4 by cores */
    uint32_t queue;   /* requests that may wait; 0 = 64 */
    uint32_t threads; /* compute threads; 0 = cores, at most 8 */
    cm_compute *compute; /* borrowed; NULL = nothing else computes */
    bool await_file;     /* stay LOADING until model.path exists, instead of failing */
} cm_engine_options;

enum cm_engine_state { CM_ENGINE_LOADING, CM_ENGINE_READY, CM_ENGINE_FAILED };

/* Starts the thread and returns. CM_INVALID: an option is out of its bounds; CM_IO, CM_NOMEM: no thread. */
cm_rc cm_engine_start(const cm_engine_options *options, cm_engine **ret_engine,
                      cm_err *err) cm_must_check;
/* Cancels what runs and waits (CM_DRAINING), joins the thread. NULL is allowed. */
void cm_engine_free(cm_engine *engine);
/* `err` gets the reason when FAILED. */
enum cm_engine_state cm_engine_state_get(const cm_engine *engine, cm_err *err);
/* Waits until loading ended; CM_OK, the loading error, CM_CANCELLED or CM_TIMEOUT. */
cm_rc cm_engine_wait(cm_engine *engine, const cm_cancel *cancel, cm_err *err) cm_must_check;
/* Borrowed, lives as long as the engine; NULL until READY. */
cm_model *cm_engine_model(const cm_engine *engine);
/* Prompt tokens this machine reads in `ms` (from measurement; a cautious guess before the first),
 * never more than fit the window beside `reserve` generated ones. */
uint32_t cm_engine_budget(const cm_engine *engine, uint32_t ms, uint32_t reserve);

typedef struct cm_logit_bias {
    cm_token token;
    float bias; /* -100 forbids */
} cm_logit_bias;

/* Zeroes mean greedy without penalties. One uniform number a position is derived from (seed, position), so
 * neither batching nor drafting can shift the stream. */
typedef struct cm_sampling {
    float temperature; /* 0..2; 0 = greedy */
    int32_t top_k;     /* 0 = all */
    float top_p;       /* 0 or 1 = all */
    float min_p;       /* 0 = off */
    uint64_t seed;
    float repeat_penalty; /* 0 or 1 = off */
    float presence_penalty, frequency_penalty;
    uint32_t penalty_last;     /* tokens looked at; 0 = 64 */
    const cm_logit_bias *bias; /* copied */
    size_t bias_count;
} cm_sampling;

enum cm_finish {
    CM_FINISH_END,      /* the model ended the text */
    CM_FINISH_STOP,     /* a stop string; result.stop names it */
    CM_FINISH_SUFFIX,   /* what comes after the cursor was reached, or the block closed */
    CM_FINISH_LENGTH,   /* max_tokens, or the window is full */
    CM_FINISH_TIME,     /* max_predict_ms */
    CM_FINISH_CALLBACK, /* on_text said stop */
    CM_FINISH_ERROR,    /* see rc: cancelled, draining, failed */
};

/* One generated token, when the request asks for `probabilities`. */
typedef struct cm_token_info {
    cm_token token;
    float logprob;        /* natural logarithm, of the model's own distribution (temperature 1) */
    uint32_t text_offset; /* in result.text; may lie past its end when it was cut off */
    uint8_t top_count;
    struct {
        cm_token token;
        float logprob;
    } top[5];
} cm_token_info;

typedef struct cm_generated {
    cm_str text; /* whole text; borrowed, valid during on_done */
    enum cm_finish finish;
    cm_str stop;             /* the stop string met, else empty */
    uint32_t prompt_tokens;  /* after shortening */
    uint32_t cached_tokens;  /* of those, found in a slot */
    uint32_t dropped_tokens; /* taken off the front; truncated when > 0 */
    uint32_t completion_tokens;
    uint32_t drafted_tokens, accepted_tokens;
    double queue_ms, prompt_ms, predict_ms;
    float mean_probability; /* geometric mean over generated tokens; the confidence of the text */
    float first_probability;
    const cm_token_info *tokens; /* completion_tokens of them when asked for, else NULL */
} cm_generated;

/* New text, whole characters only; false ends the generation (CM_FINISH_CALLBACK). */
typedef bool cm_text_fn(void *argument, cm_str text);
/* Called exactly once for each accepted request. On failure `rc` is CM_CANCELLED, CM_TIMEOUT, CM_DRAINING,
 * CM_NOMEM or CM_INTERNAL, and `result` holds what there was. */
typedef void cm_done_fn(void *argument, const cm_generated *result, cm_rc rc, const cm_err *err);
/* A guess at what follows `generated`, as text, appended to `out` (at most CM_DRAFT_BYTES_MAX). The
 * engine verifies it: a wrong guess costs time, never text. Where it adds nothing, the engine looks
 * for a repetition in the prompt and the text itself. */
#define CM_DRAFT_BYTES_MAX 256
typedef void cm_draft_fn(void *argument, cm_str generated, cm_buf *out);

typedef struct cm_request {
    const cm_prompt *prompt; /* copied */
    uint32_t max_tokens;     /* 0 = warm-up: evaluate the prompt into a slot, generate nothing */
    uint32_t max_prompt_ms;  /* 0 = no bound */
    uint32_t max_predict_ms; /* 0 = no bound */
    const cm_str *stops;     /* copied; each 1..CM_STOP_BYTES_MAX bytes */
    size_t stop_count;       /* at most CM_STOPS_MAX */
    bool suffix_stop;        /* apply cm_suffix_stop with the prompt's suffix */
    bool single_line;        /* end before the first newline */
    cm_sampling sampling;
    uint32_t top_probabilities; /* 0..5 best alternatives per token */
    bool probabilities;         /* fill result.tokens */
    enum cm_priority priority;
    cm_cancel
        *cancel; /* the engine takes a reference; its deadline orders the queue; may be NULL */
    cm_text_fn *on_text; /* may be NULL */
    cm_draft_fn *draft;  /* may be NULL */
    int draft_length; /* tokens verified a step: 0 = what pays here, < 0 = no drafts, else this many */
    cm_done_fn *on_done;
    void *argument;
} cm_request;

/* CM_MODEL_NOT_LOADED while loading, CM_MODEL_UNAVAILABLE after loading failed, CM_OVERLOADED when the queue is full or
 * the deadline cannot be met, CM_DRAINING, CM_INVALID, CM_PROMPT_TOO_LONG when what may not be
 * shortened does not fit. After an error on_done is not called. */
cm_rc cm_engine_submit(cm_engine *engine, const cm_request *request, cm_err *err) cm_must_check;

/* Submits and waits; text, stop and tokens are copied into `arena`. request->on_done is ignored. Not from a
 * callback. Errors: any of cm_engine_submit and of cm_done_fn. */
cm_rc cm_engine_generate(cm_engine *engine, const cm_request *request, cm_arena *arena,
                         cm_generated *ret_result, cm_err *err) cm_must_check;

typedef struct cm_engine_stats {
    uint32_t waiting, running;
    uint32_t slots, context;            /* tokens of a slot; 0 = not loaded */
    uint64_t weight_bytes, cache_bytes; /* 0 = not loaded */
    uint64_t requests, cancelled;       /* `requests` counts all that ended */
    uint64_t prefix_hits;               /* requests whose prompt began with what a slot held */
    uint64_t prompt_tokens;             /* evaluated or cached */
    uint64_t cached_tokens, completion_tokens;
    double prompt_tokens_per_second,
        predict_ms_per_token; /* running estimates; 0 = not yet known */
    uint32_t threads;         /* decoding uses now */
} cm_engine_stats;
void cm_engine_stats_get(const cm_engine *engine, cm_engine_stats *ret_stats);

#endif
