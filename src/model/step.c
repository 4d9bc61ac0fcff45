/* step.c - one batch: a chunk of each prompt being read, the next token of each text being written.
 *
 * Requests advance together because a batch of four costs far less than four steps. Prompts are fed
 * in chunks so that nobody's next token waits long for somebody else's prompt, and background
 * requests (warm-ups) stand still while an interactive one is in a slot.
 *
 * A draft rides along as more tokens of its request, with logits for each. They are looked at in
 * order: the sampler chooses as it would have without the draft, and the first choice that differs
 * ends the acceptance. So a draft changes how many tokens a step yields, never which. */
#include "model/engine_priv.h"

#include <math.h>

#include "base/clock.h"

typedef struct batch_kind {
    bool reads, writes;
    uint32_t writers;
} batch_kind;

static bool has_interactive(const cm_engine *engine, bool writing) {
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        const cm_job *job = engine->slots[i].job;
        if (job != NULL && job->request.priority == CM_INTERACTIVE &&
            (!writing || job->phase == CM_JOB_WRITING)) {
            return true;
        }
    }
    return false;
}

static void add_item(cm_engine *engine, cm_job *job, cm_token token, uint32_t position,
                     bool output) {
    cm_assert(engine->item_count < CM_COUNT(engine->items));
    engine->items[engine->item_count++] = (cm_batch_item){token, position, job->slot, output};
    job->batch_count++;
}

/* building */

static void add_writer(cm_engine *engine, cm_job *job, bool alone) {
    job->draft_count = 0;
    if (alone) {
        cm_job_draft(engine, job);
    }
    job->batch_first = engine->item_count;
    add_item(engine, job, job->tokens[job->done], job->done, true);
    for (uint32_t i = 0; i < job->draft_count; i++) {
        add_item(engine, job, job->draft[i], job->done + 1 + i, true);
    }
}

static void add_reader(cm_engine *engine, cm_job *job, uint32_t *room) {
    uint32_t left = job->prompt_count - job->done;
    uint32_t chunk = CM_MIN(left, *room);
    job->batch_first = engine->item_count;
    for (uint32_t i = 0; i < chunk; i++) {
        uint32_t at = job->done + i;
        bool last = at + 1 == job->prompt_count && job->request.max_tokens > 0;
        add_item(engine, job, job->tokens[at], at, last);
    }
    *room -= chunk;
}

static batch_kind build(cm_engine *engine) {
    batch_kind kind = {0};
    bool interactive = has_interactive(engine, false);
    uint32_t slots = engine->runner->slots;
    engine->item_count = 0;
    for (uint32_t i = 0; i < slots; i++) {
        const cm_job *job = engine->slots[i].job;
        kind.writers += job != NULL && job->phase == CM_JOB_WRITING;
    }
    uint32_t room = has_interactive(engine, true) ? CM_BATCH_MIXED : CM_BATCH_ITEMS;
    for (uint32_t i = 0; i < slots; i++) {
        cm_job *job = engine->slots[i].job;
        if (job == NULL) {
            continue;
        }
        job->batch_count = 0;
        if (interactive && job->request.priority == CM_BACKGROUND) {
            continue;
        }
        if (job->phase == CM_JOB_WRITING) {
            add_writer(engine, job, kind.writers == 1);
            kind.writes = true;
        } else if (room > 0) {
            add_reader(engine, job, &room);
            kind.reads = true;
        }
    }
    return kind;
}

/* results */

static bool add_info(cm_job *job, const cm_choice *choice, uint32_t index, size_t text_offset) {
    if (!job->request.probabilities) {
        return true;
    }
    if (index >= job->info_cap) {
        size_t cap = CM_MAX(job->info_cap * 2, 64);
        cm_token_info *grown = CM_ARENA_ARRAY(job->arena, cm_token_info, cap);
        if (grown == NULL) {
            return false;
        }
        if (index > 0) {
            memcpy(grown, job->infos, index * sizeof(*grown));
        }
        job->infos = grown;
        job->info_cap = cap;
    }
    cm_token_info *info = &job->infos[index];
    *info = (cm_token_info){
        choice->token, choice->logprob, (uint32_t)text_offset, choice->top_count, {{0}}};
    for (unsigned i = 0; i < choice->top_count; i++) {
        info->top[i].token = choice->top[i].token;
        info->top[i].logprob = choice->top[i].weight;
    }
    return true;
}

static double since_ms(uint64_t start_ns) {
    return (double)(cm_clock_ns() - start_ns) / 1e6;
}

/* Why the text ends after this token for reasons of time and room, or CM_FINISH_ERROR for "go on". */
static enum cm_finish limit_met(const cm_engine *engine, const cm_job *job) {
    uint32_t written = job->count - job->prompt_count;
    if (written >= job->request.max_tokens || job->count >= engine->runner->context) {
        return CM_FINISH_LENGTH;
    }
    cm_str text = cm_buf_str(&job->stream.text);
    if (job->request.max_predict_ms > 0 && cm_str_find_char(text, '\n') != SIZE_MAX &&
        since_ms(job->read_ns) >= job->request.max_predict_ms) {
        return CM_FINISH_TIME;
    }
    return CM_FINISH_ERROR;
}

static bool send_text(cm_job *job) {
    cm_str fresh = cm_stream_take(&job->stream);
    return fresh.len == 0 || job->request.on_text == NULL ||
           job->request.on_text(job->request.argument, fresh);
}

/* One more token of the text. False when the job has ended. */
static bool accept(cm_engine *engine, cm_job *job, const cm_choice *choice) {
    const cm_model *model = atomic_load(&engine->model);
    uint32_t index = job->count - job->prompt_count;
    if (cm_model_is_end(model, choice->token)) {
        cm_job_finish(engine, job, CM_FINISH_END, CM_OK, NULL);
        return false;
    }
    char bytes[256];
    cm_str piece =
        cm_str_make(bytes, cm_model_piece(model, choice->token, false, bytes, sizeof(bytes)));
    if (!add_info(job, choice, index, job->stream.text.len)) {
        cm_err err;
        cm_job_finish(engine, job, CM_FINISH_ERROR,
                      cm_fail(&err, CM_NOMEM, "no memory for token probabilities"), &err);
        return false;
    }
    job->tokens[job->count++] = choice->token;
    job->logprob_sum += (double)choice->logprob;
    if (index == 0) {
        job->first_probability = expf(choice->logprob);
    }
    job->heal = cm_heal_rest(job->heal, piece);
    bool ended = cm_stream_add(&job->stream, piece);
    enum cm_finish finish = ended ? job->stream.finish : limit_met(engine, job);
    if (finish == CM_FINISH_ERROR && !send_text(job)) {
        finish = CM_FINISH_CALLBACK;
    }
    if (finish != CM_FINISH_ERROR) {
        cm_job_finish(engine, job, finish, CM_OK, NULL);
        return false;
    }
    return true;
}

static cm_choice choose(cm_engine *engine, cm_job *job, size_t item) {
    float *row = engine->runner->ops->logits(engine->runner, item);
    if (job->heal.len > 0) {
        cm_heal_mask(&engine->heal, atomic_load(&engine->model), job->heal, row);
    }
    return cm_sampler_choose(&job->sampler, row, job->tokens, job->count,
                             job->count - job->prompt_count, job->request.top_probabilities);
}

static void after_reading(cm_engine *engine, cm_job *job) {
    if (job->done < job->prompt_count) {
        return;
    }
    job->read_ns = cm_clock_ns();
    if (job->request.max_tokens == 0) {
        cm_job_finish(engine, job, CM_FINISH_LENGTH, CM_OK, NULL);
        return;
    }
    job->phase = CM_JOB_WRITING;
    cm_choice choice = choose(engine, job, job->batch_first + job->batch_count - 1);
    (void)accept(engine, job, &choice);
}

/* Forgets what a slot holds beyond `length`. */
static void rewind_slot(cm_engine *engine, uint32_t slot, uint32_t length) {
    if (engine->slots[slot].count > length) {
        engine->slots[slot].count = engine->runner->ops->truncate(engine->runner, slot, length);
    }
}

static void after_writing(cm_engine *engine, cm_job *job) {
    uint32_t slot = job->slot, first = job->done - (uint32_t)job->batch_count;
    uint32_t drafts = job->draft_count, right = 0;
    size_t item = job->batch_first;
    job->drafted += drafts;
    for (;; right++) {
        job->done = first + 1 + right;
        cm_choice choice = choose(engine, job, item + right);
        bool matches = right < drafts && choice.token == job->draft[right];
        job->accepted += matches;
        if (!accept(engine, job, &choice)) {
            rewind_slot(engine, slot, first + 1 + right);
            return; /* the job is gone */
        }
        if (!matches) {
            break;
        }
    }
    rewind_slot(engine, slot, job->done);
}

static void fail_batch(cm_engine *engine, cm_rc rc, const cm_err *err) {
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        cm_job *job = engine->slots[i].job;
        if (job != NULL && job->batch_count > 0) {
            rewind_slot(engine, i, 0);
            cm_job_finish(engine, job, CM_FINISH_ERROR, rc, err);
        }
    }
}

static void measure(cm_engine *engine, batch_kind kind, double ms) {
    if (kind.reads && !kind.writes) {
        cm_pace_read(&engine->pace, engine->item_count, ms);
    } else if (kind.writes && !kind.reads && kind.writers == 1) {
        cm_pace_write(&engine->pace, engine->item_count - 1, ms);
    }
}

/* The slots now hold the batch; sampling comes after, for a finished job gives its slot away. */
static void record(cm_engine *engine) {
    for (size_t i = 0; i < engine->item_count; i++) {
        cm_slot *slot = &engine->slots[engine->items[i].slot];
        slot->tokens[slot->count++] = engine->items[i].token;
        slot->job->done++;
    }
}

bool cm_engine_step(cm_engine *engine) {
    batch_kind kind = build(engine);
    if (engine->item_count == 0) {
        return false;
    }
    bool others = cm_compute_background_count(engine->options.compute) > 0;
    engine->runner->ops->set_threads(engine->runner,
                                     cm_pace_threads(&engine->pace, kind.reads, others));
    cm_err err = {0};
    uint64_t start = cm_clock_ns();
    cm_rc rc = engine->runner->ops->decode(engine->runner, engine->items, engine->item_count, &err);
    engine->step++;
    if (rc == CM_CANCELLED) {
        return true; /* the caller takes out who was cancelled; the rest is built again */
    }
    if (rc != CM_OK) {
        fail_batch(engine, rc, &err);
        return true;
    }
    measure(engine, kind, since_ms(start));
    record(engine);
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        cm_job *job = engine->slots[i].job;
        if (job == NULL || job->batch_count == 0) {
            continue;
        }
        if (job->phase == CM_JOB_WRITING) {
            after_writing(engine, job);
        } else {
            after_reading(engine, job);
        }
    }
    return true;
}
