/* server.c - opens the rooms in order and closes them in reverse. See server.h. */
#include "base/base.h"

#include <pthread.h>

#include "api/api_gen.h"
#include "api/codebase.h"
#include "api/gateway/gateway.h"
#include "app/build_gen.h"
#include "app/default_model_gen.h"
#include "app/fetch.h"
#include "app/observe.h"
#include "app/server.h"
#include "app/store_command.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "net/http.h"
#include "rt/metrics.h"
#include "index/tables/tables.h"
#include "store/maintenance/maintenance.h"

/* Two cores read some hundred tokens in the time there is; each further cell of the window costs
 * memory in every slot, and none is worth it with the default model. */
#define DEFAULT_CONTEXT 1024
#define DATABASE_WORKERS \
    8 /* they wait more than they work; PostgreSQL's pool has ten connections */
#define HEALTH_MS          1000
#define CLOSE_MS           2000 /* of the drain time: for what has to be written down at the end */
#define INDEX_QUEUE        256
#define ONE_SHOT_TABLES_MS 5000 /* `index` without a server: its rows are written before it ends */
#define MODEL_WAIT_NS      60000000000ull /* a one-shot command waits this long for its model */

struct cm_server {
    cm_services services; /* first: handed out by address */
    cm_store_local local; /* the one user of local mode */
    cm_indexer *indexer;
    cm_settings_cell *settings;
    cm_owner *owner;
    cm_pool *database_pool; /* handlers that may wait for the database */
    cm_pool *index_pool;    /* NULL = jobs read on their own thread */
    cm_parser_pool *index_parser;
    cm_compute *compute;
    cm_metrics *metrics;
    cm_maintenance maintenance;
    cm_jobs *jobs; /* NULL in the short life of a one-shot command */
    cm_tables *tables;
    cm_sent sent;
    bool one_shot;
    cm_gateway *gateway;
    cm_loops *loops;
    cm_fetcher *fetcher; /* NULL = a model is there, or none is wanted */
    cm_tls *tls;
    cm_http_server *http;
    cm_buf address;
    pthread_mutex_t lock;
    pthread_cond_t drained;
    bool is_drained;
    cm_watchdog *watchdog; /* of the end; NULL = none */
};

/* ---- the parts, in order of opening ---- */

static cm_rc open_workers(cm_server *s, const cm_config *config, cm_err *err) {
    cm_rc rc = cm_pool_new((unsigned)config->http.workers, (size_t)config->http.queue_max,
                           &s->services.pool, err);
    if (rc == CM_OK) {
        rc = cm_pool_new(DATABASE_WORKERS, (size_t)config->http.queue_max, &s->database_pool, err);
    }
    cm_parser_options parser = {.workers = (unsigned)config->parse.workers,
                                .text_max = (size_t)config->index.max_file_size_kb * 1024,
                                .memory_max = CM_MIB(config->parse.memory_mb),
                                .deadline_ms = (uint32_t)config->parse.timeout_ms};
    s->compute = cm_compute_new();
    rc = rc == CM_OK ? cm_parser_pool_new(&parser, &s->services.parser, err) : rc;
    unsigned threads = (unsigned)config->index.threads;
    if (rc == CM_OK && threads != 1) { /* one of them is the job's own */
        rc = cm_pool_new_polite(threads, INDEX_QUEUE, &s->index_pool, err);
    }
    parser.workers = threads > 0 ? threads : parser.workers;
    return rc == CM_OK ? cm_parser_pool_new(&parser, &s->index_parser, err) : rc;
}

static cm_rc open_store(cm_server *s, const cm_config *config, const cm_places *places,
                        cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_store_options store = cm_store_settings(config, places, arena);
    store.health_ms = s->one_shot ? 0 : HEALTH_MS;
    cm_rc rc = cm_store_open(&store, &s->services.store, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_store_stats stats;
    cm_store_stats_get(s->services.store, &stats);
    if (stats.moved_aside != NULL) {
        cm_log(CM_LOG_ERROR, "the database was damaged; it is kept aside and a fresh one is used",
               CM_F("kept", stats.moved_aside));
    }
    return cm_store_local_get(s->services.store, &s->local, err);
}

static cm_rc open_tables(cm_server *s, const cm_config *config, cm_err *err) {
    static const enum cm_tables_mode modes[] = {
        [CM_CONFIG_INDEX_TABLES_NONE] = CM_TABLES_NONE,
        [CM_CONFIG_INDEX_TABLES_FILES] = CM_TABLES_FILES,
        [CM_CONFIG_INDEX_TABLES_ALL] = CM_TABLES_ALL,
    };
    cm_store_stats stats;
    cm_store_stats_get(s->services.store, &stats);
    cm_tables_options tables = {.store = s->services.store};
    if (config->index.tables != CM_CONFIG_INDEX_TABLES_AUTO) {
        tables.mode = modes[config->index.tables];
    } else {
        tables.mode = stats.engine == CM_POSTGRES ? CM_TABLES_ALL : CM_TABLES_FILES;
    }
    return cm_tables_open(&tables, &s->tables, err);
}

static cm_rc open_index(cm_server *s, const cm_config *config, const cm_places *places,
                        bool one_shot, cm_err *err) {
    cm_indexer_options options = {
        .index = {.parser = s->services.parser,
                  .job_parser = s->index_parser,
                  .pool = s->index_pool,
                  .compute = s->compute,
                  .threads = (unsigned)config->index.threads,
                  .history_commits = (unsigned)config->index.history_commits,
                  .no_history = config->index.history_commits == 0,
                  .sent = &s->sent,
                  .secrets = config->index.secrets == CM_CONFIG_INDEX_SECRETS_REDACT
                                 ? CM_SECRETS_REDACT
                                 : CM_SECRETS_SKIP,
                  .on_published = cm_tables_on_published},
        .watch = config->index.watch && !one_shot,
        .heal = !one_shot};
    s->sent = (cm_sent){s->services.store, places->data_dir};
    s->services.sent = &s->sent;
    cm_rc rc = open_tables(s, config, err);
    options.index.published_argument = s->tables;
    rc = rc == CM_OK ? cm_indexer_open(places->data_dir, &options, &s->indexer, err) : rc;
    cm_repositories_options repositories = {.store = s->services.store,
                                            .indexer = s->indexer,
                                            .sent = &s->sent,
                                            .settings = s->settings,
                                            .file_bytes_max =
                                                (size_t)config->index.max_file_size_kb * 1024,
                                            .style_guide = cm_codebase_style_guide};
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_repositories_open(&repositories, &s->services.repositories, err);
    cm_tables_follow(s->tables, cm_repositories_on_pass, s->services.repositories);
    return rc;
}

static bool log_progress(void *argument, const char *stage, double done) {
    (void)argument;
    if (done <= 0 || done >= 1) {
        cm_log(CM_LOG_INFO, "model", CM_F("stage", stage), CM_R("done", done));
    }
    return true;
}

/* Where the model is or will be: found, expected from script/bootstrap, or fetched from here. NULL = none.
 * `*ret_awaited`: it is not there yet. */
static cm_rc choose_model(cm_server *s, const cm_config *config, const cm_places *places,
                          bool one_shot, cm_arena *arena, const char **ret_path, bool *ret_awaited,
                          cm_err *err) {
    const char *origin;
    *ret_path = cm_places_model(config, places, arena, &origin);
    if (*ret_path != NULL || one_shot || config->model.fake) {
        return CM_OK;
    }
    *ret_path = cm_places_expected_model(arena);
    if (*ret_path == NULL && config->model.fetch) {
        *ret_path = cm_arena_fmt(arena, "%s/" CM_DEFAULT_MODEL_FILE, places->model_dir).ptr;
        *ret_awaited = true;
        return cm_fetcher_start(config->model.fetch_url, places->model_dir, &s->fetcher, err);
    }
    *ret_awaited = *ret_path != NULL;
    return CM_OK;
}

static cm_rc open_models(cm_server *s, const cm_config *config, const cm_places *places,
                         bool without, bool one_shot, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    s->services.models = cm_models_new();
    if (without) {
        return CM_OK;
    }
    const char *path = NULL;
    bool awaited = false;
    cm_rc rc = choose_model(s, config, places, one_shot, arena, &path, &awaited, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (path == NULL && !config->model.fake) {
        cm_log(CM_LOG_WARN, "no model found: completions come from the repository alone",
               CM_F("fix", "run 'codementor model fetch', or set model.path to a GGUF file"));
        return CM_OK;
    }
    bool q4 = config->model.quantisation == CM_CONFIG_MODEL_QUANTISATION_Q4_0;
    bool chosen = config->model.path[0] != '\0';
    cm_engine_options engine = {.model = {.name = config->model.fake ? "fake" : NULL,
                                          .path = config->model.fake ? NULL : path,
                                          .cache_dir = places->model_dir,
                                          .quantise = chosen ? CM_QUANTISE_AUTO
                                                      : q4   ? CM_QUANTISE_Q4_0
                                                             : CM_QUANTISE_Q8_0,
                                          .threads = (unsigned)config->model.threads,
                                          .progress = log_progress},
                                .context = config->model.context == 0 && !chosen
                                               ? DEFAULT_CONTEXT
                                               : (uint32_t)config->model.context,
                                .slots = (uint32_t)config->model.slots,
                                .threads = (uint32_t)config->model.threads,
                                .compute = s->compute,
                                .await_file = awaited};
    return cm_models_add(s->services.models, &engine, err);
}

static cm_rc open_assist(cm_server *s, const cm_config *config, cm_err *err) {
    cm_services *services = &s->services;
    cm_assist_options options = {.models = services->models,
                                 .parser = services->parser,
                                 .pool = services->pool,
                                 .store = services->store,
                                 .local = s->local,
                                 .metrics = s->metrics,
                                 .settings = s->settings,
                                 .max_prompt_ms = (uint32_t)config->model.max_prompt_ms,
                                 .max_predict_ms = (uint32_t)config->model.max_predict_ms};
    return cm_assist_new(&options, &services->assist, err);
}

static void observe(void *argument, cm_metrics *metrics) {
    const cm_server *s = argument;
    const cm_observed observed = {.http = s->http,
                                  .request_pool = s->services.pool,
                                  .database_pool = s->database_pool,
                                  .index_pool = s->index_pool,
                                  .parser = s->services.parser,
                                  .index_parser = s->index_parser,
                                  .compute = s->compute,
                                  .store = s->services.store,
                                  .indexer = s->indexer,
                                  .tables = s->tables};
    cm_observe(&observed, metrics);
}

static cm_rc open_gateway(cm_server *s, const cm_config *config, cm_err *err) {
    s->services.observe = observe;
    s->services.observe_argument = s;
    cm_gateway_config gateway = {.routes = cm_routes,
                                 .route_count = cm_route_count,
                                 .pool = s->services.pool,
                                 .database_pool = s->database_pool,
                                 .metrics = s->metrics,
                                 .services = &s->services,
                                 .local_mode = config->auth.mode == CM_CONFIG_AUTH_MODE_LOCAL,
                                 .local_caller = s->local,
                                 .store = s->services.store,
                                 .settings = s->settings};
    cm_rc rc = cm_gateway_new(&gateway, &s->gateway, err);
    rc = rc == CM_OK ? cm_loops_new((unsigned)config->http.loops, &s->loops, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    cm_http_config http = {.connections_max = (uint32_t)config->http.connections_max,
                           .body_budget = (size_t)config->http.body_budget_mb * CM_MIB(1),
                           .body_series =
                               cm_metrics_series(s->metrics, CM_METRIC_HTTP_BODY_BYTES, NULL),
                           .idle_ms = (uint32_t)config->http.idle_seconds * 1000};
    cm_http_handler handler = cm_gateway_handler(s->gateway);
    return cm_http_server_new(s->loops, &http, &handler, &s->http, err);
}

/* ---- listening ---- */

static bool is_loopback(cm_str host) {
    return cm_str_eq_c(host, "localhost") || cm_str_eq_c(host, "::1") ||
           cm_str_starts(host, CM_STR("127."));
}

static cm_rc listen_tcp(cm_server *s, const cm_config *config, cm_err *err) {
    cm_str host = cm_config_listen_host(config);
    if (config->auth.mode == CM_CONFIG_AUTH_MODE_LOCAL && !is_loopback(host)) {
        return cm_fail(err, CM_INVALID,
                       "in local mode the server listens on loopback only, not on '" CM_STR_FMT
                       "'; set http.listen to 127.0.0.1:PORT",
                       CM_STR_ARG(host));
    }
    if (config->http.tls_cert[0] != '\0') {
        cm_rc rc = cm_tls_new(config->http.tls_cert, config->http.tls_key, &s->tls, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    char wanted[300];
    bool v6 = cm_str_find_char(host, ':') != SIZE_MAX;
    snprintf(wanted, sizeof(wanted), "%s" CM_STR_FMT "%s:%u", v6 ? "[" : "", CM_STR_ARG(host),
             v6 ? "]" : "", (unsigned)cm_config_listen_port(config));
    cm_cleanup(cm_buf_done) cm_buf bound;
    cm_buf_init(&bound, CM_PATH_BYTES_MAX);
    cm_rc rc = cm_http_server_listen(s->http, wanted, s->tls, &bound, err);
    if (rc == CM_EXISTS) {
        return cm_fail(err, CM_CONFLICT,
                       "another program listens on %s; stop it, or choose another port with --port",
                       wanted);
    }
    if (rc == CM_OK) {
        cm_buf_add_f(&s->address, "%s://" CM_STR_FMT, s->tls == NULL ? "http" : "https",
                     CM_STR_ARG(cm_buf_str(&bound)));
    }
    return rc;
}

static cm_rc start_listening(cm_server *s, const cm_config *config, const cm_places *places,
                             const cm_server_options *options, cm_err *err) {
    char socket[CM_PATH_BYTES_MAX];
    snprintf(socket, sizeof(socket), "unix:%s", places->socket);
    cm_rc rc = cm_http_server_listen(s->http, socket, NULL, NULL, err);
    if (rc == CM_OK && !options->socket_only) {
        rc = listen_tcp(s, config, err);
    }
    return rc == CM_OK ? cm_owner_publish(s->owner, cm_buf_str(&s->address), err) : rc;
}

/* A one-shot command's only request would otherwise always come before its model. */
static void wait_for_model(cm_server *s) {
    if (cm_models_count(s->services.models) > 0) {
        cm_cancel *limit = cm_cancel_new(cm_clock_ns() + MODEL_WAIT_NS);
        cm_err err;
        if (cm_engine_wait(cm_models_at(s->services.models, 0, NULL), limit, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "the model cannot be used", &err);
        }
        cm_cancel_unref(limit);
    }
}

/* The setting may have changed since the last start. */
static cm_rc ask_for_vector_indexes(cm_server *s, const cm_config *config, cm_err *err) {
    cm_store_stats stats;
    cm_store_stats_get(s->services.store, &stats);
    if (stats.engine == CM_SQLITE) {
        if (config->vector.index_type != CM_CONFIG_VECTOR_INDEX_TYPE_HNSW) {
            cm_log(CM_LOG_INFO, "vector.index_type has no effect: SQLite looks at every vector");
        }
        return CM_OK;
    }
    cm_db db = cm_store_system(s->services.store);
    cm_uuid id;
    cm_job_new job = {.type = CM_STR(CM_JOB_VECTOR_INDEX),
                      .dedupe_key = CM_STR(CM_JOB_VECTOR_INDEX)};
    cm_rc rc = cm_job_add(&db, &job, &id, err);
    cm_jobs_wake(s->jobs);
    return rc;
}

static cm_rc close_deleted(void *repositories, cm_err *err) {
    return cm_repositories_drop_orphans(repositories, err);
}

static cm_rc open_jobs(cm_server *s, const cm_config *config, const cm_places *places,
                       cm_err *err) {
    s->maintenance.data_dir = places->data_dir;
    s->maintenance.close_deleted = close_deleted;
    s->maintenance.argument = s->services.repositories;
    cm_jobs_options options = cm_maintenance_options(s->services.store, &s->maintenance);
    options.metrics = s->metrics;
    cm_rc rc = cm_jobs_start(&options, &s->jobs, err);
    return rc == CM_OK ? ask_for_vector_indexes(s, config, err) : rc;
}

static cm_rc open_all(cm_server *s, const cm_config *config, const cm_places *places,
                      const cm_server_options *options, cm_err *err) {
    cm_rc rc = cm_owner_take(places, &s->owner, err);
    rc = rc == CM_OK ? open_workers(s, config, err) : rc;
    rc = rc == CM_OK ? open_store(s, config, places, err) : rc;
    rc = rc == CM_OK
             ? open_models(s, config, places, options->without_model, options->socket_only, err)
             : rc;
    rc = rc == CM_OK ? open_index(s, config, places, options->socket_only, err) : rc;
    rc = rc == CM_OK ? open_assist(s, config, err) : rc;
    rc = rc == CM_OK ? open_gateway(s, config, err) : rc;
    rc = rc == CM_OK ? start_listening(s, config, places, options, err) : rc;
    return rc == CM_OK && !options->socket_only ? open_jobs(s, config, places, err) : rc;
}

cm_rc cm_server_open(const cm_config *config, const cm_places *places,
                     const cm_server_options *options, cm_server **ret_server, cm_err *err) {
    cm_server *s = CM_NEW(cm_server);
    s->one_shot = options->socket_only;
    cm_settings settings = cm_config_settings(config);
    s->settings = cm_settings_cell_new(&settings, NULL);
    s->metrics = cm_metrics_new();
    s->services.version = CM_BUILD_VERSION;
    s->services.commit = CM_BUILD_COMMIT;
    s->services.build_date = CM_BUILD_DATE;
    cm_buf_init(&s->address, 512);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->drained, NULL);
    cm_rc rc = open_all(s, config, places, options, err);
    if (rc != CM_OK) {
        cm_server_close(s);
        return rc;
    }
    if (options->socket_only) {
        wait_for_model(s);
    }
    *ret_server = s;
    return CM_OK;
}

const char *cm_server_address(const cm_server *server) {
    return cm_buf_c(&server->address);
}

const cm_caller *cm_server_owner(const cm_server *server) {
    return &server->local;
}

const cm_services *cm_server_services(const cm_server *server) {
    return &server->services;
}

cm_settings_cell *cm_server_settings(const cm_server *server) {
    return server->settings;
}

uint64_t cm_server_idle_ms(const cm_server *server) {
    if (cm_gateway_in_flight(server->gateway) > 0) {
        return 0;
    }
    return (cm_clock_ns() - cm_gateway_last_active_ns(server->gateway)) / 1000000;
}

void cm_server_watch(cm_server *server, cm_watchdog *watchdog) {
    server->watchdog = watchdog;
}

static void on_drained(void *argument) {
    cm_server *s = argument;
    pthread_mutex_lock(&s->lock);
    s->is_drained = true;
    pthread_cond_signal(&s->drained);
    pthread_mutex_unlock(&s->lock);
}

void cm_server_drain(cm_server *server, uint32_t deadline_ms) {
    uint32_t requests_ms = deadline_ms - CM_MIN(deadline_ms, (uint32_t)CLOSE_MS);
    cm_http_server_drain(server->http, requests_ms, on_drained, server);
    pthread_mutex_lock(&server->lock);
    while (!server->is_drained) {
        pthread_cond_wait(&server->drained, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

void cm_server_close(cm_server *server) {
    if (server == NULL) {
        return;
    }
    cm_services *services = &server->services;
    if (server->http != NULL && !server->is_drained) {
        cm_server_drain(server, 0); /* no new request may reach what is closed below */
    }
    if (services->store != NULL) {
        cm_store_closing(services->store, CLOSE_MS); /* whatever the database does */
        cm_watchdog_at(server->watchdog, "writes that wait for the database");
        cm_err
            err; /* what was acknowledged is on the disk before anything that may be stuck is closed */
        if (cm_store_flush(services->store, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "rows that were posted may not be in the database", &err);
        }
    }
    if (server->gateway != NULL) {
        cm_watchdog_at(server->watchdog, "requests whose client has left");
        cm_gateway_wait(server->gateway); /* nor an old one whose client has left */
    }
    cm_watchdog_at(server->watchdog, "jobs of the database");
    cm_jobs_stop(server->jobs);
    cm_fetcher_stop(server->fetcher);
    cm_watchdog_at(server->watchdog, "models");
    cm_models_free(services->models); /* its callbacks submit to the pool, so before it */
    cm_watchdog_at(server->watchdog, "index jobs");
    cm_indexer_close(server->indexer);
    cm_watchdog_at(server->watchdog, "tables of the index");
    cm_tables_close(server->tables, server->one_shot ? ONE_SHOT_TABLES_MS : 0);
    cm_repositories_close(services->repositories);
    cm_watchdog_at(server->watchdog, "workers");
    cm_pool_free(server->index_pool);
    cm_pool_free(server->database_pool);
    cm_pool_free(services->pool); /* runs what is queued: answers of runs that just ended */
    cm_http_server_free(server->http);
    cm_loops_free(server->loops);
    cm_gateway_free(server->gateway);
    cm_assist_free(services->assist);
    cm_metrics_free(server->metrics);
    cm_watchdog_at(server->watchdog, "the database");
    cm_store_close(services->store);
    cm_watchdog_at(server->watchdog, "parse workers");
    cm_parser_pool_free(services->parser);
    cm_parser_pool_free(server->index_parser);
    cm_compute_free(server->compute);
    cm_tls_free(server->tls);
    cm_settings_cell_free(server->settings);
    cm_owner_release(server->owner);
    cm_buf_done(&server->address);
    pthread_cond_destroy(&server->drained);
    pthread_mutex_destroy(&server->lock);
    cm_free(server);
}
