/* metrics_priv.h - one row of spec/metrics.toml, as the generated table holds it. */
#ifndef CM_RT_METRICS_PRIV_H
#define CM_RT_METRICS_PRIV_H

#include "rt/metrics.h"

#define CM_METRIC_LABELS_MAX  3
#define CM_METRIC_BUCKETS_MAX 16

enum cm_metric_kind { CM_METRIC_COUNTER, CM_METRIC_GAUGE, CM_METRIC_HISTOGRAM };

typedef struct cm_metric_info {
    const char *name;
    enum cm_metric_kind kind;
    const char *labels[CM_METRIC_LABELS_MAX];
    unsigned label_count;
    double buckets[CM_METRIC_BUCKETS_MAX];
    unsigned bucket_count;
    const char *help;
} cm_metric_info;

extern const cm_metric_info cm_metric_infos[CM_METRIC_COUNT];

#endif
