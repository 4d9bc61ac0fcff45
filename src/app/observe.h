/* observe.h - what the parts of a server count, as series of spec/metrics.toml. */
#ifndef CM_APP_OBSERVE_H
#define CM_APP_OBSERVE_H

#include "index/tables/tables.h"
#include "net/http.h"
#include "repository/indexer.h"
#include "rt/metrics.h"

typedef struct cm_observed {
    const cm_http_server *http;
    const cm_pool *request_pool, *database_pool, *index_pool; /* the last may be NULL */
    cm_parser_pool *parser, *index_parser;
    const cm_compute *compute;
    const cm_store *store;
    cm_indexer *indexer;
    cm_tables *tables;
} cm_observed;

/* Any thread. Takes short locks alone: waits for no job, disk or database. */
void cm_observe(const cm_observed *observed, cm_metrics *metrics);

#endif
