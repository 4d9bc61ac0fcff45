/* metrics.c - the registry of metrics.h: one list of series per metric, only ever added to.
 *
 * Adding takes a lock; counting does not. Numbers are read while others move them, so a scrape is
 * not one instant; within a histogram the count is the sum of its buckets, so it never contradicts
 * itself. */
#include "rt/metrics_priv.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#define SERIES_MAX 4096 /* of one metric */
#define SUM_UNIT   1e9  /* a histogram's sum is kept in billionths */

struct cm_series {
    cm_series *next;
    const cm_metric_info *info;
    char *labels[CM_METRIC_LABELS_MAX];
    _Atomic int64_t value;
    _Atomic int64_t sum;                                /* histogram */
    _Atomic int64_t buckets[CM_METRIC_BUCKETS_MAX + 1]; /* the last is +Inf */
};

typedef struct family {
    cm_series *_Atomic first; /* newest first */
    unsigned count;
} family;

struct cm_metrics {
    pthread_mutex_t lock; /* guards additions to all families */
    family families[CM_METRIC_COUNT];
    cm_series unseen; /* of label values beyond the bound */
};

cm_metrics *cm_metrics_new(void) {
    cm_metrics *metrics = CM_NEW(cm_metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->unseen.info = &cm_metric_infos[0];
    return metrics;
}

static void series_free(cm_series *series) {
    for (unsigned i = 0; i < series->info->label_count; i++) {
        cm_free(series->labels[i]);
    }
    cm_free(series);
}

void cm_metrics_free(cm_metrics *metrics) {
    if (!metrics) {
        return;
    }
    for (int i = 0; i < CM_METRIC_COUNT; i++) {
        cm_series *series = metrics->families[i].first;
        while (series) {
            cm_series *next = series->next;
            series_free(series);
            series = next;
        }
    }
    pthread_mutex_destroy(&metrics->lock);
    cm_free(metrics);
}

static bool series_has(const cm_series *series, const char *const *labels) {
    for (unsigned i = 0; i < series->info->label_count; i++) {
        if (strcmp(series->labels[i], labels[i]) != 0) {
            return false;
        }
    }
    return true;
}

static cm_series *family_find(const family *all, const char *const *labels) {
    cm_series *series = all->first;
    while (series && !series_has(series, labels)) {
        series = series->next;
    }
    return series;
}

static cm_series *family_add(family *all, const cm_metric_info *info, const char *const *labels) {
    cm_series *series = CM_NEW(cm_series);
    series->info = info;
    for (unsigned i = 0; i < info->label_count; i++) {
        series->labels[i] = cm_strdup(labels[i]);
    }
    series->next = all->first;
    all->count++;
    all->first = series; /* readers see it complete */
    return series;
}

cm_series *cm_metrics_series(cm_metrics *metrics, enum cm_metric metric, ...) {
    if (!metrics) {
        return NULL;
    }
    const cm_metric_info *info = &cm_metric_infos[metric];
    const char *labels[CM_METRIC_LABELS_MAX] = {NULL};
    va_list arguments;
    va_start(arguments, metric);
    for (unsigned i = 0; i < info->label_count; i++) {
        labels[i] = va_arg(arguments, const char *);
        cm_assert(labels[i]);
    }
    cm_assert(info->label_count == 0 || va_arg(arguments, const char *) == NULL);
    va_end(arguments);
    pthread_mutex_lock(&metrics->lock);
    family *all = &metrics->families[metric];
    cm_series *series = family_find(all, labels);
    if (!series) {
        series = all->count < SERIES_MAX ? family_add(all, info, labels) : &metrics->unseen;
    }
    pthread_mutex_unlock(&metrics->lock);
    return series;
}

void cm_series_add(cm_series *series, int64_t n) {
    if (series) {
        atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
    }
}

void cm_series_set(cm_series *series, int64_t value) {
    if (series) {
        atomic_store_explicit(&series->value, value, memory_order_relaxed);
    }
}

void cm_series_observe(cm_series *series, double value) {
    if (!series) {
        return;
    }
    unsigned bucket = 0;
    while (bucket < series->info->bucket_count && value > series->info->buckets[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->sum, (int64_t)(value * SUM_UNIT), memory_order_relaxed);
}

int64_t cm_series_value(const cm_series *series) {
    if (!series) {
        return 0;
    }
    if (series->info->kind != CM_METRIC_HISTOGRAM) {
        return atomic_load_explicit(&series->value, memory_order_relaxed);
    }
    int64_t count = 0;
    for (unsigned i = 0; i <= series->info->bucket_count; i++) {
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
    }
    return count;
}

static void add_label(cm_buf *out, bool *first, const char *name, const char *value) {
    cm_buf_add_c(out, *first ? "{" : ",");
    *first = false;
    cm_buf_add_f(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"') {
            cm_buf_add_char(out, '\\');
        }
        cm_buf_add_char(out, *value == '\n' ? ' ' : *value);
    }
    cm_buf_add_char(out, '"');
}

/* One line up to the value; `le` NULL = not a bucket. */
static void add_name(cm_buf *out, const cm_series *series, const char *suffix, const char *le) {
    bool first = true;
    cm_buf_add_f(out, "%s%s", series->info->name, suffix);
    for (unsigned i = 0; i < series->info->label_count; i++) {
        add_label(out, &first, series->info->labels[i], series->labels[i]);
    }
    if (le) {
        add_label(out, &first, "le", le);
    }
    cm_buf_add_c(out, first ? " " : "} ");
}

static void write_histogram(cm_buf *out, const cm_series *series) {
    int64_t count = 0;
    for (unsigned i = 0; i <= series->info->bucket_count; i++) {
        char bound[32] = "+Inf";
        if (i < series->info->bucket_count) {
            snprintf(bound, sizeof(bound), "%.15g", series->info->buckets[i]);
        }
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        add_name(out, series, "_bucket", bound);
        cm_buf_add_f(out, "%lld\n", (long long)count);
    }
    double sum = (double)atomic_load_explicit(&series->sum, memory_order_relaxed) / SUM_UNIT;
    add_name(out, series, "_sum", NULL);
    cm_buf_add_f(out, "%.9g\n", sum);
    add_name(out, series, "_count", NULL);
    cm_buf_add_f(out, "%lld\n", (long long)count);
}

void cm_metrics_write(cm_metrics *metrics, cm_buf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (int i = 0; metrics && i < CM_METRIC_COUNT; i++) {
        const cm_metric_info *info = &cm_metric_infos[i];
        cm_buf_add_f(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name,
                     kinds[info->kind]);
        for (const cm_series *series = metrics->families[i].first; series; series = series->next) {
            if (info->kind == CM_METRIC_HISTOGRAM) {
                write_histogram(out, series);
                continue;
            }
            add_name(out, series, "", NULL);
            cm_buf_add_f(out, "%lld\n", (long long)cm_series_value(series));
        }
    }
}
