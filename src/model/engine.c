/* engine.c - the door of the engine: options, queue, thread, the life of a request.
 *
 * One thread loads the model and then serves. The queue is a short list under one mutex: a request is
 * chosen by priority, then deadline, then arrival, each time a slot is free. Cancelled requests are
 * looked for before each step, in the queue and in the slots, and inside a step by the abort callback.
 *
 * Invariants: a job is in the queue, or in exactly one slot, or gone; on_done runs once for each accepted
 * job, on the inference thread, without the mutex. */
#include "model/engine_priv.h"

#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define CONTEXT_DEFAULT 2048
#define CONTEXT_MIN     256 /* llama.cpp rounds up to this */
#define CONTEXT_MAX     131072
#define SLOTS_DEFAULT   4 /* as many as cores, at least 2: the cache takes 46 MB a slot */
#define QUEUE_DEFAULT   64
#define THREADS_MAX     8
#define WARM_TOKENS     64 /* read once after loading: pages in the weights, measures the pace */
#define SERVICE_RATE    0.2
#define FILE_POLL_NS    500000000ull

/* jobs */

void cm_job_free(cm_job *job) {
    cm_stream_done(&job->stream);
    cm_cancel_unref(job->request.cancel);
    cm_arena_free(job->arena); /* the job itself lives in it */
}

cm_rc cm_job_check(const cm_engine *engine, const cm_job *job, cm_err *err) {
    if (atomic_load_explicit(&engine->stop, memory_order_relaxed)) {
        return cm_fail(err, CM_DRAINING, "the server is going down");
    }
    return cm_cancel_check(job->request.cancel, err);
}

static cm_generated result_of(cm_job *job, enum cm_finish finish) {
    uint64_t now = cm_clock_ns();
    uint32_t written = job->count - job->prompt_count;
    uint64_t begun = job->begun_ns > 0 ? job->begun_ns : now;
    uint64_t read = job->read_ns > 0 ? job->read_ns : now;
    cm_generated result = {
        .text = cm_buf_str(&job->stream.text),
        .finish = finish,
        .stop = job->stream.stop,
        .prompt_tokens = job->prompt_count,
        .cached_tokens = job->cached,
        .dropped_tokens = job->dropped,
        .completion_tokens = written,
        .drafted_tokens = job->drafted,
        .accepted_tokens = job->accepted,
        .queue_ms = (double)(begun - job->submitted_ns) / 1e6,
        .prompt_ms = (double)(read - begun) / 1e6,
        .predict_ms = (double)(now - read) / 1e6,
        .first_probability = job->first_probability,
        .tokens = job->request.probabilities ? job->infos : NULL,
    };
    if (written > 0) {
        result.mean_probability = (float)exp(job->logprob_sum / (double)written);
    }
    return result;
}

static void count_job(cm_engine *engine, const cm_job *job, bool ran, cm_rc rc) {
    pthread_mutex_lock(&engine->mutex);
    cm_engine_stats *stats = &engine->stats;
    stats->requests++;
    stats->cancelled += rc == CM_CANCELLED || rc == CM_TIMEOUT;
    stats->prompt_tokens += job->done < job->prompt_count ? job->done : job->prompt_count;
    stats->cached_tokens += job->cached;
    stats->prefix_hits += job->cached > 0;
    stats->completion_tokens += job->count - job->prompt_count;
    stats->prompt_tokens_per_second = engine->pace.read_ms > 0 ? 1000 / engine->pace.read_ms : 0;
    stats->predict_ms_per_token = engine->pace.write_ms;
    stats->threads = engine->pace.threads;
    if (ran) {
        double ms = (double)(cm_clock_ns() - job->begun_ns) / 1e6;
        engine->service_ms += SERVICE_RATE * (ms - engine->service_ms);
        engine->running_count--;
    }
    pthread_mutex_unlock(&engine->mutex);
}

void cm_job_finish(cm_engine *engine, cm_job *job, enum cm_finish finish, cm_rc rc,
                   const cm_err *err) {
    bool ran = job->phase != CM_JOB_WAITING;
    if (ran) {
        cm_slot_release(engine, job);
    }
    cm_stream_close(&job->stream);
    if (rc == CM_OK && job->stream.ended) {
        finish = job->stream.finish;
    }
    cm_str fresh = cm_stream_take(&job->stream);
    job->stream.ended = true; /* nothing is held back any more */
    cm_str held = cm_stream_take(&job->stream);
    fresh = cm_str_make(fresh.len > 0 ? fresh.ptr : held.ptr, fresh.len + held.len);
    if (rc == CM_OK && fresh.len > 0 && job->request.on_text != NULL &&
        finish != CM_FINISH_CALLBACK) {
        (void)job->request.on_text(job->request.argument, fresh);
    }
    count_job(engine, job, ran, rc);
    cm_generated result = result_of(job, finish);
    cm_err none = {0};
    job->request.on_done(job->request.argument, &result, rc, err != NULL ? err : &none);
    cm_job_free(job);
}

/* the queue */

static bool is_before(const cm_job *a, const cm_job *b) {
    if (a->request.priority != b->request.priority) {
        return a->request.priority == CM_INTERACTIVE;
    }
    uint64_t deadline_a = cm_cancel_deadline_ns(a->request.cancel);
    uint64_t deadline_b = cm_cancel_deadline_ns(b->request.cancel);
    /* No deadline comes last; equal ones by arrival, which is the order of the list. */
    return deadline_a - 1 < deadline_b - 1;
}

/* Takes the next job off the queue that `wanted` accepts; NULL when there is none. Mutex held. */
static cm_job *take_if(cm_engine *engine, bool (*wanted)(const cm_engine *, const cm_job *)) {
    cm_job **best = NULL;
    for (cm_job **at = &engine->waiting; *at != NULL; at = &(*at)->next) {
        if (wanted(engine, *at) && (best == NULL || is_before(*at, *best))) {
            best = at;
        }
    }
    if (best == NULL) {
        return NULL;
    }
    cm_job *job = *best;
    *best = job->next;
    engine->waiting_count--;
    return job;
}

static bool is_over(const cm_engine *engine, const cm_job *job) {
    return job->skip || cm_job_check(engine, job, NULL) != CM_OK;
}

/* Background requests leave one slot to whoever is typing. */
static bool may_run(const cm_engine *engine, const cm_job *job) {
    if (job->request.priority == CM_INTERACTIVE || engine->runner->slots == 1) {
        return true;
    }
    uint32_t background = 0;
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        const cm_job *running = engine->slots[i].job;
        background += running != NULL && running->request.priority == CM_BACKGROUND;
    }
    return background + 1 < engine->runner->slots;
}

static cm_job *take(cm_engine *engine, bool (*wanted)(const cm_engine *, const cm_job *)) {
    pthread_mutex_lock(&engine->mutex);
    cm_job *job = take_if(engine, wanted);
    pthread_mutex_unlock(&engine->mutex);
    return job;
}

/* Ends jobs that were cancelled, skipped or overtaken by shutdown. */
static void reap(cm_engine *engine) {
    for (cm_job *job; (job = take(engine, is_over)) != NULL;) {
        cm_err err = {0};
        cm_rc rc = job->skip ? CM_OK : cm_job_check(engine, job, &err);
        cm_job_finish(engine, job, rc == CM_OK ? CM_FINISH_LENGTH : CM_FINISH_ERROR, rc, &err);
    }
    for (uint32_t i = 0; engine->runner != NULL && i < engine->runner->slots; i++) {
        cm_job *job = engine->slots[i].job;
        cm_err err = {0};
        cm_rc rc = job != NULL ? cm_job_check(engine, job, &err) : CM_OK;
        if (rc != CM_OK) {
            cm_job_finish(engine, job, CM_FINISH_ERROR, rc, &err);
        }
    }
}

static void begin(cm_engine *engine, cm_job *job) {
    cm_err err = {0};
    cm_rc rc = cm_slot_assign(engine, job, &err);
    if (rc != CM_OK) {
        cm_job_finish(engine, job, CM_FINISH_ERROR, rc, &err);
        return;
    }
    pthread_mutex_lock(&engine->mutex);
    engine->running_count++;
    pthread_mutex_unlock(&engine->mutex);
    job->begun_ns = cm_clock_ns();
    job->phase = CM_JOB_READING;
}

static void admit(cm_engine *engine) {
    while (cm_slot_free_exists(engine)) {
        cm_job *job = take(engine, may_run);
        if (job == NULL) {
            return;
        }
        begin(engine, job);
    }
}

/* loading */

/* Polled inside a decode. Aborting costs the others of the batch a repetition, so it must save more:
 * cancelled requests hold more than half of the batch's tokens. */
static bool should_abort(void *argument) {
    cm_engine *engine = argument;
    if (atomic_load_explicit(&engine->stop, memory_order_relaxed)) {
        return true;
    }
    size_t cancelled = 0;
    for (uint32_t i = 0; i < engine->options.slots; i++) {
        const cm_job *job = engine->slots[i].job;
        if (job != NULL && job->batch_count > 0 &&
            cm_cancel_hit(job->request.cancel) != CM_CANCEL_NONE) {
            cancelled += job->batch_count;
        }
    }
    return cancelled * 2 > engine->item_count;
}

static bool on_loading(void *argument, const char *stage, double done) {
    cm_engine *engine = argument;
    const cm_model_options *model = &engine->options.model;
    bool go_on = model->progress == NULL || model->progress(model->progress_argument, stage, done);
    return go_on && !atomic_load_explicit(&engine->stop, memory_order_relaxed);
}

static cm_rc make_slots(cm_engine *engine, const cm_model *model, cm_err *err) {
    cm_runner_options options = {
        .context = engine->options.context,
        .slots = engine->options.slots,
        .batch = CM_COUNT(engine->items),
        .outputs = CM_ENGINE_SLOTS_MAX + CM_DRAFT_MAX,
        .threads = engine->options.threads,
        .abort = should_abort,
        .abort_argument = engine,
    };
    if (model->info.trained_context >= CONTEXT_MIN) {
        options.context = CM_MIN(options.context, model->info.trained_context);
    }
    cm_rc rc = cm_runner_new(model, &options, &engine->runner, err);
    for (uint32_t i = 0; rc == CM_OK && i < engine->runner->slots; i++) {
        engine->slots[i].tokens = cm_try_calloc(engine->runner->context, sizeof(cm_token));
        if (engine->slots[i].tokens == NULL) {
            rc = cm_fail(err, CM_NOMEM, "no memory for slots");
        }
    }
    engine->candidates = cm_try_calloc(model->info.vocab_count, sizeof(cm_candidate));
    if (rc == CM_OK && engine->candidates == NULL) {
        rc = cm_fail(err, CM_NOMEM, "no memory for the sampler");
    }
    return rc;
}

/* Reads some tokens twice: the first time brings weights into memory, the second is the measurement. */
static void warm_up(cm_engine *engine) {
    cm_batch_item items[WARM_TOKENS];
    for (uint32_t i = 0; i < WARM_TOKENS; i++) {
        items[i] = (cm_batch_item){.token = (cm_token)(i + 1), .position = i};
    }
    for (int round = 0; round < 2; round++) {
        uint64_t start = cm_clock_ns();
        if (engine->runner->ops->decode(engine->runner, items, WARM_TOKENS, NULL) == CM_OK &&
            round == 1) {
            cm_pace_read(&engine->pace, WARM_TOKENS, (double)(cm_clock_ns() - start) / 1e6);
        }
        (void)engine->runner->ops->truncate(engine->runner, 0, 0);
    }
}

/* A first start fetches the model while the server answers already: it is taken up when it appears. */
static void await_file(cm_engine *engine) {
    const char *path = engine->options.model.path;
    while (path != NULL && access(path, R_OK) != 0 && !atomic_load(&engine->stop)) {
        uint64_t until = cm_clock_ns() + FILE_POLL_NS;
        struct timespec at = {.tv_sec = (time_t)(until / 1000000000),
                              .tv_nsec = (long)(until % 1000000000)};
        pthread_mutex_lock(&engine->mutex);
        pthread_cond_timedwait(&engine->loaded, &engine->mutex, &at);
        pthread_mutex_unlock(&engine->mutex);
    }
}

static void tell_size(cm_engine *engine, const cm_model *model) {
    pthread_mutex_lock(&engine->mutex);
    engine->stats.slots = engine->runner->slots;
    engine->stats.context = engine->runner->context;
    engine->stats.weight_bytes = model->info.size;
    engine->stats.cache_bytes = engine->runner->cache_bytes;
    pthread_mutex_unlock(&engine->mutex);
}

static cm_rc load(cm_engine *engine, cm_err *err) {
    if (engine->options.await_file) {
        await_file(engine);
    }
    cm_model_options options = engine->options.model;
    options.progress = on_loading;
    options.progress_argument = engine;
    cm_model *model = NULL;
    cm_rc rc = cm_model_open(&options, &model, err);
    if (rc == CM_OK && (model->info.kinds & CM_MODEL_COMPLETES) == 0) {
        rc = cm_fail(err, CM_NOT_SUPPORTED,
                     "model '%s' does not write text from left to right: name one that does",
                     model->info.name);
    }
    if (rc == CM_OK) {
        rc = make_slots(engine, model, err);
    }
    if (rc != CM_OK) {
        cm_model_unref(model);
        return rc;
    }
    atomic_store(&engine->context, engine->runner->context);
    tell_size(engine, model);
    atomic_store(&engine->model, model);
    if (options.path != NULL) { /* the fake has nothing to warm */
        warm_up(engine);
    }
    return CM_OK;
}

static void set_state(cm_engine *engine, enum cm_engine_state state, const cm_err *err) {
    pthread_mutex_lock(&engine->mutex);
    engine->state = state;
    if (engine->pace.read_ms > 0) {
        engine->stats.prompt_tokens_per_second = 1000 / engine->pace.read_ms;
    }
    engine->failure = *err;
    pthread_cond_broadcast(&engine->loaded);
    pthread_mutex_unlock(&engine->mutex);
}

/* the thread */

static void announce(cm_engine *engine, bool computing) {
    if (computing != engine->computing) {
        if (computing) {
            cm_compute_foreground_begin(engine->options.compute);
        } else {
            cm_compute_foreground_end(engine->options.compute);
        }
        engine->computing = computing;
    }
}

/* False when the engine is to stop. */
static bool wait_for_work(cm_engine *engine) {
    announce(engine, false);
    pthread_mutex_lock(&engine->mutex);
    while (!engine->stopping && engine->waiting == NULL) {
        pthread_cond_wait(&engine->work, &engine->mutex);
    }
    bool go_on = !engine->stopping;
    pthread_mutex_unlock(&engine->mutex);
    return go_on;
}

static void serve(cm_engine *engine) {
    while (!atomic_load_explicit(&engine->stop, memory_order_relaxed)) {
        reap(engine);
        admit(engine);
        announce(engine, true);
        if (!cm_engine_step(engine) && !wait_for_work(engine)) {
            break;
        }
    }
    announce(engine, false);
}

static void *run(void *argument) {
    cm_engine *engine = argument;
    cm_err err = {0};
    uint64_t start = cm_clock_ms();
    cm_rc rc = load(engine, &err);
    set_state(engine, rc == CM_OK ? CM_ENGINE_READY : CM_ENGINE_FAILED, &err);
    if (rc == CM_OK) {
        cm_log(CM_LOG_INFO, "model is ready", CM_F("model", engine->options.model.name),
               CM_F("kind", atomic_load(&engine->model)->info.description),
               CM_I("ms", cm_clock_ms() - start));
        serve(engine);
        reap(engine); /* all get CM_DRAINING */
    } else {
        cm_log_err(CM_LOG_ERROR, "model cannot be loaded", &err);
    }
    return NULL;
}

/* the door */

static const char *copy_text(cm_arena *arena, const char *text) {
    return text != NULL ? cm_arena_c(arena, cm_str_from(text)) : NULL;
}

static void set_options(cm_engine *engine, const cm_engine_options *options) {
    cm_engine_options *own = &engine->options;
    *own = *options;
    own->model.name = cm_arena_c(engine->strings, cm_model_name(&options->model));
    own->model.path = copy_text(engine->strings, options->model.path);
    own->model.cache_dir = copy_text(engine->strings, options->model.cache_dir);
    own->model.fake.answer = copy_text(engine->strings, options->model.fake.answer);
    own->model.fake.failure = copy_text(engine->strings, options->model.fake.failure);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = cores > 0 ? (uint32_t)CM_MIN(cores, THREADS_MAX) : 1;
    own->threads = own->threads > 0 ? own->threads : threads;
    own->model.threads = own->model.threads > 0 ? own->model.threads : own->threads;
    own->context = own->context > 0 ? own->context : CONTEXT_DEFAULT;
    own->slots = own->slots > 0 ? own->slots : CM_MAX(CM_MIN(threads, SLOTS_DEFAULT), 2);
    own->queue = own->queue > 0 ? own->queue : QUEUE_DEFAULT;
}

static cm_rc check_options(const cm_engine_options *options, cm_err *err) {
    if (options->context != 0 &&
        (options->context < CONTEXT_MIN || options->context > CONTEXT_MAX)) {
        return cm_fail(err, CM_INVALID, "context of %u tokens is not within %d..%d",
                       options->context, CONTEXT_MIN, CONTEXT_MAX);
    }
    if (options->slots > CM_ENGINE_SLOTS_MAX) {
        return cm_fail(err, CM_INVALID, "%u slots are more than %d", options->slots,
                       CM_ENGINE_SLOTS_MAX);
    }
    return CM_OK;
}

static void engine_destroy(cm_engine *engine) {
    for (uint32_t i = 0; i < CM_ENGINE_SLOTS_MAX; i++) {
        cm_free(engine->slots[i].tokens);
    }
    if (engine->runner != NULL) {
        engine->runner->ops->free(engine->runner);
    }
    cm_heal_done(&engine->heal);
    cm_free(engine->candidates);
    cm_model_unref(atomic_load(&engine->model));
    pthread_cond_destroy(&engine->work);
    pthread_cond_destroy(&engine->loaded);
    pthread_mutex_destroy(&engine->mutex);
    cm_arena_free(engine->strings);
    cm_free(engine);
}

cm_rc cm_engine_start(const cm_engine_options *options, cm_engine **ret_engine, cm_err *err) {
    cm_rc rc = check_options(options, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_engine *engine = CM_NEW(cm_engine);
    engine->strings = cm_arena_new(0);
    set_options(engine, options);
    pthread_mutex_init(&engine->mutex, NULL);
    pthread_cond_init(&engine->work, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->loaded, &monotonic);
    pthread_condattr_destroy(&monotonic);
    cm_pace_init(&engine->pace, engine->options.threads);
    atomic_store(&engine->context, engine->options.context);
    int failed = pthread_create(&engine->thread, NULL, run, engine);
    if (failed != 0) {
        engine_destroy(engine);
        return cm_fail_errno(err, failed, "cannot start the inference thread");
    }
    *ret_engine = engine;
    return CM_OK;
}

void cm_engine_free(cm_engine *engine) {
    if (engine == NULL) {
        return;
    }
    pthread_mutex_lock(&engine->mutex);
    engine->stopping = true;
    atomic_store(&engine->stop, true);
    pthread_cond_broadcast(&engine->work);
    pthread_mutex_unlock(&engine->mutex);
    pthread_join(engine->thread, NULL);
    cm_assert(engine->waiting == NULL);
    engine_destroy(engine);
}

/* The mutex of an engine that is otherwise only read. */
static pthread_mutex_t *mutex_of(const cm_engine *engine) {
    return &((cm_engine *)(uintptr_t)engine)->mutex;
}

enum cm_engine_state cm_engine_state_get(const cm_engine *engine, cm_err *err) {
    pthread_mutex_lock(mutex_of(engine));
    enum cm_engine_state state = engine->state;
    if (state == CM_ENGINE_FAILED && err != NULL) {
        *err = engine->failure;
    }
    pthread_mutex_unlock(mutex_of(engine));
    return state;
}

/* A cancellation has no condition variable to signal, so the wait looks up now and then. */
static void wait_slice(cm_engine *engine) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&engine->loaded, &engine->mutex, &until);
}

cm_rc cm_engine_wait(cm_engine *engine, const cm_cancel *cancel, cm_err *err) {
    cm_rc rc = CM_OK;
    pthread_mutex_lock(&engine->mutex);
    while (rc == CM_OK && engine->state == CM_ENGINE_LOADING) {
        wait_slice(engine);
        rc = cm_cancel_check(cancel, err);
    }
    if (rc == CM_OK && engine->state == CM_ENGINE_FAILED) {
        rc = engine->failure.rc;
        if (err != NULL) {
            *err = engine->failure;
        }
    }
    pthread_mutex_unlock(&engine->mutex);
    return rc;
}

cm_model *cm_engine_model(const cm_engine *engine) {
    return cm_engine_state_get(engine, NULL) == CM_ENGINE_READY ? atomic_load(&engine->model)
                                                                : NULL;
}

/* The measured pace moves with every prompt; a budget that moved along would cut each prompt elsewhere and
 * void the cache. Eight steps an octave are near enough. */
static uint32_t coarse(double tokens) {
    uint32_t value = tokens < (double)CONTEXT_MAX ? (uint32_t)tokens : CONTEXT_MAX;
    uint32_t step = 1;
    while (value / step >= 16) {
        step *= 2;
    }
    return value / step * step;
}

uint32_t cm_engine_budget(const cm_engine *engine, uint32_t ms, uint32_t reserve) {
    uint32_t context = atomic_load(&engine->context);
    uint32_t window = context - CM_MIN(CM_MAX(reserve, 1), context / 4);
    if (ms == 0) {
        return window;
    }
    pthread_mutex_lock(mutex_of(engine));
    cm_pace pace = {0};
    if (engine->stats.prompt_tokens_per_second > 0) {
        pace.read_ms = 1000 / engine->stats.prompt_tokens_per_second;
    }
    pthread_mutex_unlock(mutex_of(engine));
    uint32_t tokens = coarse(cm_pace_readable(&pace, ms));
    return CM_MIN(CM_MAX(tokens, CM_BATCH_MIXED), window);
}

void cm_engine_stats_get(const cm_engine *engine, cm_engine_stats *ret_stats) {
    pthread_mutex_lock(mutex_of(engine));
    *ret_stats = engine->stats;
    ret_stats->waiting = engine->waiting_count;
    ret_stats->running = engine->running_count;
    pthread_mutex_unlock(mutex_of(engine));
}
