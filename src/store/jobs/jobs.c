/* jobs.c - see jobs.h.
 *
 * The timer thread does all that is about time: it lengthens leases, takes back lapsed ones, turns schedules into
 * jobs, claims what is due for workers that are free, and asks the database when to look again. A worker owns the
 * slot of its number: IDLE -> (timer claims) READY -> (worker) RUNNING -> IDLE.
 *
 * Of a slot, the timer writes everything while it is IDLE and the worker reads everything while it is not; `state`,
 * `lease_ms` and `cancel` are under the lock. */
#include "store/jobs/jobs.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/jobs/cron.h"

#include "store/q/job_schedules.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define LEASE_MS     60000
#define BEAT_MS      20000 /* a lease is lengthened when this much of it is gone */
#define SLEEP_MS_MAX 60000
#define SLEEP_MS_MIN 50 /* what is due may be locked by another server at this moment */
#define BACKOFF_MS   5000
#define BACKOFF_MAX  3600000
#define TROUBLE_MS   5000 /* between attempts to reach the database */
#define RESULT_MAX   CM_KIB(256)

enum slot_state { IDLE, READY, RUNNING };

typedef struct slot {
    cm_jobs *owner;
    pthread_t thread;
    enum slot_state state;
    cm_arena *arena; /* of the row */
    cm_row_jobs row;
    cm_cancel *cancel;
    int64_t lease_ms; /* when it lapses */
} slot;

struct cm_jobs {
    cm_jobs_options options;
    cm_db db;
    char name[96]; /* who holds our leases */
    cm_buf types;  /* their names as JSON */
    pthread_mutex_t lock;
    pthread_cond_t timer_wakes;  /* something may be due */
    pthread_cond_t worker_wakes; /* a slot became READY, or the end */
    bool woken;
    bool stopping; /* the timer ends; what runs is cancelled */
    bool finished; /* nothing will be claimed any more: idle workers end */
    bool timer_runs;
    pthread_t timer;
    slot slots[CM_JOB_WORKERS_MAX];
    unsigned workers;
    unsigned started; /* threads of slots */
};

/* --- Running one ------------------------------------------------------------------------------ */

static const cm_job_type *type_of(const cm_jobs *jobs, cm_str name) {
    for (size_t i = 0; i < jobs->options.type_count; i++) {
        if (cm_str_eq_c(name, jobs->options.types[i].name)) {
            return &jobs->options.types[i];
        }
    }
    return NULL;
}

/* 5 s, 10 s, 20 s ... */
static int64_t backoff_ms(int64_t attempts) {
    int64_t shift = CM_MIN(CM_MAX(attempts - 1, 0), 20);
    return CM_MIN(BACKOFF_MS * (INT64_C(1) << shift), BACKOFF_MAX);
}

static cm_rc put_back(const cm_jobs *jobs, const cm_row_jobs *row, cm_rc why, const char *text,
                      uint64_t *held, cm_err *err) {
    cm_q_jobs_fail_in in = {.id = row->id,
                            .locked_by = cm_str_from(jobs->name),
                            .last_error = cm_str_from(text),
                            .run_at = cm_clock_wall_ms() + backoff_ms(row->attempts),
                            .for_good = why == CM_INVALID};
    return cm_q_jobs_fail(&jobs->db, &in, held, err);
}

/* Writes down how it ended; a label for the metrics. The row may be somebody else's by now. */
static const char *settle(const cm_jobs *jobs, const slot *s, cm_rc rc, const cm_err *why,
                          cm_str result) {
    const cm_row_jobs *row = &s->row;
    cm_str name = cm_str_from(jobs->name);
    uint64_t held = 0;
    cm_err err = {0};
    cm_rc written;
    const char *label;
    if (rc == CM_OK) {
        label = "succeeded";
        cm_q_jobs_succeed_in in = {row->id, name, result.len != 0 ? result : CM_STR("{}")};
        written = cm_q_jobs_succeed(&jobs->db, &in, &held, &err);
    } else if (rc == CM_CANCELLED && cm_cancel_hit(s->cancel) == CM_CANCEL_SHUTDOWN) {
        label = "released";
        written = cm_q_jobs_release(&jobs->db, &(cm_q_jobs_release_in){row->id, name}, &held, &err);
    } else {
        label = rc == CM_INVALID || row->attempts >= row->max_attempts ? "failed" : "retried";
        written = put_back(jobs, row, rc, why->text, &held, &err);
    }
    if (written != CM_OK) {
        cm_log_err(CM_LOG_ERROR, "cannot record the end of a job", &err);
    }
    label = written == CM_OK && held != 0 ? label : "lost";
    cm_log(rc == CM_OK ? CM_LOG_DEBUG : CM_LOG_WARN, "job", CM_S("type", row->job_type),
           CM_F("result", label), CM_I("attempt", row->attempts),
           CM_F("error", rc == CM_OK ? "" : why->text));
    return label;
}

static void run_slot(cm_jobs *jobs, slot *s) {
    const cm_job_type *type = type_of(jobs, s->row.job_type);
    cm_metrics *metrics = jobs->options.metrics;
    cm_series *running = cm_metrics_series(metrics, CM_METRIC_JOBS_RUNNING, NULL);
    cm_cleanup(cm_buf_done) cm_buf result;
    cm_buf_init(&result, RESULT_MAX);
    cm_job job = {
        .row = &s->row, .db = jobs->db, .argument = jobs->options.argument, .result = &result};
    job.db.cancel = s->cancel;
    cm_err err = {0};
    uint64_t start_ns = cm_clock_ns();
    cm_assert(type != NULL); /* only types of ours are claimed */
    cm_series_add(running, 1);
    cm_rc rc = type->run(&job, &err);
    rc = rc == CM_OK ? cm_buf_check(&result, &err) : rc;
    const char *label = settle(jobs, s, rc, &err, cm_buf_str(&result));
    cm_series_add(running, -1);
    cm_series_observe(cm_metrics_series(metrics, CM_METRIC_JOB_SECONDS, type->name, NULL),
                      (double)(cm_clock_ns() - start_ns) / 1e9);
    cm_series_add(cm_metrics_series(metrics, CM_METRIC_JOBS_TOTAL, type->name, label, NULL), 1);
}

static void *work(void *argument) {
    slot *s = argument;
    cm_jobs *jobs = s->owner;
    pthread_mutex_lock(&jobs->lock);
    for (;;) {
        while (s->state != READY && !jobs->finished) {
            pthread_cond_wait(&jobs->worker_wakes, &jobs->lock);
        }
        if (s->state != READY) {
            break;
        }
        s->state = RUNNING;
        pthread_mutex_unlock(&jobs->lock);
        run_slot(jobs, s);
        pthread_mutex_lock(&jobs->lock);
        s->state = IDLE;
        cm_cancel_unref(s->cancel);
        s->cancel = NULL;
        jobs->woken = true; /* somebody is free */
        pthread_cond_broadcast(&jobs->timer_wakes);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* --- Leases ----------------------------------------------------------------------------------- */

/* A copy of what the beat needs: the worker may finish meanwhile, and then the beat changes nothing. */
static bool needs_beat(cm_jobs *jobs, slot *s, int64_t now, cm_q_jobs_beat_in *ret_in,
                       cm_cancel **ret_cancel) {
    pthread_mutex_lock(&jobs->lock);
    bool needs = s->state != IDLE && s->lease_ms - now <= LEASE_MS - BEAT_MS;
    if (needs) {
        *ret_in = (cm_q_jobs_beat_in){s->row.id, cm_str_from(jobs->name), now + LEASE_MS};
        *ret_cancel = cm_cancel_ref(s->cancel);
    }
    pthread_mutex_unlock(&jobs->lock);
    return needs;
}

static cm_rc beat(cm_jobs *jobs, cm_err *err) {
    int64_t now = cm_clock_wall_ms();
    for (unsigned i = 0; i < jobs->workers; i++) {
        slot *s = &jobs->slots[i];
        cm_q_jobs_beat_in in;
        cm_cleanup(cm_cancel_unrefp) cm_cancel *cancel = NULL;
        uint64_t held = 0;
        if (!needs_beat(jobs, s, now, &in, &cancel)) {
            continue;
        }
        cm_rc rc = cm_q_jobs_beat(&jobs->db, &in, &held, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (held == 0) { /* cancelled by an administrator, or lapsed and taken by another */
            cm_cancel_fire(cancel, CM_CANCEL_USER);
        }
        pthread_mutex_lock(&jobs->lock);
        if (s->cancel == cancel) {
            s->lease_ms = in.locked_until;
        }
        pthread_mutex_unlock(&jobs->lock);
    }
    return CM_OK;
}

/* --- Schedules -------------------------------------------------------------------------------- */

typedef struct tick {
    const cm_row_job_schedules *row;
    int64_t next_ms;
    bool good; /* its expression can be read */
} tick;

static cm_rc take_tick(const cm_db *db, void *argument, cm_err *err) {
    const tick *t = argument;
    uint64_t taken = 0;
    cm_q_job_schedules_take_in take = {t->row->name, t->row->next_run_at, t->next_ms};
    cm_rc rc = cm_q_job_schedules_take(db, &take, &taken, err);
    if (rc != CM_OK || taken == 0 || !t->good) {
        return rc;
    }
    cm_q_jobs_enqueue_in in = {.id = cm_uuid_v7(),
                               .job_type = t->row->job_type,
                               .payload = t->row->payload,
                               .dedupe_key = t->row->name};
    return cm_q_jobs_enqueue(db, &in, NULL, err); /* a run still at work swallows this moment */
}

static cm_rc run_schedules(cm_jobs *jobs, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const cm_row_job_schedules *rows;
    size_t count = 0;
    cm_rc rc = cm_q_job_schedules_due(&jobs->db, &(cm_q_job_schedules_due_in){.limit = 100}, arena,
                                      &rows, &count, err);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        cm_cron cron;
        cm_err bad = {0};
        int64_t now = cm_clock_wall_ms();
        tick t = {.row = &rows[i], .good = cm_cron_parse(rows[i].cron, &cron, &bad) == CM_OK};
        t.next_ms = t.good ? cm_cron_next(&cron, now) : now + BACKOFF_MAX;
        if (!t.good) {
            cm_log_err(CM_LOG_WARN, "a schedule cannot be read", &bad);
        }
        rc = cm_db_write(&jobs->db, CM_FULL, take_tick, &t, err);
    }
    return rc;
}

static cm_rc seed_schedules(const cm_jobs *jobs, cm_err *err) {
    for (size_t i = 0; i < jobs->options.type_count; i++) {
        const cm_job_type *type = &jobs->options.types[i];
        cm_cron cron;
        if (type->cron == NULL) {
            continue;
        }
        cm_rc rc = cm_cron_parse(cm_str_from(type->cron), &cron, err);
        if (rc == CM_OK) {
            cm_q_job_schedules_seed_in in = {.name = cm_str_from(type->name),
                                             .cron = cm_str_from(type->cron),
                                             .job_type = cm_str_from(type->name),
                                             .next_run_at =
                                                 cm_cron_next(&cron, cm_clock_wall_ms())};
            rc = cm_q_job_schedules_seed(&jobs->db, &in, NULL, err);
        }
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}

/* --- Claiming --------------------------------------------------------------------------------- */

static slot *idle_slot(cm_jobs *jobs) {
    slot *found = NULL;
    pthread_mutex_lock(&jobs->lock);
    for (unsigned i = 0; i < jobs->workers && found == NULL && !jobs->stopping; i++) {
        found = jobs->slots[i].state == IDLE ? &jobs->slots[i] : NULL;
    }
    pthread_mutex_unlock(&jobs->lock);
    return found;
}

/* CM_NOT_FOUND when nothing is due. */
static cm_rc claim(cm_jobs *jobs, slot *s, cm_uuid id, cm_err *err) {
    cm_arena_clear(s->arena);
    cm_q_jobs_claim_in in = {.job_types = cm_buf_str(&jobs->types),
                             .id = id,
                             .locked_by = cm_str_from(jobs->name),
                             .locked_until = cm_clock_wall_ms() + LEASE_MS};
    cm_rc rc = cm_q_jobs_claim(&jobs->db, &in, s->arena, &s->row, err);
    if (rc != CM_OK) {
        return rc;
    }
    pthread_mutex_lock(&jobs->lock);
    s->lease_ms = in.locked_until;
    s->cancel = cm_cancel_new(0);
    s->state = READY;
    if (jobs->stopping) {
        cm_cancel_fire(s->cancel, CM_CANCEL_SHUTDOWN);
    }
    pthread_cond_broadcast(&jobs->worker_wakes);
    pthread_mutex_unlock(&jobs->lock);
    return CM_OK;
}

static cm_rc claim_due(cm_jobs *jobs, cm_err *err) {
    slot *s;
    cm_rc rc = CM_OK;
    while (rc == CM_OK && (s = idle_slot(jobs)) != NULL) {
        rc = claim(jobs, s, (cm_uuid){{0}}, err);
    }
    return rc == CM_NOT_FOUND ? CM_OK : rc;
}

/* --- The timer -------------------------------------------------------------------------------- */

static cm_rc next_due(cm_jobs *jobs, int64_t *ret_ms, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_jobs_next_due_in in = {.job_types = cm_buf_str(&jobs->types),
                                .free = idle_slot(jobs) != NULL};
    cm_q_jobs_next_due_row row = {0};
    cm_rc rc = cm_q_jobs_next_due(&jobs->db, &in, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    int64_t due = row.due != 0 ? row.due : INT64_MAX;
    pthread_mutex_lock(&jobs->lock);
    for (unsigned i = 0; i < jobs->workers; i++) {
        if (jobs->slots[i].state != IDLE) {
            due = CM_MIN(due, jobs->slots[i].lease_ms - LEASE_MS + BEAT_MS);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    *ret_ms = due;
    return CM_OK;
}

static cm_rc turn(cm_jobs *jobs, int64_t *ret_due_ms, cm_err *err) {
    cm_rc rc = beat(
        jobs, err); /* before reclaiming: our own leases may have lapsed in a sleeping laptop */
    rc = rc == CM_OK ? cm_q_jobs_reclaim(&jobs->db, NULL, err) : rc;
    rc = rc == CM_OK ? run_schedules(jobs, err) : rc;
    rc = rc == CM_OK ? claim_due(jobs, err) : rc;
    return rc == CM_OK ? next_due(jobs, ret_due_ms, err) : rc;
}

/* Under the lock. */
static void sleep_until(cm_jobs *jobs, int64_t due_ms) {
    int64_t ms = CM_MIN(CM_MAX(due_ms - cm_clock_wall_ms(), SLEEP_MS_MIN), SLEEP_MS_MAX);
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (!jobs->woken && !jobs->stopping &&
           pthread_cond_timedwait(&jobs->timer_wakes, &jobs->lock, &end) == 0) {
    }
    jobs->woken = false;
}

static void *keep_time(void *argument) {
    cm_jobs *jobs = argument;
    bool trouble = false;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        int64_t due_ms = 0;
        cm_err err = {0};
        pthread_mutex_unlock(&jobs->lock);
        cm_rc rc = turn(jobs, &due_ms, &err);
        if (rc != CM_OK) {
            if (!trouble) { /* once, not every five seconds */
                cm_log_err(CM_LOG_ERROR, "the job queue cannot be read; trying again", &err);
            }
            due_ms = cm_clock_wall_ms() + TROUBLE_MS;
        }
        trouble = rc != CM_OK;
        pthread_mutex_lock(&jobs->lock);
        sleep_until(jobs, due_ms);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

void cm_jobs_wake(cm_jobs *jobs) {
    if (jobs != NULL) {
        pthread_mutex_lock(&jobs->lock);
        jobs->woken = true;
        pthread_cond_broadcast(&jobs->timer_wakes);
        pthread_mutex_unlock(&jobs->lock);
    }
}

/* --- Beginning and end ------------------------------------------------------------------------ */

static cm_jobs *make(const cm_jobs_options *options, unsigned workers) {
    cm_jobs *jobs = CM_NEW(cm_jobs);
    jobs->options = *options;
    jobs->db = cm_store_system(options->store);
    jobs->workers = CM_MIN(workers, (unsigned)CM_JOB_WORKERS_MAX);
    char host[40] = "?";
    char id[CM_UUID_TEXT];
    cm_uuid unique = cm_uuid_v7();
    cm_uuid_format(&unique, id);
    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    snprintf(jobs->name, sizeof jobs->name, "%s:%d:%s", host, (int)getpid(), id + 24);
    cm_buf_init(&jobs->types, CM_KIB(16));
    cm_json_writer w;
    cm_json_writer_init(&w, &jobs->types);
    cm_json_array(&w);
    for (size_t i = 0; i < options->type_count; i++) {
        cm_json_c(&w, options->types[i].name);
    }
    cm_json_array_end(&w);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->timer_wakes, &monotonic);
    pthread_cond_init(&jobs->worker_wakes, NULL);
    pthread_condattr_destroy(&monotonic);
    for (unsigned i = 0; i < jobs->workers; i++) {
        jobs->slots[i].owner = jobs;
        jobs->slots[i].arena = cm_arena_new(0);
    }
    return jobs;
}

static cm_rc start_workers(cm_jobs *jobs, cm_err *err) {
    while (jobs->started < jobs->workers) {
        slot *s = &jobs->slots[jobs->started];
        int code = pthread_create(&s->thread, NULL, work, s);
        if (code != 0) {
            return cm_fail_errno(err, code, "cannot start a thread for jobs");
        }
        jobs->started++;
    }
    return CM_OK;
}

static cm_rc start_timer(cm_jobs *jobs, cm_err *err) {
    int code = pthread_create(&jobs->timer, NULL, keep_time, jobs);
    jobs->timer_runs = code == 0;
    return code == 0 ? CM_OK : cm_fail_errno(err, code, "cannot start the timer of jobs");
}

cm_rc cm_jobs_start(const cm_jobs_options *options, cm_jobs **ret_jobs, cm_err *err) {
    cm_jobs *jobs = make(options, options->workers != 0 ? options->workers : 2);
    cm_rc rc = seed_schedules(jobs, err);
    rc = rc == CM_OK ? start_workers(jobs, err) : rc;
    rc = rc == CM_OK ? start_timer(jobs, err) : rc;
    if (rc != CM_OK) {
        cm_jobs_stop(jobs);
        return rc;
    }
    *ret_jobs = jobs;
    return CM_OK;
}

void cm_jobs_stop(cm_jobs *jobs) {
    if (jobs == NULL) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (unsigned i = 0; i < jobs->workers; i++) {
        cm_cancel_fire(jobs->slots[i].cancel, CM_CANCEL_SHUTDOWN);
    }
    pthread_cond_broadcast(&jobs->timer_wakes);
    pthread_mutex_unlock(&jobs->lock);
    if (jobs->timer_runs) { /* first: what it is claiming needs a worker to give it back */
        pthread_join(jobs->timer, NULL);
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->finished = true;
    pthread_cond_broadcast(&jobs->worker_wakes);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->started; i++) {
        pthread_join(jobs->slots[i].thread, NULL);
    }
    for (unsigned i = 0; i < jobs->workers; i++) {
        cm_cancel_unref(jobs->slots[i].cancel);
        cm_arena_free(jobs->slots[i].arena);
    }
    pthread_cond_destroy(&jobs->timer_wakes);
    pthread_cond_destroy(&jobs->worker_wakes);
    pthread_mutex_destroy(&jobs->lock);
    cm_buf_done(&jobs->types);
    cm_free(jobs);
}

/* --- By hand ---------------------------------------------------------------------------------- */

cm_rc cm_job_add(const cm_db *db, const cm_job_new *job, cm_uuid *ret_id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_jobs_enqueue_in in = {.id = cm_uuid_v7(),
                               .job_type = job->type,
                               .payload = job->payload,
                               .dedupe_key = job->dedupe_key};
    uint64_t added = 0;
    cm_rc rc = cm_q_jobs_enqueue(db, &in, &added, err);
    if (rc != CM_OK || added != 0) {
        *ret_id = in.id;
        return rc;
    }
    cm_row_jobs row;
    rc = cm_q_jobs_active(db, &(cm_q_jobs_active_in){job->type, job->dedupe_key}, arena, &row, err);
    if (rc == CM_NOT_FOUND) {
        return cm_fail(err, CM_CONFLICT, "the same work has just ended; try again");
    }
    if (rc == CM_OK) {
        *ret_id = row.id;
    }
    return rc;
}

/* The timer's duty for one job: its lease. Returns when the worker is done. */
static void watch_over(cm_jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    while (jobs->slots[0].state != IDLE) {
        sleep_until(jobs, jobs->slots[0].lease_ms - LEASE_MS + BEAT_MS);
        pthread_mutex_unlock(&jobs->lock);
        cm_err err = {0};
        if (beat(jobs, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "cannot lengthen the lease of a job", &err);
        }
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
}

cm_rc cm_job_run(const cm_jobs_options *options, cm_uuid id, cm_arena *arena, cm_row_jobs *ret_row,
                 cm_err *err) {
    cm_jobs *jobs = make(options, 1);
    cm_rc rc = start_workers(jobs, err);
    rc = rc == CM_OK ? claim(jobs, &jobs->slots[0], id, err) : rc;
    if (rc == CM_OK) {
        watch_over(jobs);
        rc = cm_q_jobs_get(&jobs->db, &(cm_q_jobs_get_in){id}, arena, ret_row, err);
    } else if (rc == CM_NOT_FOUND) {
        rc = cm_fail(err, CM_CONFLICT,
                     "the job runs already, or waits for its time; see 'codementor jobs list'");
    }
    cm_jobs_stop(jobs);
    return rc;
}
