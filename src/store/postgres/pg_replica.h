/* pg_replica.h - reading on streaming replicas without ever missing what the asker has written.
 *
 * Every acknowledged write notes a position of the primary's log behind its commit. A read may run on a
 * replica whose replay has passed what its asker has noted; the replica says how far it is in the very
 * transaction that reads, before the statement, so there is nothing to race with. Positions are kept in a
 * fixed table by a hash of the user: neighbours in a slot only read on the primary a little longer. What the
 * system writes counts for everybody.
 *
 * One thread looks after the replicas once a second: those that do not answer, are no replicas (any more) or
 * have been more than LAG_MS behind the primary are left out until they are well again. A reader that meets
 * trouble leaves the replica out at once and goes on on the primary.
 *
 * Not known: what other server processes have acknowledged to the same user. */
#ifndef CM_STORE_POSTGRES_PG_REPLICA_H
#define CM_STORE_POSTGRES_PG_REPLICA_H

#include "store/postgres/pg_priv.h"

#define CM_PG_SLOTS (CM_PG_SLOT_WORDS * 64)

typedef struct cm_pg_replica {
    cm_pg_pool pool;
    atomic_bool healthy;
    _Atomic uint64_t replayed; /* newest position it told */
    /* Of the looking thread: the primary's position it must reach, and since when it has not. */
    uint64_t target, behind_since_ms;
} cm_pg_replica;

/* Starts the looking thread. Errors: CM_INVALID (url). */
cm_rc cm_pg_replicas_open(cm_pg *self, const cm_store_options *options, cm_err *err) cm_must_check;
void cm_pg_replicas_close(cm_pg *self);

/* The asker's writes belong to the transaction on `conn` from now on. */
void cm_pg_mark_writer(cm_pg_conn *conn, const cm_db *db);
/* The transaction on `conn` is over. `position` 0: nobody knows whether it was committed. */
void cm_pg_note_write(cm_pg *self, cm_pg_conn *conn, uint64_t position);

/* A replica that this asker may read on once it has replayed `*ret_needed`; NULL = the primary. */
cm_pg_replica *cm_pg_replica_for(cm_pg *self, const cm_db *db, uint64_t *ret_needed);
/* What a read there has shown: `replayed` 0 = it is no replica. Leaves a bad one out. */
void cm_pg_replica_saw(cm_pg *self, cm_pg_replica *replica, cm_rc rc, uint64_t replayed,
                       const cm_err *why);

void cm_pg_replica_stats(const cm_pg *self, cm_store_stats *ret_stats);

#endif
