/* observe.c - see observe.h.
 *
 * The parts count under locks that they hold anyway; copying when somebody looks costs their work nothing. */
#include "app/observe.h"

#include "code/parser.h"
#include "repository/statistics.h"

typedef struct row {
    enum cm_metric metric;
    const char *first, *second; /* labels, as many as the metric has */
    uint64_t value;
} row;

static void set_rows(cm_metrics *metrics, const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cm_series *series =
            cm_metrics_series(metrics, rows[i].metric, rows[i].first, rows[i].second, NULL);
        cm_series_set(series, (int64_t)rows[i].value);
    }
}

static void observe_http(const cm_http_server *server, cm_metrics *metrics) {
    cm_http_stats stats;
    cm_http_server_stats(server, &stats);
    const row rows[] = {
        {CM_METRIC_HTTP_CONNECTIONS, NULL, NULL, stats.connections},
        {CM_METRIC_HTTP_CONNECTIONS_TOTAL, "accepted", NULL, stats.accepted},
        {CM_METRIC_HTTP_CONNECTIONS_TOTAL, "refused", NULL, stats.refused},
        {CM_METRIC_HTTP_READER_FAULTS_TOTAL, NULL, NULL, stats.faults},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

static void observe_pool(const cm_pool *pool, const char *name, cm_metrics *metrics) {
    static const char *const priorities[] = {
        [CM_INTERACTIVE] = "interactive", [CM_BACKGROUND] = "background"};
    for (size_t i = 0; pool != NULL && i < CM_COUNT(priorities); i++) {
        enum cm_priority priority = (enum cm_priority)i;
        const row rows[] = {
            {CM_METRIC_POOL_JOBS_WAITING, name, priorities[i], cm_pool_waiting(pool, priority)},
            {CM_METRIC_POOL_JOBS_REFUSED_TOTAL, name, priorities[i],
             cm_pool_refused(pool, priority)},
        };
        set_rows(metrics, rows, CM_COUNT(rows));
    }
}

static void observe_store(const cm_store *store, cm_metrics *metrics) {
    cm_store_stats stats;
    cm_store_stats_get(store, &stats);
    const row rows[] = {
        {CM_METRIC_STORE_JOBS_WAITING, NULL, NULL, stats.waiting},
        {CM_METRIC_STORE_WRITES_TOTAL, "done", NULL, stats.jobs},
        {CM_METRIC_STORE_WRITES_TOTAL, "failed", NULL, stats.failed},
        {CM_METRIC_STORE_WRITES_TOTAL, "dropped", NULL, stats.dropped},
        {CM_METRIC_STORE_COMMITS_TOTAL, NULL, NULL, stats.commits},
        {CM_METRIC_STORE_SPOOLED_WRITES, NULL, NULL, stats.spooled},
        {CM_METRIC_STORE_SPOOLED_BYTES, NULL, NULL, stats.spooled_bytes},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

static void observe_compute(const cm_compute *compute, cm_metrics *metrics) {
    cm_compute_stats stats = cm_compute_stats_get(compute);
    const row rows[] = {
        {CM_METRIC_BACKGROUND_PIECES, "running", NULL, stats.running},
        {CM_METRIC_BACKGROUND_PIECES, "waiting", NULL, stats.waiting},
        {CM_METRIC_BACKGROUND_PIECES_TOTAL, "at_once", NULL, stats.pieces - stats.waited},
        {CM_METRIC_BACKGROUND_PIECES_TOTAL, "waited", NULL, stats.waited - stats.expired},
        {CM_METRIC_BACKGROUND_PIECES_TOTAL, "beside", NULL, stats.expired},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

static void observe_parser(cm_parser_pool *parser, const char *name, cm_metrics *metrics) {
    cm_parser_stats stats = cm_parser_pool_stats(parser);
    const row rows[] = {
        {CM_METRIC_PARSE_FILES_TOTAL, name, "parsed", stats.parsed - stats.reparsed},
        {CM_METRIC_PARSE_FILES_TOTAL, name, "reparsed", stats.reparsed},
        {CM_METRIC_PARSE_FILES_TOTAL, name, "remembered", stats.remembered},
        {CM_METRIC_PARSE_WORKERS_LOST_TOTAL, name, "crashed", stats.died},
        {CM_METRIC_PARSE_WORKERS_LOST_TOTAL, name, "deadline", stats.overran},
        {CM_METRIC_PARSE_WORKERS_LOST_TOTAL, name, "refused", stats.refused},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

static void observe_repositories(cm_indexer *indexer, cm_metrics *metrics) {
    cm_repositories_stats stats;
    cm_indexer_stats_get(indexer, &stats);
    const row rows[] = {
        {CM_METRIC_REPOSITORIES, "open", NULL, stats.states[CM_REPOSITORY_OPEN]},
        {CM_METRIC_REPOSITORIES, "indexing", NULL, stats.states[CM_REPOSITORY_INDEXING]},
        {CM_METRIC_REPOSITORIES, "closing", NULL, stats.states[CM_REPOSITORY_CLOSING]},
        {CM_METRIC_REPOSITORIES_FOLLOWED, "events", NULL, stats.watched},
        {CM_METRIC_REPOSITORIES_FOLLOWED, "polling", NULL, stats.polled},
        {CM_METRIC_REPOSITORIES_FOLLOWED, "no", NULL, stats.not_followed},
        {CM_METRIC_INDEX_JOBS, "queued", NULL, stats.jobs_queued},
        {CM_METRIC_INDEX_JOBS, "running", NULL, stats.jobs_running},
        {CM_METRIC_INDEX_OLDEST_EDIT_SECONDS, NULL, NULL, stats.oldest_edit_ms / 1000},
        {CM_METRIC_INDEX_EDITED_REPOSITORIES, "under_1s", NULL, stats.edited[CM_EDIT_UNDER_1S]},
        {CM_METRIC_INDEX_EDITED_REPOSITORIES, "under_10s", NULL, stats.edited[CM_EDIT_UNDER_10S]},
        {CM_METRIC_INDEX_EDITED_REPOSITORIES, "under_60s", NULL, stats.edited[CM_EDIT_UNDER_60S]},
        {CM_METRIC_INDEX_EDITED_REPOSITORIES, "older", NULL, stats.edited[CM_EDIT_OLDER]},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

static void observe_tables(cm_tables *tables, cm_metrics *metrics) {
    cm_tables_stats stats;
    cm_tables_stats_get(tables, &stats);
    const row rows[] = {
        {CM_METRIC_TABLES_REPOSITORIES_WAITING, NULL, NULL, stats.waiting},
        {CM_METRIC_TABLES_PASSES_TOTAL, "done", NULL, stats.passes},
        {CM_METRIC_TABLES_PASSES_TOTAL, "failed", NULL, stats.failures},
        {CM_METRIC_TABLES_DOCUMENTS_TOTAL, "written", NULL, stats.written},
        {CM_METRIC_TABLES_DOCUMENTS_TOTAL, "removed", NULL, stats.removed},
    };
    set_rows(metrics, rows, CM_COUNT(rows));
}

void cm_observe(const cm_observed *observed, cm_metrics *metrics) {
    observe_http(observed->http, metrics);
    observe_pool(observed->request_pool, "requests", metrics);
    observe_pool(observed->database_pool, "database", metrics);
    observe_pool(observed->index_pool, "index", metrics);
    observe_store(observed->store, metrics);
    observe_compute(observed->compute, metrics);
    observe_parser(observed->parser, "requests", metrics);
    observe_parser(observed->index_parser, "index", metrics);
    observe_repositories(observed->indexer, metrics);
    observe_tables(observed->tables, metrics);
}
