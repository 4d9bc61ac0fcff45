/* pg_exchange.h - what goes over one connection in pipeline mode: statements and what frames them out, results in.
 *
 * Sending queues and never waits; CM_DATABASE_UNAVAILABLE when the connection is lost, which is broken then. */
#ifndef CM_STORE_POSTGRES_PG_EXCHANGE_H
#define CM_STORE_POSTGRES_PG_EXCHANGE_H

#include "store/postgres/pg_priv.h"

#define CM_PG_SCRATCH_MAX CM_MIB(160) /* of one statement's values on the wire */

/* Prepared once a connection, like the queries: parsing them took a third of the time of a read. */
#define CM_PG_BEGIN_WRITE    "BEGIN"
#define CM_PG_BEGIN_READ     "BEGIN READ ONLY"
#define CM_PG_BEGIN_SNAPSHOT "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define CM_PG_COMMIT         "COMMIT"
#define CM_PG_WRITTEN        "SELECT pg_current_wal_insert_lsn()" /* covers what was committed before */

/* What a pipeline has said so far: the first error counts, the rest of it is skipped. */
typedef struct cm_pg_reply {
    cm_rc rc;
    bool again;
    bool lost;         /* the connection was: nobody knows what was done */
    bool late;         /* ... because the deadline passed */
    PGresult *result;  /* of the statement */
    uint64_t position; /* in the log: of a replica before a read, of the primary after a write */
} cm_pg_reply;

/* The same name is the same text, also beside a server of another version behind one pooler. */
void cm_pg_name_of(const char *sql, char name[24]);
/* The statement that says who asks; on a replica it also tells how far that is. */
const char *cm_pg_identity_of(const cm_pg_conn *conn);

/* CM_OK when libpq took it (`ok` as it says), else CM_DATABASE_UNAVAILABLE. */
cm_rc cm_pg_sent(cm_pg_conn *conn, int ok, cm_err *err) cm_must_check;
/* CM_DATABASE_UNAVAILABLE, as all that send. */
cm_rc cm_pg_send_plain(cm_pg_conn *conn, const char *sql, cm_err *err) cm_must_check;
/* CM_DATABASE_UNAVAILABLE. One of the statements above, or the identity. */
cm_rc cm_pg_send_framing(cm_pg_conn *conn, const char *sql, int count, const char *const *values,
                         cm_err *err) cm_must_check;
/* CM_DATABASE_UNAVAILABLE. Who asks: role and user until the end of the transaction. */
cm_rc cm_pg_send_identity(cm_pg_conn *conn, const cm_db *db, enum cm_durability durability,
                          cm_err *err) cm_must_check;
/* CM_DATABASE_UNAVAILABLE. `*ret_prepares`: a PREPARE was sent before the statement, so one result more comes. */
cm_rc cm_pg_send_query(cm_pg_conn *conn, const cm_db *db, const cm_query *query,
                       const cm_pg_params *p, bool *ret_prepares, cm_err *err) cm_must_check;

/* Takes the result of one command off the pipeline. `ret_result` NULL = not interesting. */
void cm_pg_receive(cm_pg_conn *conn, const cm_db *db, const char *what, cm_pg_reply *r,
                   PGresult **ret_result, cm_err *err);
/* The same for one that is only looked at for a position, in `column` (-1 = it has none). */
void cm_pg_receive_position(cm_pg_conn *conn, const cm_db *db, const char *what, int column,
                            cm_pg_reply *r, cm_err *err);
/* Rows to `sink` (may be NULL), how many changed to `ret_changed` (may be NULL). CM_NOMEM, CM_LIMIT, CM_INTERNAL (other
 * columns than declared), and what the sink fails with. */
cm_rc cm_pg_use_result(PGresult *result, const cm_query *query, cm_row_sink *sink,
                       uint64_t *ret_changed, cm_err *err) cm_must_check;

#endif
