/* llama_run.c - a llama context as a runner.
 *
 * One context holds all slots, each a stream of its own (the cache is not unified): attention then looks at the
 * slot's own tokens only, so a slot that merely keeps a prompt for later costs nothing. With a
 * unified cache a copy between slots is free, but every step pays for the cells of all slots; measured in
 * docs/design/model.md, "One stream a slot". */
#include "base/mem.h"
#include "model/llama_priv.h"

typedef struct cm_llama_runner {
    cm_runner base;
    struct llama_context *context;
    llama_memory_t memory;
    uint32_t vocab_count;
    uint32_t batch_max;
    /* The arrays llama_batch points at. */
    cm_token *tokens;
    llama_pos *positions;
    int32_t *sequence_counts;
    llama_seq_id *sequences;
    llama_seq_id **sequence_lists;
    int8_t *outputs;
} cm_llama_runner;

static void runner_free(cm_runner *base) {
    cm_llama_runner *runner = (cm_llama_runner *)base;
    if (runner->context != NULL) {
        llama_free(runner->context);
    }
    cm_free(runner->tokens);
    cm_free(runner->positions);
    cm_free(runner->sequence_counts);
    cm_free(runner->sequences);
    cm_free(runner->sequence_lists);
    cm_free(runner->outputs);
    cm_free(runner);
}

/* After an abort or a failure parts of the batch may be in the cache: take them out again. */
static void undo(cm_llama_runner *runner, const cm_batch_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || items[i].slot != items[i - 1].slot) {
            llama_memory_seq_rm(runner->memory, (llama_seq_id)items[i].slot,
                                (llama_pos)items[i].position, -1);
        }
    }
}

static cm_rc runner_decode(cm_runner *base, const cm_batch_item *items, size_t count, cm_err *err) {
    cm_llama_runner *runner = (cm_llama_runner *)base;
    cm_assert(count > 0 && count <= runner->batch_max);
    for (size_t i = 0; i < count; i++) {
        runner->tokens[i] = items[i].token;
        runner->positions[i] = (llama_pos)items[i].position;
        runner->sequences[i] = (llama_seq_id)items[i].slot;
        runner->outputs[i] = items[i].output;
    }
    struct llama_batch batch = {
        .n_tokens = (int32_t)count,
        .token = runner->tokens,
        .pos = runner->positions,
        .n_seq_id = runner->sequence_counts,
        .seq_id = runner->sequence_lists,
        .logits = runner->outputs,
    };
    cm_llama_error_reset();
    int32_t status = llama_decode(runner->context, batch);
    if (status == 0) {
        return CM_OK;
    }
    undo(runner, items, count);
    if (status == 2) {
        return cm_fail(err, CM_CANCELLED, "step of %zu tokens was aborted", count);
    }
    if (status == 1) {
        return cm_fail(err, CM_LIMIT, "no room in the cache for %zu tokens", count);
    }
    return cm_fail(err, CM_INTERNAL, "llama.cpp cannot evaluate %zu tokens (%d): %s", count,
                   (int)status, cm_llama_error());
}

static float *runner_logits(cm_runner *base, size_t index) {
    return llama_get_logits_ith(((cm_llama_runner *)base)->context, (int32_t)index);
}

static uint32_t runner_truncate(cm_runner *base, uint32_t slot, uint32_t length) {
    cm_llama_runner *runner = (cm_llama_runner *)base;
    if (llama_memory_seq_rm(runner->memory, (llama_seq_id)slot, (llama_pos)length, -1)) {
        return length;
    }
    llama_memory_seq_rm(runner->memory, (llama_seq_id)slot, -1, -1);
    return 0;
}

static bool runner_copy(cm_runner *base, uint32_t from, uint32_t to, uint32_t length) {
    cm_llama_runner *runner = (cm_llama_runner *)base;
    llama_memory_seq_rm(runner->memory, (llama_seq_id)to, -1, -1);
    /* Between streams only whole sequences can be copied. */
    llama_memory_seq_cp(runner->memory, (llama_seq_id)from, (llama_seq_id)to, -1, -1);
    return runner_truncate(base, to, length) == length;
}

static void runner_set_threads(cm_runner *base, unsigned threads) {
    llama_set_n_threads(((cm_llama_runner *)base)->context, (int32_t)threads, (int32_t)threads);
}

static const cm_runner_ops runner_ops = {
    .free = runner_free,
    .decode = runner_decode,
    .logits = runner_logits,
    .truncate = runner_truncate,
    .copy = runner_copy,
    .set_threads = runner_set_threads,
};

static bool allocate(cm_llama_runner *runner, uint32_t batch) {
    runner->batch_max = batch;
    runner->tokens = cm_try_calloc(batch, sizeof(*runner->tokens));
    runner->positions = cm_try_calloc(batch, sizeof(*runner->positions));
    runner->sequence_counts = cm_try_calloc(batch, sizeof(*runner->sequence_counts));
    runner->sequences = cm_try_calloc(batch, sizeof(*runner->sequences));
    runner->sequence_lists = cm_try_calloc(batch, sizeof(*runner->sequence_lists));
    runner->outputs = cm_try_calloc(batch, sizeof(*runner->outputs));
    if (runner->tokens == NULL || runner->positions == NULL || runner->sequence_counts == NULL ||
        runner->sequences == NULL || runner->sequence_lists == NULL || runner->outputs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < batch; i++) {
        runner->sequence_counts[i] = 1;
        runner->sequence_lists[i] = &runner->sequences[i];
    }
    return true;
}

static struct llama_context *new_context(const cm_llama *llama, const cm_runner_options *options) {
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = options->context * options->slots;
    params.n_batch = options->batch;
    params.n_ubatch = options->batch;
    params.n_seq_max = options->slots;
    /* The logits buffer is this many rows of the whole vocabulary; the default is a batch of them. */
    params.n_outputs_max = options->outputs;
    params.n_threads = params.n_threads_batch = (int32_t)options->threads;
    params.kv_unified = options->slots == 1;
    params.swa_full = true; /* a slot is wound back to a common prefix: keep all of it */
    params.no_perf = true;
    params.abort_callback = options->abort;
    params.abort_callback_data = options->abort_argument;
    return llama_init_from_model(llama->model, params);
}

/* Keys and values of half precision, for each layer and token. */
static size_t cache_bytes(const struct llama_model *model, size_t tokens) {
    size_t heads = (size_t)CM_MAX(llama_model_n_head(model), 1);
    size_t width = (size_t)llama_model_n_embd(model) / heads * (size_t)llama_model_n_head_kv(model);
    return 2 * sizeof(uint16_t) * (size_t)llama_model_n_layer(model) * width * tokens;
}

cm_rc cm_llama_runner_new(const cm_model *model, const cm_runner_options *options,
                          cm_runner **ret_runner, cm_err *err) {
    const cm_llama *llama = cm_llama_of(model);
    cm_llama_runner *runner = CM_NEW(cm_llama_runner);
    runner->base = (cm_runner){&runner_ops, options->context, options->slots};
    runner->vocab_count = model->info.vocab_count;
    cm_llama_error_reset();
    if (!allocate(runner, options->batch) ||
        (runner->context = new_context(llama, options)) == NULL) {
        runner_free(&runner->base);
        return cm_fail(err, CM_NOMEM,
                       "cannot make a context of %u x %u tokens for model '%s' (%s): lower "
                       "model.context or model.slots",
                       options->slots, options->context, model->info.name, cm_llama_error());
    }
    runner->memory = llama_get_memory(runner->context);
    runner->base.context = CM_MIN(options->context, llama_n_ctx_seq(runner->context));
    runner->base.cache_bytes = cache_bytes(llama->model, llama_n_ctx(runner->context));
    *ret_runner = &runner->base;
    return CM_OK;
}
