#include "rt/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *printed(cm_metrics *metrics, cm_buf *out) {
    cm_buf_clear(out);
    cm_metrics_write(metrics, out);
    return cm_buf_c(out);
}

static void test_rt_metrics__series_are_found_again_by_their_labels(void **state) {
    (void)state;
    cm_metrics *metrics = cm_metrics_new();
    cm_series *first = cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, "a", "2xx", NULL);
    assert_ptr_equal(first,
                     cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, "a", "2xx", NULL));
    assert_ptr_not_equal(
        first, cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, "a", "4xx", NULL));
    cm_metrics_free(metrics);
}

static void test_rt_metrics__are_printed_as_prometheus_reads_them(void **state) {
    (void)state;
    cm_metrics *metrics = cm_metrics_new();
    cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    cm_series_add(cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, "a\"\\\n", "2xx", NULL),
                  3);
    cm_series_set(cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_IN_FLIGHT, NULL), -2);
    cm_series *seconds = cm_metrics_series(metrics, CM_METRIC_HTTP_REQUEST_SECONDS, "a", NULL);
    cm_series_observe(seconds, 0.0005); /* a bound belongs to its bucket */
    cm_series_observe(seconds, 0.3);
    cm_series_observe(seconds, 99);
    assert_int_equal(cm_series_value(seconds), 3);
    const char *text = printed(metrics, &out);
    assert_non_null(strstr(text, "# TYPE cm_http_requests_total counter\n"));
    assert_non_null(strstr(text, "\ncm_http_requests_total{op=\"a\\\"\\\\ \",status=\"2xx\"} 3\n"));
    assert_non_null(strstr(text, "\ncm_http_requests_in_flight -2\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_bucket{op=\"a\",le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_bucket{op=\"a\",le=\"0.25\"} 1\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_bucket{op=\"a\",le=\"0.5\"} 2\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_bucket{op=\"a\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_sum{op=\"a\"} 99.3005\n"));
    assert_non_null(strstr(text, "\ncm_http_request_seconds_count{op=\"a\"} 3\n"));
    cm_buf_done(&out);
    cm_metrics_free(metrics);
}

static void test_rt_metrics__too_many_label_values_are_counted_but_not_kept(void **state) {
    (void)state;
    cm_metrics *metrics = cm_metrics_new();
    cm_series *last = NULL;
    for (int i = 0; i < 5000; i++) {
        char label[16];
        snprintf(label, sizeof(label), "%d", i);
        last = cm_metrics_series(metrics, CM_METRIC_HTTP_FAULTS_TOTAL, label, NULL);
        cm_series_add(last, 1);
    }
    assert_ptr_equal(last, cm_metrics_series(metrics, CM_METRIC_HTTP_FAULTS_TOTAL, "x", NULL));
    assert_int_equal(cm_series_value(last), 5000 - 4096);
    cm_metrics_free(metrics);
}

static void test_rt_metrics__nothing_is_needed_to_count(void **state) {
    (void)state;
    cm_series *none = cm_metrics_series(NULL, CM_METRIC_HTTP_REQUESTS_IN_FLIGHT, NULL);
    assert_null(none);
    cm_series_add(none, 1);
    cm_series_set(none, 1);
    cm_series_observe(none, 1);
    assert_int_equal(cm_series_value(none), 0);
    cm_metrics_free(NULL);
}

#define THREADS 4
#define ROUNDS  20000

static void *count(void *argument) {
    cm_metrics *metrics = argument;
    for (int i = 0; i < ROUNDS; i++) {
        cm_series_add(cm_metrics_series(metrics, CM_METRIC_HTTP_FAULTS_TOTAL, "x", NULL), 1);
        cm_series_observe(cm_metrics_series(metrics, CM_METRIC_HTTP_REQUEST_SECONDS, "x", NULL), 1);
    }
    return NULL;
}

static void test_rt_metrics__no_count_is_lost_between_threads(void **state) {
    (void)state;
    cm_metrics *metrics = cm_metrics_new();
    pthread_t threads[THREADS];
    cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, metrics), 0);
    }
    (void)printed(metrics, &out); /* a scrape meanwhile */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_non_null(strstr(printed(metrics, &out), "cm_http_faults_total{code=\"x\"} 80000\n"));
    assert_non_null(strstr(cm_buf_c(&out), "cm_http_request_seconds_sum{op=\"x\"} 80000\n"));
    cm_buf_done(&out);
    cm_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_metrics__series_are_found_again_by_their_labels),
        cmocka_unit_test(test_rt_metrics__are_printed_as_prometheus_reads_them),
        cmocka_unit_test(test_rt_metrics__too_many_label_values_are_counted_but_not_kept),
        cmocka_unit_test(test_rt_metrics__nothing_is_needed_to_count),
        cmocka_unit_test(test_rt_metrics__no_count_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
