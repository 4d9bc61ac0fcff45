/* pg_replica.c - see pg_replica.h. */
#include "store/postgres/pg_replica.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define CHECK_MS        1000
#define LAG_MS          5000
#define UNSURE_MS       5000 /* after a write of unknown outcome everybody reads on the primary */
#define REPLICA_WAIT_MS 5000
#define RETRY_MS        50 /* a replica known to be behind is asked again after this */

struct cm_pg_replicas {
    size_t count;
    cm_pg_replica *items;
    atomic_uint turn;
    _Atomic uint64_t newest, everyone;
    _Atomic uint64_t users[CM_PG_SLOTS];
    _Atomic uint64_t primary_until_ms; /* nobody reads on a replica before this */
    _Atomic uint64_t behind_ms;        /* when a reader last met a replica that was behind */
    _Atomic uint64_t reads;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `stopping` */
    pthread_cond_t stop;
    bool stopping;
};

static void raise_to(_Atomic uint64_t *at, uint64_t value) {
    uint64_t old = atomic_load(at);
    while (old < value && !atomic_compare_exchange_weak(at, &old, value)) {
    }
}

/* --- Who has written what ----------------------------------------------------------------------- */

static size_t slot_of(const cm_uuid *user) {
    uint64_t hash = 1469598103934665603ull;
    for (size_t i = 0; i < sizeof user->bytes; i++) {
        hash = (hash ^ user->bytes[i]) * 1099511628211ull;
    }
    return (hash ^ hash >> 32) % CM_PG_SLOTS;
}

void cm_pg_mark_writer(cm_pg_conn *conn, const cm_db *db) {
    if (db->scope == CM_DB_SYSTEM) {
        conn->system_wrote = true;
    } else {
        size_t slot = slot_of(&db->user_id);
        conn->wrote[slot / 64] |= 1ull << slot % 64;
    }
}

void cm_pg_note_write(cm_pg *self, cm_pg_conn *conn, uint64_t position) {
    struct cm_pg_replicas *r = self->replicas;
    if (position == 0) {
        raise_to(&r->primary_until_ms, cm_clock_ms() + UNSURE_MS);
    } else {
        raise_to(&r->newest, position);
        if (conn->system_wrote) {
            raise_to(&r->everyone, position);
        }
        for (size_t slot = 0; slot < CM_PG_SLOTS; slot++) {
            if (conn->wrote[slot / 64] >> slot % 64 & 1) {
                raise_to(&r->users[slot], position);
            }
        }
    }
    conn->system_wrote = false;
    memset(conn->wrote, 0, sizeof conn->wrote);
}

/* --- Reading ------------------------------------------------------------------------------------ */

cm_pg_replica *cm_pg_replica_for(cm_pg *self, const cm_db *db, uint64_t *ret_needed) {
    struct cm_pg_replicas *r = self->replicas;
    uint64_t now = cm_clock_ms();
    if (r == NULL || now < atomic_load(&r->primary_until_ms)) {
        return NULL;
    }
    uint64_t needed = atomic_load(&r->everyone);
    uint64_t own = db->scope == CM_DB_SYSTEM ? atomic_load(&r->newest)
                                             : atomic_load(&r->users[slot_of(&db->user_id)]);
    needed = CM_MAX(needed, own);
    bool patient = now - atomic_load(&r->behind_ms) < RETRY_MS;
    unsigned turn = atomic_fetch_add(&r->turn, 1);
    for (size_t i = 0; i < r->count; i++) {
        cm_pg_replica *replica = &r->items[(turn + i) % r->count];
        bool passed = atomic_load(&replica->replayed) >= needed;
        if (atomic_load(&replica->healthy) && (passed || !patient)) {
            *ret_needed = needed;
            return replica;
        }
    }
    return NULL;
}

static void leave_out(cm_pg_replica *replica, const char *why) {
    if (atomic_exchange(&replica->healthy, false)) {
        cm_log(CM_LOG_WARN, "database replica left out: reads go to the primary",
               CM_F("replica", replica->pool.place), CM_F("why", why));
    }
}

void cm_pg_replica_saw(cm_pg *self, cm_pg_replica *replica, cm_rc rc, uint64_t replayed,
                       const cm_err *why) {
    struct cm_pg_replicas *r = self->replicas;
    if (rc == CM_DATABASE_UNAVAILABLE) {
        leave_out(replica, why->text);
    } else if (rc == CM_OK && replayed == 0) {
        leave_out(replica, "it is not in recovery: no replica, or promoted");
    } else if (rc == CM_OK) {
        raise_to(&replica->replayed, replayed);
        atomic_fetch_add(&r->reads, 1);
    } else if (rc == CM_END) { /* behind what this asker has written */
        raise_to(&replica->replayed, replayed);
        atomic_store(&r->behind_ms, cm_clock_ms());
    }
}

/* --- Looking after them ------------------------------------------------------------------------- */

/* One position of one server; 0 = it has none of that kind. */
static cm_rc ask_position(cm_pg_pool *pool, const char *sql, uint64_t *ret_position, cm_err *err) {
    cm_pg_conn *conn;
    cm_rc rc = cm_pg_take(pool, NULL, &conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_pg_position(conn, sql, ret_position, err);
    cm_pg_give(conn);
    return rc;
}

/* Behind is who has not reached, LAG_MS later, where the primary was. */
static bool lags(cm_pg_replica *replica, uint64_t replayed, uint64_t primary) {
    uint64_t now = cm_clock_ms();
    if (replica->target == 0 || replayed >= replica->target) {
        replica->target = replayed < primary ? primary : 0;
        replica->behind_since_ms = now;
    }
    return replica->target != 0 && now - replica->behind_since_ms > LAG_MS;
}

static void check_replica(cm_pg_replica *replica, uint64_t primary) {
    cm_err err = {0};
    uint64_t replayed = 0;
    if (ask_position(&replica->pool, "SELECT pg_last_wal_replay_lsn()", &replayed, &err) != CM_OK) {
        leave_out(replica, err.text);
    } else if (replayed == 0) {
        leave_out(replica, "it is not in recovery: no replica, or promoted");
    } else if (lags(replica, replayed, primary)) {
        leave_out(replica, "it is more than 5 seconds behind");
    } else {
        atomic_store(&replica->replayed, replayed);
        if (!atomic_exchange(&replica->healthy, true)) {
            cm_log(CM_LOG_INFO, "database replica is read from",
                   CM_F("replica", replica->pool.place));
        }
    }
}

static void check_all(cm_pg *self) {
    struct cm_pg_replicas *r = self->replicas;
    uint64_t primary = 0;
    cm_err err = {0};
    cm_rc rc = ask_position(&self->primary, "SELECT pg_current_wal_flush_lsn()", &primary, &err);
    if (rc == CM_OK && cm_clock_ms() < atomic_load(&r->primary_until_ms)) {
        raise_to(&r->everyone, primary); /* the write of unknown outcome lies before this */
    }
    for (size_t i = 0; i < r->count; i++) {
        check_replica(&r->items[i], primary);
    }
}

static void *look_after(void *argument) {
    cm_pg *self = argument;
    struct cm_pg_replicas *r = self->replicas;
    pthread_mutex_lock(&r->mutex);
    while (!r->stopping) {
        pthread_mutex_unlock(&r->mutex);
        check_all(self);
        struct timespec next;
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_sec += CHECK_MS / 1000;
        pthread_mutex_lock(&r->mutex);
        if (!r->stopping) {
            pthread_cond_timedwait(&r->stop, &r->mutex, &next);
        }
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* --- Life --------------------------------------------------------------------------------------- */

static cm_rc add_replica(cm_pg *self, const char *url, cm_err *err) {
    if (!cm_str_starts(cm_str_from(url), CM_STR("postgresql://")) &&
        !cm_str_starts(cm_str_from(url), CM_STR("postgres://"))) {
        return cm_fail(err, CM_INVALID, "a replica's url must start with 'postgresql://'");
    }
    cm_pg_replica *replica = &self->replicas->items[self->replicas->count++];
    replica->pool = (cm_pg_pool){.store = self->store,
                                 .unprepared = self->primary.unprepared,
                                 .conns_max = self->primary.conns_max,
                                 .wait_ms = CM_MIN(self->primary.wait_ms, REPLICA_WAIT_MS),
                                 .is_replica = true,
                                 .never_waits = true};
    cm_pg_pool_init(&replica->pool, url);
    return CM_OK;
}

cm_rc cm_pg_replicas_open(cm_pg *self, const cm_store_options *options, cm_err *err) {
    size_t count = 0;
    while (options->replica_urls != NULL && options->replica_urls[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return CM_OK;
    }
    struct cm_pg_replicas *r = CM_NEW(struct cm_pg_replicas);
    r->items = cm_alloc(count * sizeof *r->items);
    self->replicas = r;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->stop, NULL);
    cm_rc rc = CM_OK;
    for (size_t i = 0; i < count && rc == CM_OK; i++) {
        rc = add_replica(self, options->replica_urls[i], err);
    }
    int failed = rc == CM_OK ? pthread_create(&r->thread, NULL, look_after, self) : 0;
    if (failed != 0) {
        rc = cm_fail_errno(err, failed, "cannot start looking after the replicas");
    }
    if (rc != CM_OK) {
        r->stopping = true; /* no thread to wait for */
    }
    return rc;
}

void cm_pg_replicas_close(cm_pg *self) {
    struct cm_pg_replicas *r = self->replicas;
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->mutex);
    bool runs = !r->stopping;
    r->stopping = true;
    pthread_cond_signal(&r->stop);
    pthread_mutex_unlock(&r->mutex);
    if (runs) {
        pthread_join(r->thread, NULL);
    }
    for (size_t i = 0; i < r->count; i++) {
        cm_pg_pool_done(&r->items[i].pool);
    }
    pthread_cond_destroy(&r->stop);
    pthread_mutex_destroy(&r->mutex);
    cm_free(r->items);
    cm_free(r);
    self->replicas = NULL;
}

void cm_pg_replica_stats(const cm_pg *self, cm_store_stats *ret_stats) {
    const struct cm_pg_replicas *r = self->replicas;
    for (size_t i = 0; r != NULL && i < r->count; i++) {
        ret_stats->replicas_healthy += atomic_load(&r->items[i].healthy);
    }
    ret_stats->replica_reads = r != NULL ? atomic_load(&r->reads) : 0;
}
