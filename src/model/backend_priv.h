/* backend_priv.h - what a kind of model must offer: a vocabulary, and a runner of token batches.
 *
 * The engine, the sampler and the prompts are written once against these two tables; llama.cpp and the fake stand
 * behind them. A runner is the mutable part (a llama context): `slots` independent sequences of at
 * most `context` tokens each, owned by one thread. */
#ifndef CM_MODEL_BACKEND_PRIV_H
#define CM_MODEL_BACKEND_PRIV_H

#include <stdatomic.h>

#include "model/prompt.h"

typedef struct cm_runner cm_runner;

typedef struct cm_batch_item {
    cm_token token;
    uint32_t position;
    uint32_t slot;
    bool output; /* logits are wanted */
} cm_batch_item;

typedef struct cm_runner_options {
    uint32_t context; /* tokens per slot */
    uint32_t slots;
    uint32_t batch;   /* items of one decode */
    uint32_t outputs; /* items of one decode that want logits */
    unsigned threads;
    bool (*abort)(void *argument); /* polled inside a decode; true stops it */
    void *abort_argument;
} cm_runner_options;

typedef struct cm_runner_ops {
    void (*free)(cm_runner *runner);
    /* Evaluates the items, which extend their slots without a gap. CM_CANCELLED: aborted, CM_LIMIT: no room,
     * CM_INTERNAL. After a failure the slots hold what they held before. */
    cm_rc (*decode)(cm_runner *runner, const cm_batch_item *items, size_t count, cm_err *err);
    /* Row of item `index` of the last decode; the caller may change it. */
    float *(*logits)(cm_runner *runner, size_t index);
    /* Forgets positions >= length of a slot; returns how many it still holds: `length`, or 0 with a
     * model whose state cannot be wound back (recurrent ones). */
    uint32_t (*truncate)(cm_runner *runner, uint32_t slot, uint32_t length);
    /* Makes `to` hold the first `length` positions of `from`; false when this runner cannot. */
    bool (*copy)(cm_runner *runner, uint32_t from, uint32_t to, uint32_t length);
    void (*set_threads)(cm_runner *runner, unsigned threads);
} cm_runner_ops;

struct cm_runner {
    const cm_runner_ops *ops;
    uint32_t context;
    uint32_t slots;
    size_t cache_bytes; /* of all slots */
};

typedef struct cm_backend_ops {
    void (*close)(cm_model *model);
    /* Writes up to `max` tokens and returns how many there are (a call with max 0 counts). */
    size_t (*tokenize)(const cm_model *model, cm_str text, unsigned flags, cm_token *tokens,
                       size_t max);
    size_t (*piece)(const cm_model *model, cm_token token, bool special, char *bytes, size_t size);
    bool (*is_end)(const cm_model *model, cm_token token);
    /* FIM tokens that the model's metadata names; may be NULL. */
    void (*fim_ids)(const cm_model *model, cm_fim_tokens *ret_tokens);
    const char *(*chat_template)(const cm_model *model);
    cm_rc (*chat_apply)(const cm_model *model, const cm_chat_message *messages, size_t count,
                        cm_arena *arena, cm_str *ret_text, cm_err *err);
    cm_rc (*runner_new)(const cm_model *model, const cm_runner_options *options,
                        cm_runner **ret_runner, cm_err *err);
} cm_backend_ops;

struct cm_model {
    const cm_backend_ops *ops;
    atomic_uint refs;
    cm_model_info info;
    cm_fim_tokens fim;
    bool rewinds; /* a slot can forget its last tokens; recurrent states cannot */
};

/* Fills the common part; a backend then sets what it knows and calls cm_model_ready. */
void cm_model_init(cm_model *model, const cm_backend_ops *ops, const cm_model_options *options);
void cm_model_ready(cm_model *model);

cm_rc cm_llama_open(const cm_model_options *options, cm_model **ret_model,
                    cm_err *err) cm_must_check;
cm_rc cm_fake_open(const cm_model_options *options, cm_model **ret_model,
                   cm_err *err) cm_must_check;

cm_rc cm_runner_new(const cm_model *model, const cm_runner_options *options, cm_runner **ret_runner,
                    cm_err *err) cm_must_check;

#endif
