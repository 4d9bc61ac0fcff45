#include "rt/pool.h"

#include "gate.h"
#include "rt/polite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct trace {
    gate started; /* blockers that run */
    gate go;      /* opened by the test to let blockers end */
    pthread_mutex_t lock;
    char order[64];
    size_t count;
    atomic_uint workers_seen; /* bit set */
} trace;

static void trace_init(trace *t) {
    *t = (trace){.started = GATE_INIT, .go = GATE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static void block(void *argument, unsigned worker) {
    trace *t = argument;
    atomic_fetch_or(&t->workers_seen, 1U << worker);
    gate_add(&t->started, 1);
    gate_wait(&t->go, 1);
}

static void note(trace *t, char c) {
    pthread_mutex_lock(&t->lock);
    t->order[t->count++] = c;
    pthread_mutex_unlock(&t->lock);
}

static void note_interactive(void *argument, unsigned worker) {
    (void)worker;
    note(argument, 'i');
}

static void note_background(void *argument, unsigned worker) {
    (void)worker;
    note(argument, 'b');
}

static cm_pool *pool_of(unsigned workers, size_t queue_max) {
    cm_pool *pool = NULL;
    cm_err err;
    assert_int_equal(cm_pool_new(workers, queue_max, &pool, &err), CM_OK);
    return pool;
}

static void test_rt_pool__interactive_jobs_leave_before_background_jobs(void **state) {
    (void)state;
    trace t;
    trace_init(&t);
    cm_pool *pool = pool_of(1, 8);
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, block, &t, NULL), CM_OK);
    assert_true(gate_wait(&t.started, 1));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cm_pool_submit(pool, CM_BACKGROUND, note_background, &t, NULL), CM_OK);
        assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, note_interactive, &t, NULL), CM_OK);
    }
    assert_int_equal(cm_pool_waiting(pool, CM_INTERACTIVE), 3);
    assert_int_equal(cm_pool_waiting(pool, CM_BACKGROUND), 3);
    gate_add(&t.go, 1);
    cm_pool_free(pool); /* runs what is queued */
    assert_int_equal(t.count, 6);
    assert_memory_equal(t.order, "iiibbb", 6);
}

static void test_rt_pool__background_jobs_leave_one_worker_free(void **state) {
    (void)state;
    trace t;
    trace_init(&t);
    trace probe;
    trace_init(&probe);
    cm_pool *pool = pool_of(3, 8);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(cm_pool_submit(pool, CM_BACKGROUND, block, &t, NULL), CM_OK);
    }
    assert_true(gate_wait(&t.started, 2));
    /* The third worker takes this one although three background jobs have waited longer. */
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, block, &probe, NULL), CM_OK);
    assert_true(gate_wait(&probe.started, 1));
    assert_int_equal(gate_count(&t.started), 2);
    assert_int_equal(cm_pool_waiting(pool, CM_BACKGROUND), 3);
    gate_add(&probe.go, 1);
    gate_add(&t.go, 1);
    cm_pool_free(pool);
    assert_int_equal(gate_count(&t.started), 5);
}

static void test_rt_pool__a_full_queue_refuses_at_once(void **state) {
    (void)state;
    trace t;
    trace_init(&t);
    cm_pool *pool = pool_of(1, 2);
    cm_err err;
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, block, &t, &err), CM_OK);
    assert_true(gate_wait(&t.started, 1));
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, note_interactive, &t, &err), CM_OK);
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, note_interactive, &t, &err), CM_OK);
    assert_int_equal(cm_pool_refused(pool, CM_INTERACTIVE), 0);
    assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, note_interactive, &t, &err),
                     CM_OVERLOADED);
    assert_int_equal(cm_pool_refused(pool, CM_INTERACTIVE), 1);
    assert_int_equal(cm_pool_refused(pool, CM_BACKGROUND), 0);
    assert_string_equal(err.text, "2 jobs wait already; try again later");
    /* Each priority has its own bound. */
    assert_int_equal(cm_pool_submit(pool, CM_BACKGROUND, note_background, &t, &err), CM_OK);
    gate_add(&t.go, 1);
    cm_pool_free(pool);
    assert_int_equal(t.count, 3);
}

static void test_rt_pool__each_job_knows_its_worker(void **state) {
    (void)state;
    trace t;
    trace_init(&t);
    cm_pool *pool = pool_of(4, 8);
    assert_int_equal(cm_pool_workers(pool), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cm_pool_submit(pool, CM_INTERACTIVE, block, &t, NULL), CM_OK);
    }
    assert_true(gate_wait(&t.started, 4));
    assert_int_equal(atomic_load(&t.workers_seen), 0xf);
    gate_add(&t.go, 1);
    cm_pool_free(pool);
}

static void note_nice(void *argument, unsigned worker) {
    (void)worker;
    int *nice = argument;
    *nice = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void test_rt_pool__polite_workers_stand_back_and_others_do_not(void **state) {
    (void)state;
    int polite = 0, ordinary = 0, ours = getpriority(PRIO_PROCESS, (id_t)gettid());
    cm_pool *pool = NULL, *other = pool_of(1, 1);
    cm_err err;
    assert_int_equal(cm_pool_new_polite(2, 4, &pool, &err), CM_OK);
    assert_int_equal(cm_pool_submit(pool, CM_BACKGROUND, note_nice, &polite, &err), CM_OK);
    assert_int_equal(cm_pool_submit(other, CM_INTERACTIVE, note_nice, &ordinary, &err), CM_OK);
    cm_pool_free(pool);
    cm_pool_free(other);
    assert_int_equal(ordinary, ours);
    assert_int_equal(polite, CM_MAX(ours, 10)); /* the tests themselves may run nice */
}

typedef struct late {
    cm_pool *pool;
    cm_rc rc;
} late;

/* Runs while the pool may or may not be closing yet: submits itself until it is refused for that. */
static void submit_until_closing(void *argument, unsigned worker) {
    (void)worker;
    late *l = argument;
    if (l->rc != CM_DRAINING) {
        l->rc = cm_pool_submit(l->pool, CM_INTERACTIVE, submit_until_closing, l, NULL);
    }
}

static void test_rt_pool__refuses_jobs_once_it_is_closing(void **state) {
    (void)state;
    late l = {.pool = pool_of(1, 1)};
    assert_int_equal(cm_pool_submit(l.pool, CM_INTERACTIVE, submit_until_closing, &l, NULL), CM_OK);
    cm_pool_free(l.pool);
    assert_int_equal(l.rc, CM_DRAINING);
}

static void count_up(void *argument, unsigned worker) {
    (void)worker;
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void test_rt_pool__many_submitters_lose_nothing(void **state) {
    (void)state;
    atomic_int ran = 0;
    int accepted = 0;
    cm_pool *pool = pool_of(4, 64);
    for (int i = 0; i < 20000; i++) {
        enum cm_priority priority = i % 3 ? CM_INTERACTIVE : CM_BACKGROUND;
        accepted += cm_pool_submit(pool, priority, count_up, &ran, NULL) == CM_OK;
    }
    cm_pool_free(pool);
    assert_int_equal(atomic_load(&ran), accepted);
    assert_true(accepted > 64);
}

static void test_rt_pool__nonsense_sizes_are_refused(void **state) {
    (void)state;
    cm_pool *pool = NULL;
    assert_int_equal(cm_pool_new(2, 0, &pool, NULL), CM_INVALID);
    assert_int_equal(cm_pool_new(100000, 1, &pool, NULL), CM_INVALID);
    assert_null(pool);
    cm_pool_free(NULL);
    pool = pool_of(0, 1);
    assert_true(cm_pool_workers(pool) >= 2);
    cm_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_pool__interactive_jobs_leave_before_background_jobs),
        cmocka_unit_test(test_rt_pool__background_jobs_leave_one_worker_free),
        cmocka_unit_test(test_rt_pool__a_full_queue_refuses_at_once),
        cmocka_unit_test(test_rt_pool__each_job_knows_its_worker),
        cmocka_unit_test(test_rt_pool__polite_workers_stand_back_and_others_do_not),
        cmocka_unit_test(test_rt_pool__refuses_jobs_once_it_is_closing),
        cmocka_unit_test(test_rt_pool__many_submitters_lose_nothing),
        cmocka_unit_test(test_rt_pool__nonsense_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
