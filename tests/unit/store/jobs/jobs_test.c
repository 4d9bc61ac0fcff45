/* The runner of jobs on both engines: once, in order, again after failures, and never two holders. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/jobs/jobs.h"

#include "store/q/job_schedules.h"

#include <pthread.h>
#include <sched.h>

#define SECOND_NS UINT64_C(1000000000)

/* What the handlers of this test share with it. */
typedef struct stage {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int begun, ended, at_once, at_once_max;
    bool open;      /* handlers of type "gate" may go on */
    char order[64]; /* the letter of each payload */
} stage;

static stage *stage_new(void) {
    stage *s = CM_NEW(stage);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

static void stage_free(stage *s) {
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    cm_free(s);
}

static void begin(stage *s, const cm_job *job) {
    pthread_mutex_lock(&s->lock);
    s->at_once++;
    s->at_once_max = CM_MAX(s->at_once_max, s->at_once);
    if (s->begun < (int)sizeof s->order - 1 && job->row->payload.len > 4) {
        s->order[s->begun] = job->row->payload.ptr[2]; /* of ["x"] */
    }
    s->begun++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void end(stage *s) {
    pthread_mutex_lock(&s->lock);
    s->at_once--;
    s->ended++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void wait_begun(stage *s, int count) {
    pthread_mutex_lock(&s->lock);
    while (s->begun < count) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void wait_ended(stage *s, int count) {
    pthread_mutex_lock(&s->lock);
    while (s->ended < count) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void open_gate(stage *s) {
    pthread_mutex_lock(&s->lock);
    s->open = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static cm_rc run_good(const cm_job *job, cm_err *err) {
    (void)err;
    begin(job->argument, job);
    cm_buf_add_c(job->result, "{\"rows\":7}");
    end(job->argument);
    return CM_OK;
}

static cm_rc run_bad(const cm_job *job, cm_err *err) {
    begin(job->argument, job);
    end(job->argument);
    return cm_fail(err, CM_DATABASE_UNAVAILABLE, "out of luck");
}

static cm_rc run_hopeless(const cm_job *job, cm_err *err) {
    begin(job->argument, job);
    end(job->argument);
    return cm_fail(err, CM_INVALID, "no such thing");
}

static cm_rc run_gate(const cm_job *job, cm_err *err) {
    (void)err;
    stage *s = job->argument;
    begin(s, job);
    pthread_mutex_lock(&s->lock);
    while (!s->open) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    end(s);
    return CM_OK;
}

/* Works until it is told to stop; the flag is polled as long loops do. */
static cm_rc run_until_cancelled(const cm_job *job, cm_err *err) {
    begin(job->argument, job);
    while (cm_cancel_hit(job->db.cancel) == CM_CANCEL_NONE) {
        sched_yield();
    }
    end(job->argument);
    return cm_cancel_check(job->db.cancel, err);
}

static const cm_job_type types[] = {
    {"good", run_good, NULL, ""},
    {"bad", run_bad, NULL, ""},
    {"gate", run_gate, NULL, ""},
    {"hopeless", run_hopeless, NULL, ""},
    {"endless", run_until_cancelled, NULL, ""},
};

static cm_jobs *start(cm_store *store, stage *s, unsigned workers) {
    cm_jobs_options options = {.store = store,
                               .types = types,
                               .type_count = CM_COUNT(types),
                               .argument = s,
                               .workers = workers};
    cm_jobs *jobs = NULL;
    assert_ok(cm_jobs_start(&options, &jobs, err));
    return jobs;
}

static cm_uuid add(fixture *f, const char *type, const char *payload, const char *key) {
    cm_uuid id;
    cm_job_new job = {cm_str_from(type), cm_str_from(payload), cm_str_from(key)};
    assert_ok(cm_job_add(&f->system, &job, &id, err));
    return id;
}

static cm_row_jobs row_of(fixture *f, cm_uuid id) {
    cm_row_jobs row;
    assert_ok(cm_q_jobs_get(&f->system, &(cm_q_jobs_get_in){id}, f->arena, &row, err));
    return row;
}

static void test_store_jobs__a_job_runs_once_and_its_result_stays(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_jobs *jobs = start(f->store, s, 0);
    cm_uuid id = add(f, "good", "{\"a\":1}", NULL);
    cm_jobs_wake(jobs);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    cm_row_jobs row = row_of(f, id);
    assert_true(cm_str_eq_c(row.status, "succeeded"));
    assert_true(cm_str_find(row.result, CM_STR("7")) != SIZE_MAX);
    assert_int_equal(row.attempts, 1);
    assert_true(row.finished_at != 0 && row.locked_by.len == 0);
    assert_int_equal(s->begun, 1);
    stage_free(s);
}

static void test_store_jobs__a_failure_is_tried_again_later_and_later(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    int64_t now = cm_clock_wall_ms();
    cm_clock_fake(SECOND_NS, now);
    cm_uuid id = add(f, "bad", "{}", NULL);
    static const int64_t waits[] = {5000, 10000, 20000, 40000};
    for (int i = 0; i < 5; i++) {
        cm_jobs *jobs = start(f->store, s, 1);
        wait_ended(s, i + 1);
        cm_jobs_stop(jobs); /* joined: the end is written */
        cm_row_jobs row = row_of(f, id);
        assert_int_equal(row.attempts, i + 1);
        assert_true(cm_str_eq_c(row.last_error, "out of luck"));
        if (i < 4) {
            assert_true(cm_str_eq_c(row.status, "queued"));
            assert_int_equal(row.run_at, cm_clock_wall_ms() + waits[i]);
            cm_clock_fake_advance((uint64_t)waits[i] * 1000000);
        } else {
            assert_true(cm_str_eq_c(row.status, "failed"));
        }
    }
    cm_clock_real();
    stage_free(s);
}

static void test_store_jobs__what_cannot_succeed_is_not_tried_again(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_uuid id = add(f, "hopeless", "{}", NULL);
    cm_jobs *jobs = start(f->store, s, 1);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    assert_true(cm_str_eq_c(row_of(f, id).status, "failed"));
    uint64_t changed = 0;
    assert_ok(cm_q_jobs_retry(&f->system, &(cm_q_jobs_retry_in){id}, &changed, err));
    assert_int_equal(changed, 1); /* a person may insist */
    assert_int_equal(row_of(f, id).attempts, 0);
    stage_free(s);
}

static void test_store_jobs__the_smaller_priority_goes_first(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    static const struct {
        const char *payload;
        int64_t priority;
    } rows[] = {{"[\"c\"]", 300}, {"[\"a\"]", 10}, {"[\"b\"]", 200}};
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_q_jobs_enqueue_in in = {.id = cm_uuid_v7(),
                                   .job_type = CM_STR("good"),
                                   .payload = cm_str_from(rows[i].payload),
                                   .priority = CM_INT(rows[i].priority)};
        assert_ok(cm_q_jobs_enqueue(&f->system, &in, NULL, err));
    }
    cm_jobs *jobs = start(f->store, s, 1);
    wait_ended(s, 3);
    cm_jobs_stop(jobs);
    assert_string_equal(s->order, "abc");
    stage_free(s);
}

static void test_store_jobs__no_more_run_at_once_than_there_are_workers(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_jobs *jobs = start(f->store, s, 3);
    for (int i = 0; i < 8; i++) {
        add(f, "gate", "{}", NULL);
    }
    cm_jobs_wake(jobs);
    wait_begun(s, 3);
    open_gate(s);
    wait_ended(s, 8);
    cm_jobs_stop(jobs);
    assert_int_equal(s->at_once_max, 3);
    stage_free(s);
}

static void test_store_jobs__a_stopping_server_gives_its_work_back(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_uuid id = add(f, "endless", "{}", NULL);
    cm_jobs *jobs = start(f->store, s, 1);
    wait_begun(s, 1);
    cm_jobs_stop(jobs);
    cm_row_jobs row = row_of(f, id);
    assert_true(cm_str_eq_c(row.status, "queued"));
    assert_int_equal(row.attempts, 0);
    assert_int_equal(row.locked_by.len, 0);
    stage_free(s);
}

/* The end may come while the timer claims: a worker must still be there to give the job back. */
static void test_store_jobs__stopping_at_any_moment_leaves_nothing_running(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    for (int i = 0; i < 60; i++) {
        add(f, "good", "{}", NULL);
        cm_jobs *jobs = start(f->store, s, 2);
        for (int k = 0; k < i * 20; k++) { /* each time a little later */
            assert_ok(cm_store_check(f->store, err));
        }
        cm_jobs_stop(jobs);
        const cm_row_jobs *rows;
        size_t count = 1;
        cm_q_jobs_page_in in = {.job_type = CM_STR(""), .status = CM_STR("running"), .limit = 10};
        assert_ok(cm_q_jobs_page(&f->system, &in, f->arena, &rows, &count, err));
        assert_int_equal(count, 0);
    }
    stage_free(s);
}

static void test_store_jobs__an_administrator_cancels_what_runs(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_clock_fake(SECOND_NS, cm_clock_wall_ms());
    cm_uuid id = add(f, "endless", "{}", NULL);
    cm_jobs *jobs = start(f->store, s, 1);
    wait_begun(s, 1);
    assert_ok(cm_q_jobs_cancel(&f->system, &(cm_q_jobs_cancel_in){id}, NULL, err));
    cm_clock_fake_advance(21 * SECOND_NS); /* the next beat finds out */
    cm_jobs_wake(jobs);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    cm_clock_real();
    assert_true(cm_str_eq_c(row_of(f, id).status, "cancelled"));
    stage_free(s);
}

static void test_store_jobs__a_dead_servers_job_goes_to_another(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_clock_fake(SECOND_NS, cm_clock_wall_ms());
    cm_uuid id = add(f, "good", "{}", NULL);
    cm_row_jobs row;
    cm_q_jobs_claim_in claim = {.job_types = CM_STR("[\"good\"]"),
                                .locked_by = CM_STR("dead"),
                                .locked_until = cm_clock_wall_ms() + 60000};
    assert_ok(cm_q_jobs_claim(&f->system, &claim, f->arena, &row, err));
    cm_jobs *jobs = start(f->store, s, 1);
    cm_clock_fake_advance(59 * SECOND_NS);
    cm_jobs_wake(jobs);
    assert_int_equal(s->begun, 0);
    cm_clock_fake_advance(2 * SECOND_NS);
    cm_jobs_wake(jobs);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    cm_clock_real();
    row = row_of(f, id);
    assert_true(cm_str_eq_c(row.status, "succeeded"));
    assert_int_equal(row.attempts, 2);
    stage_free(s);
}

/* A job longer than its lease keeps it by beating, however the clock runs. */
static void test_store_jobs__a_living_holder_keeps_its_lease(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_clock_fake(SECOND_NS, cm_clock_wall_ms());
    cm_uuid id = add(f, "gate", "{}", NULL);
    cm_jobs *holder = start(f->store, s, 1);
    wait_begun(s, 1);
    int64_t lease = row_of(f, id).locked_until;
    for (int i = 0; i < 4; i++) {
        cm_clock_fake_advance(25 * SECOND_NS);
        cm_jobs_wake(holder);
        while (row_of(f, id).locked_until == lease) { /* until the beat is there */
            sched_yield();
        }
        lease = row_of(f, id).locked_until;
    }
    add(f, "good", "{}", NULL);
    cm_jobs *rival = start(f->store, s, 1);
    wait_ended(s, 1); /* it had a look, and took what was free */
    cm_jobs_stop(rival);
    assert_int_equal(row_of(f, id).attempts, 1);
    open_gate(s);
    wait_ended(s, 2);
    cm_jobs_stop(holder);
    cm_clock_real();
    assert_true(cm_str_eq_c(row_of(f, id).status, "succeeded"));
    assert_int_equal(row_of(f, id).attempts, 1);
    stage_free(s);
}

static void put_schedule(fixture *f, const char *name, const char *cron, const char *type) {
    cm_q_job_schedules_insert_in in = {.name = cm_str_from(name),
                                       .cron = cm_str_from(cron),
                                       .job_type = cm_str_from(type),
                                       .next_run_at = cm_clock_wall_ms() + 60000};
    assert_ok(cm_q_job_schedules_insert(&f->system, &in, err));
}

/* Servers of their own (on PostgreSQL also connections of their own) see the same moments come. */
static void test_store_jobs__several_servers_make_one_job_of_each_moment(void **state) {
    fixture *f = *state;
    enum { SERVERS = 4, MOMENTS = 6 };
    stage *s = stage_new();
    cm_store *stores[SERVERS] = {f->store};
    cm_jobs *jobs[SERVERS];
    int64_t now = cm_clock_wall_ms() / 60000 * 60000;
    cm_clock_fake(SECOND_NS, now);
    put_schedule(f, "minutely", "* * * * *", "good");
    for (int i = 0; i < SERVERS; i++) {
        cm_store_options options = {.data_dir = f->dir, .url = f->url};
        if (i != 0 && f->url[0] != '\0') {
            assert_ok(cm_store_open(&options, &stores[i], err));
        } else {
            stores[i] = f->store;
        }
        jobs[i] = start(stores[i], s, 2);
    }
    for (int moment = 1; moment <= MOMENTS; moment++) {
        cm_clock_fake_advance(60 * SECOND_NS);
        for (int i = 0; i < SERVERS; i++) {
            cm_jobs_wake(jobs[i]);
        }
        wait_ended(s, moment);
        /* The dedupe key is free again once the end is written. */
        const cm_row_jobs *rows;
        size_t done = 0;
        while (done < (size_t)moment) {
            cm_q_jobs_page_in in = {
                .job_type = CM_STR(""), .status = CM_STR("succeeded"), .limit = 100};
            assert_ok(cm_q_jobs_page(&f->system, &in, f->arena, &rows, &done, err));
        }
    }
    for (int i = 0; i < SERVERS; i++) {
        cm_jobs_stop(jobs[i]);
        if (stores[i] != f->store) {
            cm_store_close(stores[i]);
        }
    }
    cm_row_job_schedules row;
    assert_ok(cm_q_job_schedules_get(&f->system, &(cm_q_job_schedules_get_in){CM_STR("minutely")},
                                     f->arena, &row, err));
    assert_int_equal(row.next_run_at, now + (MOMENTS + 1) * INT64_C(60000));
    cm_clock_real();
    assert_int_equal(s->begun, MOMENTS);
    stage_free(s);
}

static void test_store_jobs__moments_missed_are_made_up_for_once(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_clock_fake(SECOND_NS, cm_clock_wall_ms() / 60000 * 60000);
    put_schedule(f, "minutely", "every 1m", "good");
    cm_clock_fake_advance(3600 * SECOND_NS); /* nobody was there for an hour */
    cm_jobs *jobs = start(f->store, s, 1);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    add(f, "good", "{}", NULL);
    jobs = start(f->store, s, 1); /* finds this, and no other moment */
    wait_ended(s, 2);
    cm_jobs_stop(jobs);
    cm_clock_real();
    assert_int_equal(s->begun, 2);
    stage_free(s);
}

/* Somebody wrote nonsense into the table by hand: the others go on, and the nonsense does not spin. */
static void test_store_jobs__a_schedule_nobody_can_read_is_put_off(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    int64_t now = cm_clock_wall_ms() / 60000 * 60000;
    cm_clock_fake(SECOND_NS, now);
    put_schedule(f, "broken", "on full moon", "good");
    put_schedule(f, "fine", "every 1m", "good");
    cm_clock_fake_advance(60 * SECOND_NS);
    cm_jobs *jobs = start(f->store, s, 1);
    wait_ended(s, 1);
    cm_jobs_stop(jobs);
    cm_row_job_schedules row;
    assert_ok(cm_q_job_schedules_get(&f->system, &(cm_q_job_schedules_get_in){CM_STR("broken")},
                                     f->arena, &row, err));
    cm_clock_real();
    assert_int_equal(row.next_run_at, now + 60000 + 3600000);
    assert_int_equal(s->begun, 1);
    stage_free(s);
}

static void test_store_jobs__one_job_can_be_run_here_and_now(void **state) {
    fixture *f = *state;
    stage *s = stage_new();
    cm_jobs_options options = {
        .store = f->store, .types = types, .type_count = CM_COUNT(types), .argument = s};
    cm_uuid other = add(f, "good", "{}", NULL);
    cm_uuid id = add(f, "good", "{}", "key");
    cm_uuid same = add(f, "good", "{}", "key");
    assert_true(cm_uuid_eq(&id, &same));
    cm_row_jobs row;
    assert_ok(cm_job_run(&options, id, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.status, "succeeded"));
    assert_true(cm_str_eq_c(row_of(f, other).status, "queued")); /* not its business */
    assert_rc(CM_CONFLICT, cm_job_run(&options, id, f->arena, &row, err));
    stage_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_jobs__a_job_runs_once_and_its_result_stays),
        store_test(test_store_jobs__a_failure_is_tried_again_later_and_later),
        store_test(test_store_jobs__what_cannot_succeed_is_not_tried_again),
        store_test(test_store_jobs__the_smaller_priority_goes_first),
        store_test(test_store_jobs__no_more_run_at_once_than_there_are_workers),
        store_test(test_store_jobs__a_stopping_server_gives_its_work_back),
        store_test(test_store_jobs__stopping_at_any_moment_leaves_nothing_running),
        store_test(test_store_jobs__an_administrator_cancels_what_runs),
        store_test(test_store_jobs__a_dead_servers_job_goes_to_another),
        store_test(test_store_jobs__a_living_holder_keeps_its_lease),
        store_test(test_store_jobs__several_servers_make_one_job_of_each_moment),
        store_test(test_store_jobs__moments_missed_are_made_up_for_once),
        store_test(test_store_jobs__a_schedule_nobody_can_read_is_put_off),
        store_test(test_store_jobs__one_job_can_be_run_here_and_now),
    };
    return cmocka_run_group_tests_name("store/jobs", tests, NULL, NULL);
}
