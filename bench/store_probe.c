/* store_probe.c - what the database costs: writes that survive power loss one by one and by many at once,
 * point reads, and what posting a completion's rows costs the thread that posts. Driven by bench/store.py;
 * prints one JSON object. The peer is SQLite itself, used directly: one FULL transaction a row. With a URL the same on
 * PostgreSQL; the peer there is libpq used plainly, one prepared statement and one round trip a row. */
#include "base/base.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/q/completion_requests.h"
#include "store/q/usage_metrics.h"
#include "store/q/users.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define SINGLE_WRITES 400
#define GROUP_WRITES  40000
#define THREADS_MAX   256
#define READS         100000
#define POSTS         20000
#define STALLED_POSTS 10000 /* fewer than may wait */
#define PG_WRITES     2000
#define PG_READS      5000

typedef struct worker {
    cm_store *store;
    pthread_t thread;
    unsigned writes;
    bool failed;
} worker;

static double per_second(uint64_t count, uint64_t start_ns) {
    return (double)count * 1e9 / (double)(cm_clock_ns() - start_ns);
}

static cm_rc add_user(const cm_db *db, cm_err *err) {
    cm_uuid id = cm_uuid_v7();
    char email[64] = "bench-";
    cm_uuid_format(&id, email + 6);
    cm_q_users_insert_in in = {.id = id, .email = cm_str_from(email), .name = CM_STR("bench")};
    return cm_q_users_insert(db, &in, err);
}

static void *write_users(void *argument) {
    worker *w = argument;
    cm_db db = cm_store_system(w->store);
    for (unsigned i = 0; i < w->writes && !w->failed; i++) {
        cm_err err;
        w->failed = add_user(&db, &err) != CM_OK;
    }
    return NULL;
}

static double group_writes(cm_store *store, unsigned threads, unsigned writes) {
    static worker workers[THREADS_MAX];
    uint64_t start = cm_clock_ns();
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (worker){.store = store, .writes = writes / threads};
        if (pthread_create(&workers[i].thread, NULL, write_users, &workers[i]) != 0) {
            exit(1);
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].failed) {
            exit(1);
        }
    }
    return per_second(writes / threads * threads, start);
}

/* The peer: the same row through SQLite's own interface, one transaction and one sync each. */
static double raw_writes(const char *path, unsigned writes) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v2(db, "INSERT INTO users (id, email, name) VALUES (?1, ?1, 'bench')", -1,
                           &stmt, NULL) != SQLITE_OK) {
        exit(1);
    }
    uint64_t start = cm_clock_ns();
    for (unsigned i = 0; i < writes; i++) {
        char text[CM_UUID_TEXT];
        cm_uuid id = cm_uuid_v7();
        cm_uuid_format(&id, text);
        sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
        if (sqlite3_step(stmt) != SQLITE_DONE) {
            exit(1);
        }
        sqlite3_reset(stmt);
    }
    double rate = per_second(writes, start);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return rate;
}

static double point_reads(cm_store *store, unsigned reads) {
    cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(store);
    cm_row_users row;
    cm_err err;
    if (cm_q_users_local(&db, arena, &row, &err) != CM_OK) {
        exit(1);
    }
    cm_q_users_get_in get = {row.id};
    uint64_t start = cm_clock_ns();
    for (unsigned i = 0; i < reads; i++) {
        cm_arena_clear(arena);
        if (cm_q_users_get(&db, &get, arena, &row, &err) != CM_OK) {
            exit(1);
        }
    }
    double rate = per_second(reads, start);
    cm_arena_free(arena);
    return rate;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Nanoseconds a posting thread spends per completion request. */
static void posts(cm_store *store, unsigned count, unsigned flush_each, double *ret_p50,
                  double *ret_p99, double *ret_max) {
    static uint64_t took[POSTS];
    cm_db db = cm_store_system(store);
    for (unsigned i = 0; i < count; i++) {
        cm_q_completion_requests_insert_in in = {.id = cm_uuid_v7(),
                                                 .completion_type = CM_STR("fim"),
                                                 .language = CM_STR("c"),
                                                 .model_used = CM_STR("instant")};
        uint64_t start = cm_clock_ns();
        cm_q_completion_requests_insert_post(&db, &in, NULL);
        took[i] = cm_clock_ns() - start;
        if (i % flush_each == flush_each - 1) {
            cm_err err;
            if (cm_store_flush(store, &err) != CM_OK) {
                exit(1);
            }
        }
    }
    qsort(took, count, sizeof took[0], compare);
    *ret_p50 = (double)took[count / 2];
    *ret_p99 = (double)took[count * 99 / 100];
    *ret_max = (double)took[count - 1];
}

static cm_store *open_in(const char *dir) {
    cm_store *store;
    cm_store_local local;
    cm_err err;
    if (cm_store_open(&(cm_store_options){.data_dir = dir}, &store, &err) != CM_OK ||
        cm_store_local_get(store, &local, &err) != CM_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return store;
}

/* --- PostgreSQL --- */

static void must(PGconn *pg, PGresult *result) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(pg));
        exit(1);
    }
    PQclear(result);
}

/* The peers: the same row, and the same point read, by a prepared statement each. */
static void raw_postgres(PGconn *pg, double *ret_writes, double *ret_reads) {
    must(pg,
         PQprepare(pg, "w", "INSERT INTO users (id, email, name) VALUES ($1, $1::text, 'bench')", 1,
                   (const Oid[]){2950}));
    must(pg, PQprepare(pg, "r", "SELECT * FROM users WHERE id = $1", 1, (const Oid[]){2950}));
    char text[CM_UUID_TEXT];
    const char *values[] = {text};
    uint64_t start = cm_clock_ns();
    for (unsigned i = 0; i < PG_WRITES; i++) {
        cm_uuid id = cm_uuid_v7();
        cm_uuid_format(&id, text);
        must(pg, PQexecPrepared(pg, "w", 1, values, NULL, NULL, 1));
    }
    *ret_writes = per_second(PG_WRITES, start);
    start = cm_clock_ns();
    for (unsigned i = 0; i < PG_READS; i++) {
        must(pg, PQexecPrepared(pg, "r", 1, values, NULL, NULL, 1));
    }
    *ret_reads = per_second(PG_READS, start);
}

/* What one statement of the store is on the wire, written by hand: BEGIN, identity, statement and COMMIT in one
 * round trip. `parsed`: the three around it are parsed each time, as PQsendQueryParams does. */
static double raw_pipeline(PGconn *pg, const char *statement, unsigned count, bool writes,
                           bool parsed) {
    static const char identity[] =
        "SELECT set_config('role', $1, true), set_config('app.user_id', $2, true), "
        "set_config('synchronous_commit', $3, true)";
    static const char *const who[] = {"codementor_worker", "", "on"};
    const char *begin = writes ? "BEGIN" : "BEGIN READ ONLY";
    char text[CM_UUID_TEXT];
    const char *values[] = {text};
    if (!parsed) {
        must(pg, PQprepare(pg, writes ? "bw" : "br", begin, 0, NULL));
        must(pg, PQprepare(pg, writes ? "iw" : "ir", identity, 0, NULL));
        must(pg, PQprepare(pg, writes ? "cw" : "cr", "COMMIT", 0, NULL));
    }
    cm_uuid id = cm_uuid_v7();
    cm_uuid_format(&id, text);
    PQenterPipelineMode(pg);
    uint64_t start = cm_clock_ns();
    for (unsigned i = 0; i < count; i++) {
        if (writes) {
            id = cm_uuid_v7();
            cm_uuid_format(&id, text);
        }
        if (parsed) {
            PQsendQueryParams(pg, begin, 0, NULL, NULL, NULL, NULL, 1);
            PQsendQueryParams(pg, identity, 3, NULL, who, NULL, NULL, 1);
        } else {
            PQsendQueryPrepared(pg, writes ? "bw" : "br", 0, NULL, NULL, NULL, 1);
            PQsendQueryPrepared(pg, writes ? "iw" : "ir", 3, who, NULL, NULL, 1);
        }
        PQsendQueryPrepared(pg, statement, 1, values, NULL, NULL, 1);
        if (parsed) {
            PQsendQueryParams(pg, "COMMIT", 0, NULL, NULL, NULL, NULL, 1);
        } else {
            PQsendQueryPrepared(pg, writes ? "cw" : "cr", 0, NULL, NULL, NULL, 1);
        }
        PQpipelineSync(pg);
        for (int answers = 0; answers < 4; answers++) {
            must(pg, PQgetResult(pg));
            PQclear(PQgetResult(pg)); /* the end of one command */
        }
        PQclear(PQgetResult(pg)); /* the sync */
    }
    double rate = per_second(count, start);
    PQexitPipelineMode(pg);
    return rate;
}

static int postgres_figures(const char *url) {
    static const unsigned threads[] = {1, 16, 64};
    cm_store *store;
    cm_store_local local;
    cm_err err;
    double writes, reads, p50, p99, max;
    if (cm_store_open(&(cm_store_options){.url = url, .readers = 64}, &store, &err) != CM_OK ||
        cm_store_local_get(store, &local, &err) != CM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    PGconn *pg = PQconnectdb(url);
    raw_postgres(pg, &writes, &reads);
    printf("{\"libpq_one_by_one\":%.0f,\"libpq_pipelined\":%.0f,\"libpq_pipelined_parsed\":%.0f",
           writes, raw_pipeline(pg, "w", PG_WRITES, true, false),
           raw_pipeline(pg, "w", PG_WRITES, true, true));
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        printf(",\"threads_%u\":%.0f", threads[i], group_writes(store, threads[i], PG_WRITES));
    }
    printf(",\"libpq_point_reads\":%.0f,\"libpq_pipelined_reads\":%.0f,\"point_reads\":%.0f", reads,
           raw_pipeline(pg, "r", PG_READS, false, false), point_reads(store, PG_READS));
    posts(store, POSTS, 500, &p50, &p99, &max);
    printf(",\"post_p50_us\":%.2f,\"post_p99_us\":%.2f,\"post_max_us\":%.1f", p50 / 1e3, p99 / 1e3,
           max / 1e3);
    /* A database that answers nobody who wants this table. */
    must(pg, PQexec(pg, "BEGIN; LOCK TABLE completion_requests IN ACCESS EXCLUSIVE MODE"));
    posts(store, STALLED_POSTS, STALLED_POSTS + 1, &p50, &p99, &max);
    must(pg, PQexec(pg, "COMMIT"));
    printf(",\"stalled_p50_us\":%.2f,\"stalled_p99_us\":%.2f,\"stalled_max_us\":%.1f}\n", p50 / 1e3,
           p99 / 1e3, max / 1e3);
    PQfinish(pg);
    cm_store_close(store);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "store_probe DIRECTORY | store_probe postgresql://...\n");
        return 2;
    }
    cm_log_init(CM_LOG_WARN, CM_LOG_HUMAN, STDERR_FILENO);
    if (cm_str_starts(cm_str_from(argv[1]), CM_STR("postgresql:"))) {
        return postgres_figures(argv[1]);
    }
    cm_store_close(open_in(argv[1]));
    char path[512];
    snprintf(path, sizeof path, "%s/codementor.db", argv[1]);
    double raw = raw_writes(path, SINGLE_WRITES);
    cm_store *store = open_in(argv[1]);
    double one = group_writes(store, 1, SINGLE_WRITES);
    double p50, p99, max;
    printf("{\"sqlite_one_by_one\":%.0f,\"threads_1\":%.0f", raw, one);
    for (unsigned threads = 4; threads <= THREADS_MAX; threads *= 4) {
        printf(",\"threads_%u\":%.0f", threads,
               group_writes(store, threads, CM_MIN(threads * 200u, (unsigned)GROUP_WRITES)));
    }
    printf(",\"point_reads\":%.0f", point_reads(store, READS));
    posts(store, POSTS, 500, &p50, &p99, &max);
    printf(",\"post_p50_us\":%.2f,\"post_p99_us\":%.2f,\"post_max_us\":%.1f}\n", p50 / 1e3,
           p99 / 1e3, max / 1e3);
    cm_store_close(store);
    return 0;
}
