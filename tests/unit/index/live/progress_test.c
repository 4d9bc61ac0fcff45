/* What a job says of its progress against the work that was really done, counted in bytes and not by the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "repository/indexer.h"
#include "index/indexed.h"

#if defined(__SANITIZE_ADDRESS__) || \
    defined(__SANITIZE_THREAD__) /* a third of each: the same shares */
#define SMALL     200
#define BIG_BYTES 100000
#else
#define SMALL     600
#define BIG_BYTES 300000
#endif
#define SMALL_BYTES 2000
#define BIG         6
#define HUGE_BYTES  4000000 /* over the limit: looked at, not read */
#define SAMPLES_MAX 4096
#define LIMIT       400000

typedef indexed fixture;

static const cm_uuid some_id = {{9, 9, 9}};

static void write_words(const tree *t, const char *path, size_t bytes) {
    cm_buf text;
    cm_buf_init(&text, CM_MIB(8));
    for (unsigned i = 0; text.len < bytes; i++) {
        cm_buf_add_f(&text, "value_%u = other_%u\n", i * 7919 % 5003, i % 611);
    }
    cm_buf_truncate(&text, bytes);
    tree_write(t, path, cm_buf_str(&text));
    cm_buf_done(&text);
}

/* In order of path: small ones, then big ones among them, then one that is not read, then small ones again. */
static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    char path[64];
    const cm_repository_options options = {.file_bytes_max = LIMIT};
    indexed_new(f);
    for (int i = 0; i < SMALL; i++) {
        snprintf(path, sizeof(path), "d%d/small%03d.py", i % 10, i);
        write_words(&f->source, path, SMALL_BYTES);
    }
    for (int i = 0; i < BIG; i++) {
        snprintf(path, sizeof(path), "d%d/big%d.py", 3 + i / 3, i);
        write_words(&f->source, path, BIG_BYTES);
    }
    write_words(&f->source, "d5/huge.py", HUGE_BYTES);
    indexed_open(f, NULL, &some_id, &options);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    indexed_free(f);
    cm_free(f);
    return 0;
}

/* Bytes that must be read for the first `files` paths: what a job has done when it says so many files. */
static uint64_t bytes_of_first(fixture *f, uint64_t files) {
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_index_document d;
    uint64_t bytes = 0, seen = 0;
    for (uint32_t cursor = 0; seen < files && cm_snapshot_next_document(s, &cursor, &d); seen++) {
        bytes += cm_document_has_text(&d) ? d.size : 0;
    }
    assert_int_equal(seen, files);
    cm_snapshot_unref(s);
    return bytes;
}

/* The end that is told is the time gone so far stretched to the whole work, so it is as true as the progress is. */
static void assert_estimate(const cm_index_progress *p, int64_t before_ms, int64_t after_ms) {
    if (p->status != CM_INDEX_INDEXING || p->progress < 0.02 || before_ms <= p->started_ms) {
        return;
    }
    double least = (double)(before_ms - p->started_ms) / p->progress;
    double most = (double)(after_ms - p->started_ms) / p->progress;
    double told = (double)(p->estimated_completion_ms - p->started_ms);
    assert_true(told > least - 2 && told < most + 2);
}

/* Every state of the progress that a client could have seen. */
static size_t record(fixture *f, cm_index_progress *samples) {
    size_t count = 0;
    cm_err err;
    cm_index_progress p;
    do {
        int64_t before_ms = cm_clock_wall_ms();
        cm_repository_progress(f->repository, &p);
        assert_estimate(&p, before_ms, cm_clock_wall_ms());
        if (count == 0 || p.files_indexed != samples[count - 1].files_indexed) {
            samples[count++] = p;
        }
    } while (count < SAMPLES_MAX - 1 && cm_repository_wait(f->repository, 1, &err) == CM_TIMEOUT);
    assert_int_equal(cm_repository_wait(f->repository, INDEXED_PATIENCE_MS, &err), CM_OK);
    cm_repository_progress(f->repository, &samples[count]);
    return count + 1;
}

/* Indexes everything and judges what was seen meanwhile; returns how many samples lay between a quarter and the end. */
static size_t judge_full_index(fixture *f, cm_index_progress *samples) {
    cm_err err;
    assert_int_equal(cm_repository_index(f->repository, CM_INDEX_FULL, &err), CM_OK);
    size_t count = record(f, samples), judged = 0;
    double total = (double)bytes_of_first(f, SMALL + BIG + 1), before = 0;
    assert_true(samples[count - 1].progress == 1.0);
    for (size_t i = 0; i < count; i++) {
        const cm_index_progress *p = &samples[i];
        assert_true(p->progress >= before && p->progress <= 1.0);
        before = p->progress;
        if (p->status != CM_INDEX_INDEXING) {
            continue;
        }
        assert_true(p->progress < 1.0); /* not before all is written */
        double done = CM_PROGRESS_READING * (double)bytes_of_first(f, p->files_indexed) / total;
        if (p->progress < 0.25 || p->work_written > 0) {
            continue;
        }
        judged++;
        assert_true(p->progress > done - 0.2 && p->progress < done + 0.2);
    }
    return judged;
}

/* A busy machine may let a whole job go by between two looks: then there is another. */
static void test_index_progress__is_true_after_the_first_quarter(void **state) {
    cm_index_progress *samples = cm_alloc(SAMPLES_MAX * sizeof(*samples));
    size_t judged = 0;
    for (int round = 0; round < 50 && judged == 0; round++) {
        judged = judge_full_index(*state, samples);
    }
    assert_true(judged > 0);
    cm_free(samples);
}

static void test_index_progress__unchanged_files_are_no_work(void **state) {
    fixture *f = *state;
    cm_index_progress p;
    indexed_run(f->repository, CM_INDEX_FULL);
    write_words(&f->source, "d0/small000.py", SMALL_BYTES + 1);
    p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.files_unchanged, SMALL + BIG);
    assert_in_range(p.work_total, SMALL_BYTES + 1, SMALL_BYTES + 4096);
    assert_int_equal(p.work_read, p.work_total);
}

static void cancel_at_once(void *repository, const cm_index_progress *progress) {
    if (progress->finished_ms == 0) {
        cm_repository_cancel(repository);
    }
}

static void test_index_progress__a_cancelled_job_ends_within_a_file(void **state) {
    fixture *f = *state;
    cm_index_progress p;
    cm_repository_follow_progress(f->repository, cancel_at_once, f->repository);
    p = indexed_end(f->repository, CM_INDEX_FULL);
    assert_true(p.cancelled);
    assert_int_equal(p.files_indexed, 1); /* the first one told us; none came after */
    assert_int_equal(p.status, CM_INDEX_CREATED);
    cm_repository_follow_progress(f->repository, NULL, NULL);
    p = indexed_end(f->repository, CM_INDEX_INCREMENTAL);
    assert_int_equal(p.status, CM_INDEX_READY);
}

int main(void) {
#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_TREE(test_index_progress__is_true_after_the_first_quarter),
        ON_TREE(test_index_progress__unchanged_files_are_no_work),
        ON_TREE(test_index_progress__a_cancelled_job_ends_within_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
