/* jobs.h - durable work: what the table `jobs` holds is run, once, by one of any number of servers.
 *
 * A job belongs to whoever holds its lease. The holder lengthens it while it works; when the holder dies
 * the lease lapses and the job goes back to the queue. So a handler may run again after it was half done, and
 * must come to the same end. Errors are tried again after 5 s, 10 s, 20 s ... at most an hour, until
 * max_attempts; CM_INVALID fails at once. A smaller priority goes first.
 *
 * Recurring work is rows of job_schedules (cron.h). Taking a schedule's moment and adding its job is one
 * transaction, and the job's dedupe key is the schedule's name: several servers make one job of it, and
 * a run that is still at work when the next is due takes the place of both. What was missed while no server ran is made
 * up for once.
 *
 * One timer thread sleeps until the next due moment, at most a minute (another process may have added
 * work), and is woken by cm_jobs_wake. Handlers run on `workers` threads of their own: however long one
 * takes, requests keep theirs.
 *
 * Thread: any. Handlers run on the runner's threads. */
#ifndef CM_STORE_JOBS_JOBS_H
#define CM_STORE_JOBS_JOBS_H

#include "base/buf.h"
#include "rt/metrics.h"
#include "store/store.h"

#include "store/q/jobs.h"

typedef struct cm_jobs cm_jobs;

typedef struct cm_job {
    const cm_row_jobs *row;
    cm_db db;       /* the system; db.cancel fires when the server stops, the lease is lost or an
                     * administrator cancels: return CM_CANCELLED then */
    void *argument; /* of cm_jobs_options */
    cm_buf *result; /* JSON for jobs.result; left empty = {} */
} cm_job;

typedef cm_rc cm_job_run_fn(const cm_job *job, cm_err *err);

typedef struct cm_job_type {
    const char *name; /* also a label of the metrics */
    cm_job_run_fn *run;
    const char *cron; /* default of the schedule with this name, or NULL: only when asked for */
    const char *what; /* for people */
} cm_job_type;

#define CM_JOB_WORKERS_MAX 16

typedef struct cm_jobs_options {
    cm_store *store;
    const cm_job_type *types;
    size_t type_count;
    void *argument;
    cm_metrics *metrics; /* may be NULL */
    unsigned workers;    /* jobs at the same time; 0 = 2, at most CM_JOB_WORKERS_MAX */
} cm_jobs_options;

/* Adds the schedules that are missing, then begins. */
cm_rc cm_jobs_start(const cm_jobs_options *options, cm_jobs **ret_jobs, cm_err *err) cm_must_check;
/* Cancels what runs, waits for it and gives it back to the queue. NULL is allowed. */
void cm_jobs_stop(cm_jobs *jobs);
/* Something may be due: after enqueueing, after changing a schedule. NULL is allowed. */
void cm_jobs_wake(cm_jobs *jobs);

typedef struct cm_job_new {
    cm_str type;
    cm_str payload;    /* JSON; empty = {} */
    cm_str dedupe_key; /* empty = none */
} cm_job_new;

/* Adds a job; when one waits or runs under the same key, `*ret_id` is that one's. Within a transaction of
 * the caller, or alone. Call cm_jobs_wake afterwards. */
cm_rc cm_job_add(const cm_db *db, const cm_job_new *job, cm_uuid *ret_id,
                 cm_err *err) cm_must_check;
/* Runs one job now, in this process; `*ret_row` is what became of it and lives in `arena`.
 * CM_CONFLICT when another process runs it, or it is not due. */
cm_rc cm_job_run(const cm_jobs_options *options, cm_uuid id, cm_arena *arena, cm_row_jobs *ret_row,
                 cm_err *err) cm_must_check;

#endif
