/* services.h - what handlers work with: the open parts of one server.
 *
 * Made by app/server.c, borrowed by every call as `call->services`. Constant while requests are served.
 *
 * Thread: any; each part has its own rules. */
#ifndef CM_API_SERVICES_H
#define CM_API_SERVICES_H

#include "assist/assist.h"
#include "repository/registry.h"

typedef struct cm_services {
    cm_store *store; /* by cm_call_db alone: what the caller may see */
    cm_repositories *repositories;
    const cm_sent *sent;
    cm_parser_pool *parser;
    cm_models *models;
    cm_pool *pool;
    cm_assist *assist;
    const char *version; /* "0.1.0" */
    const char *commit;  /* short hash, or "unknown" */
    const char *build_date;
    /* Sets the metrics of parts that count by themselves, at each scrape. Waits for no job and no database. */
    void (*observe)(void *argument, cm_metrics *metrics);
    void *observe_argument;
} cm_services;

#endif
