/* pg_exchange.c - see pg_exchange.h. */
#include "store/postgres/pg_exchange.h"

/* Who asks, and whether its commit waits for the disk. */
#define IDENTITY                                                                 \
    "SELECT set_config('role', $1, true), set_config('app.user_id', $2, true), " \
    "set_config('synchronous_commit', $3, true)"
#define REPLAYED ", pg_last_wal_replay_lsn()" /* on a replica: where it is */

/* --- Sending ---------------------------------------------------------------------------------- */

cm_rc cm_pg_sent(cm_pg_conn *conn, int ok, cm_err *err) {
    return ok != 0 ? CM_OK : cm_pg_lost(conn, "cannot send to the database", err);
}

cm_rc cm_pg_send_plain(cm_pg_conn *conn, const char *sql, cm_err *err) {
    return cm_pg_sent(conn, PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1), err);
}

/* The same name is the same text, also beside a server of another version behind one pooler. */
void cm_pg_name_of(const char *sql, char name[24]) {
    uint64_t hash = 1469598103934665603ull;
    for (const char *at = sql; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
    }
    snprintf(name, 24, "q%016llx", (unsigned long long)hash);
}

/* --- What stands around every statement ------------------------------------------------------- */

const char *cm_pg_identity_of(const cm_pg_conn *conn) {
    return conn->pool->is_replica ? IDENTITY REPLAYED : IDENTITY;
}

cm_rc cm_pg_send_framing(cm_pg_conn *conn, const char *sql, int count, const char *const *values,
                         cm_err *err) {
    char name[24];
    if (conn->pool->unprepared) {
        return cm_pg_sent(
            conn, PQsendQueryParams(conn->pg, sql, count, NULL, values, NULL, NULL, 1), err);
    }
    cm_pg_name_of(sql, name);
    return cm_pg_sent(conn, PQsendQueryPrepared(conn->pg, name, count, values, NULL, NULL, 1), err);
}

/* Who asks: role and user until the end of the transaction. */
cm_rc cm_pg_send_identity(cm_pg_conn *conn, const cm_db *db, enum cm_durability durability,
                          cm_err *err) {
    char user[CM_UUID_TEXT] = "";
    bool system = db->scope == CM_DB_SYSTEM;
    if (!system && !cm_uuid_is_nil(&db->user_id)) {
        cm_uuid_format(&db->user_id, user);
    }
    const char *values[] = {system ? "codementor_worker" : "codementor_app", user,
                            durability == CM_FULL ? "on" : "off"};
    return cm_pg_send_framing(conn, cm_pg_identity_of(conn), CM_COUNT(values), values, err);
}

/* `*ret_prepares`: a PREPARE was sent before the statement, so one result more comes. */
cm_rc cm_pg_send_query(cm_pg_conn *conn, const cm_db *db, const cm_query *query,
                       const cm_pg_params *p, bool *ret_prepares, cm_err *err) {
    const char *sql = query->sql[CM_POSTGRES][db->scope];
    *ret_prepares = false;
    if (conn->pool->unprepared) {
        return cm_pg_sent(conn,
                          PQsendQueryParams(conn->pg, sql, p->count, p->types, p->values,
                                            p->lengths, p->formats, 1),
                          err);
    }
    size_t slot = (size_t)query->index * 2 + db->scope;
    char name[24];
    cm_pg_name_of(sql, name);
    if (conn->prepared[slot] == 0) {
        *ret_prepares = true;
        cm_rc rc = cm_pg_sent(conn, PQsendPrepare(conn->pg, name, sql, p->count, p->types), err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return cm_pg_sent(
        conn, PQsendQueryPrepared(conn->pg, name, p->count, p->values, p->lengths, p->formats, 1),
        err);
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* Takes the result of one command off the pipeline. `ret_result` NULL = not interesting. */
void cm_pg_receive(cm_pg_conn *conn, const cm_db *db, const char *what, cm_pg_reply *r,
                   PGresult **ret_result, cm_err *err) {
    if (conn->broken) {
        return;
    }
    cm_err ignored;
    cm_err *to = r->rc == CM_OK ? err : &ignored;
    PGresult *result = cm_pg_wait(conn, db->cancel, to);
    if (result == NULL) {
        r->rc = r->rc == CM_OK ? CM_DATABASE_UNAVAILABLE : r->rc;
        r->lost = true;
        r->late = conn->late;
        conn->broken = true;
        return;
    }
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        return;
    }
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && r->rc == CM_OK) {
        r->rc = status == PGRES_PIPELINE_ABORTED
                    ? cm_fail(to, CM_INTERNAL, "%s: skipped after an error", what)
                    : cm_pg_fail(conn, result, what, &r->again, to);
        r->lost = conn->lost;
    }
    PGresult *end = conn->broken ? NULL : cm_pg_wait(conn, NULL, &ignored);
    PQclear(end); /* NULL: the end of this command */
    if (good && ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
}

static cm_rc read_rows(const PGresult *result, const cm_query *query, cm_row_sink *sink,
                       cm_arena *scratch, cm_err *err) {
    for (int row = 0; row < PQntuples(result); row++) {
        void *target = sink->add(sink, query);
        if (target == NULL) {
            return cm_fail(err, CM_NOMEM, "no memory for the rows of '%s'", query->name);
        }
        for (int i = 0; i < query->column_count; i++) {
            cm_value value;
            cm_rc rc = cm_pg_column(result, row, i, &query->columns[i], scratch, &value, err);
            if (rc == CM_OK) {
                rc = cm_value_write(&query->columns[i], &value, sink->arena, target, err);
            }
            if (rc != CM_OK) {
                return rc;
            }
        }
        cm_arena_clear(scratch);
        cm_rc rc = sink->take(sink, target, err);
        if (rc != CM_OK) {
            return rc == CM_END ? CM_OK : rc;
        }
    }
    return CM_OK;
}

cm_rc cm_pg_use_result(PGresult *result, const cm_query *query, cm_row_sink *sink,
                       uint64_t *ret_changed, cm_err *err) {
    cm_rc rc = CM_OK;
    if (sink != NULL && PQresultStatus(result) == PGRES_TUPLES_OK) {
        cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(CM_PG_SCRATCH_MAX);
        rc = cm_pg_check_columns(result, query, err);
        rc = rc == CM_OK ? read_rows(result, query, sink, scratch, err) : rc;
    }
    if (rc == CM_OK && ret_changed != NULL) {
        uint64_t changed = 0;
        if (cm_str_to_u64(cm_str_from(PQcmdTuples(result)), &changed)) {
            *ret_changed = changed;
        }
    }
    return rc;
}

/* A result that is only looked at for a position. */
void cm_pg_receive_position(cm_pg_conn *conn, const cm_db *db, const char *what, int column,
                            cm_pg_reply *r, cm_err *err) {
    PGresult *result = NULL;
    cm_pg_receive(conn, db, what, r, &result, err);
    if (result != NULL && column >= 0) {
        r->position = cm_pg_position_of(result, column);
    }
    PQclear(result);
}
