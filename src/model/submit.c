/* submit.c - taking a request over: checks, copies, the queue's bound, and waiting for the answer. */
#include "base/clock.h"
#include "base/mem.h"
#include "model/engine_priv.h"

static cm_rc check_prompt(const cm_model *model, const cm_prompt *prompt, cm_err *err) {
    if (prompt == NULL || prompt->count == 0) {
        return cm_fail(err, CM_INVALID, "the prompt is empty");
    }
    for (size_t i = 0; i < prompt->count; i++) {
        if (prompt->tokens[i] < 0 || (uint32_t)prompt->tokens[i] >= model->info.vocab_count) {
            return cm_fail(err, CM_INVALID, "token %d of the prompt is not in the vocabulary",
                           prompt->tokens[i]);
        }
    }
    return CM_OK;
}

static cm_rc check(const cm_model *model, const cm_request *request, cm_err *err) {
    cm_rc rc = check_prompt(model, request->prompt, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (request->stop_count > CM_STOPS_MAX) {
        return cm_fail(err, CM_INVALID, "%zu stop strings are more than %d", request->stop_count,
                       CM_STOPS_MAX);
    }
    for (size_t i = 0; i < request->stop_count; i++) {
        if (request->stops[i].len == 0 || request->stops[i].len > CM_STOP_BYTES_MAX) {
            return cm_fail(err, CM_INVALID, "stop string %zu has %zu bytes, not 1..%d", i,
                           request->stops[i].len, CM_STOP_BYTES_MAX);
        }
    }
    const cm_sampling *sampling = &request->sampling;
    bool finite = sampling->temperature >= 0 && sampling->temperature <= 2 &&
                  sampling->top_p >= 0 && sampling->top_p <= 1 && sampling->min_p >= 0 &&
                  sampling->min_p <= 1 && sampling->repeat_penalty >= 0;
    if (!finite) { /* false for NaN too */
        return cm_fail(err, CM_INVALID, "sampling settings are out of range");
    }
    return CM_OK;
}

static bool copy_stops(cm_job *job, const cm_request *request) {
    cm_str *stops = CM_ARENA_ARRAY(job->arena, cm_str, request->stop_count + 1);
    for (size_t i = 0; stops != NULL && i < request->stop_count; i++) {
        stops[i] = cm_arena_str(job->arena, request->stops[i]);
    }
    job->request.stops = stops;
    return stops != NULL;
}

static bool copy_bias(cm_job *job, const cm_request *request) {
    size_t count = request->sampling.bias_count;
    cm_logit_bias *bias = CM_ARENA_ARRAY(job->arena, cm_logit_bias, count + 1);
    if (bias != NULL && count > 0) {
        memcpy(bias, request->sampling.bias, count * sizeof(*bias));
    }
    job->request.sampling.bias = bias;
    return bias != NULL;
}

static bool copy_prompt(cm_job *job, const cm_prompt *prompt) {
    cm_token *tokens = CM_ARENA_ARRAY(job->arena, cm_token, prompt->count);
    if (tokens == NULL) {
        return false;
    }
    memcpy(tokens, prompt->tokens, prompt->count * sizeof(*tokens));
    job->prompt = *prompt;
    job->prompt.tokens = tokens;
    job->prompt.before = cm_arena_str(job->arena, prompt->before);
    job->prompt.suffix = cm_arena_str(job->arena, prompt->suffix);
    job->prompt.heal = cm_arena_str(job->arena, prompt->heal);
    job->request.prompt = NULL;
    return true;
}

static void set_up_stream(cm_job *job) {
    cm_stream_init(&job->stream);
    job->heal = job->prompt.heal;
    job->stream.heal = job->prompt.heal.len;
    job->stream.stops = job->request.stops;
    job->stream.stop_count = job->request.stop_count;
    job->stream.single_line = job->request.single_line;
    job->stream.use_suffix = job->request.suffix_stop;
    cm_suffix_stop_init(&job->stream.suffix, job->prompt.before, job->prompt.suffix);
}

static cm_job *job_new(const cm_engine *engine, const cm_request *request) {
    cm_arena *arena = cm_arena_new(0);
    cm_job *job = CM_ARENA_NEW(arena, cm_job);
    job->arena = arena;
    job->request = *request;
    if (!copy_stops(job, request) || !copy_bias(job, request) ||
        !copy_prompt(job, request->prompt)) {
        cm_arena_free(arena);
        return NULL;
    }
    job->request.top_probabilities = CM_MIN(request->top_probabilities, 5);
    job->submitted_ns = cm_clock_ns();
    set_up_stream(job);
    job->sampler = (cm_sampler){
        .options = job->request.sampling,
        .vocab_count = atomic_load(&engine->model)->info.vocab_count,
        .candidates = engine->candidates,
    };
    if (request->cancel != NULL) {
        job->request.cancel = cm_cancel_ref(request->cancel);
    }
    return job;
}

/* Waiting requests each take a mean service time in one of the slots. */
static bool deadline_is_lost(const cm_engine *engine, const cm_job *job) {
    uint64_t deadline = cm_cancel_deadline_ns(job->request.cancel);
    double ahead = (double)engine->waiting_count * engine->service_ms / engine->options.slots;
    return deadline != 0 && job->submitted_ns + (uint64_t)(ahead * 1e6) > deadline;
}

static cm_rc enqueue(cm_engine *engine, cm_job *job, cm_err *err) {
    if (engine->stopping) {
        return cm_fail(err, CM_DRAINING, "the server is going down");
    }
    if (engine->waiting_count >= engine->options.queue) {
        return cm_fail(err, CM_OVERLOADED, "%u requests already wait for model '%s'",
                       engine->waiting_count, engine->options.model.name);
    }
    if (deadline_is_lost(engine, job)) {
        return cm_fail(err, CM_OVERLOADED, "the deadline would pass in the queue of model '%s'",
                       engine->options.model.name);
    }
    /* A warm-up is a favour of idle moments: it is answered at once when there are none. */
    job->skip = job->request.max_tokens == 0 && engine->waiting_count + engine->running_count > 0;
    cm_job **end = &engine->waiting;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = job;
    engine->waiting_count++;
    pthread_cond_signal(&engine->work);
    return CM_OK;
}

cm_rc cm_engine_submit(cm_engine *engine, const cm_request *request, cm_err *err) {
    cm_err failure;
    enum cm_engine_state state = cm_engine_state_get(engine, &failure);
    if (state == CM_ENGINE_LOADING) {
        return cm_fail(err, CM_MODEL_NOT_LOADED, "model '%s' is still being loaded",
                       engine->options.model.name);
    }
    if (state == CM_ENGINE_FAILED) {
        return cm_fail(err, CM_MODEL_UNAVAILABLE, "%s", failure.text);
    }
    cm_rc rc = check(atomic_load(&engine->model), request, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_job *job = job_new(engine, request);
    if (job == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for a request");
    }
    pthread_mutex_lock(&engine->mutex);
    rc = enqueue(engine, job, err);
    pthread_mutex_unlock(&engine->mutex);
    if (rc != CM_OK) {
        cm_job_free(job);
    }
    return rc;
}

/* waiting */

typedef struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    bool is_done;
    const cm_request *request; /* the caller's, for its text and draft callbacks */
    cm_arena *arena;
    cm_generated *result;
    cm_rc rc;
    cm_err err;
} waiter;

static bool forward_text(void *argument, cm_str text) {
    const cm_request *request = ((waiter *)argument)->request;
    return request->on_text(request->argument, text);
}

static void forward_draft(void *argument, cm_str generated, cm_buf *out) {
    const cm_request *request = ((waiter *)argument)->request;
    request->draft(request->argument, generated, out);
}

static void on_done(void *argument, const cm_generated *result, cm_rc rc, const cm_err *err) {
    waiter *w = argument;
    pthread_mutex_lock(&w->mutex);
    *w->result = *result;
    w->result->text = cm_arena_str(w->arena, result->text);
    w->result->stop = cm_arena_str(w->arena, result->stop);
    if (result->tokens != NULL && result->completion_tokens > 0) {
        cm_token_info *infos = CM_ARENA_ARRAY(w->arena, cm_token_info, result->completion_tokens);
        if (infos != NULL) {
            memcpy(infos, result->tokens, result->completion_tokens * sizeof(*infos));
        }
        w->result->tokens = infos;
    }
    w->rc = rc;
    w->err = *err;
    w->is_done = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->mutex);
}

cm_rc cm_engine_generate(cm_engine *engine, const cm_request *request, cm_arena *arena,
                         cm_generated *ret_result, cm_err *err) {
    waiter w = {.request = request, .arena = arena, .result = ret_result};
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.done, NULL);
    cm_request own = *request;
    own.argument = &w;
    own.on_done = on_done;
    own.on_text = request->on_text != NULL ? forward_text : NULL;
    own.draft = request->draft != NULL ? forward_draft : NULL;
    cm_rc rc = cm_engine_submit(engine, &own, err);
    if (rc == CM_OK) {
        pthread_mutex_lock(&w.mutex);
        while (!w.is_done) {
            pthread_cond_wait(&w.done, &w.mutex);
        }
        pthread_mutex_unlock(&w.mutex);
        rc = w.rc;
        if (rc != CM_OK && err != NULL) {
            *err = w.err;
        }
    }
    pthread_cond_destroy(&w.done);
    pthread_mutex_destroy(&w.mutex);
    return rc;
}
