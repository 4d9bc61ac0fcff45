/* metrics.h - counters, gauges and histograms that any thread may move without a lock.
 *
 * The metrics are declared in spec/metrics.toml. A series is one metric with values for its labels;
 * look it up once (under a lock), keep the pointer, then count with single atomic additions. Label
 * values must come from small fixed sets, never from a request: the number of series is bounded,
 * and beyond the bound cm_metrics_series returns a series that counts but is not shown.
 *
 * Every function takes NULL and then does nothing, so that a library works without metrics.
 * Thread: any. */
#ifndef CM_RT_METRICS_H
#define CM_RT_METRICS_H

#include "base/buf.h"
#include "rt/metrics_gen.h" /* enum cm_metric, generated */

typedef struct cm_metrics cm_metrics;
typedef struct cm_series cm_series;

cm_metrics *cm_metrics_new(void);
void cm_metrics_free(cm_metrics *metrics);

/* The series of `metric` with these label values, in the order declared, NULL-terminated:
 *     cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, "search", "2xx", NULL)
 * Valid until cm_metrics_free. NULL only when `metrics` is. */
cm_series *cm_metrics_series(cm_metrics *metrics, enum cm_metric metric, ...);

void cm_series_add(cm_series *series, int64_t n);        /* counter (n >= 0) or gauge */
void cm_series_set(cm_series *series, int64_t value);    /* gauge */
void cm_series_observe(cm_series *series, double value); /* histogram */
/* Value of a counter or gauge, number of observations of a histogram. */
int64_t cm_series_value(const cm_series *series);

/* Prometheus text format 0.0.4. */
void cm_metrics_write(cm_metrics *metrics, cm_buf *out);

#endif
