/* spool_priv.h - the file that keeps posted writes while the database is away (insiders of store/).
 *
 * Records are appended, synced together, and read again in their order. Each has a number; how far they are in the
 * database stands in its table `spools`, written in the transaction that writes them, so that none is written twice
 * whatever is unknown about a commit. Format: "Formats" in docs/design/store.md.
 *
 * Thread: one at a time. */
#ifndef CM_STORE_SPOOL_PRIV_H
#define CM_STORE_SPOOL_PRIV_H

#include "base/buf.h"
#include "store/query.h"

#define CM_SPOOL_RECORD_MAX CM_MIB(72) /* the largest value and all beside it */

/* One posted write: read from a spool, or about to be put there. */
typedef struct cm_spool_write {
    uint64_t number;
    enum cm_db_scope scope;
    cm_uuid user_id;
    int64_t now_ms; /* when it was posted */
    const cm_query *query;
    const void *params;
} cm_spool_write;

/* --- spool_record.c ------------------------------------------------------------------------- */

/* Appends to `out`. CM_LIMIT beyond CM_SPOOL_RECORD_MAX. */
cm_rc cm_spool_encode(const cm_spool_write *write, cm_buf *out, cm_err *err) cm_must_check;
/* Values are found by name, so a record of an earlier version still says what it says; the params and their texts are
 * made in `arena`. CM_CORRUPT, CM_NOT_FOUND (a query that is no more), CM_NOMEM. */
cm_rc cm_spool_decode(cm_str record, cm_arena *arena, cm_spool_write *ret_write,
                      cm_err *err) cm_must_check;

/* --- spool.c -------------------------------------------------------------------------------- */

typedef struct cm_spool cm_spool;

/* Reads what an earlier server has left; there is no file until something is put in. What follows a record that is
 * torn or damaged is moved aside and said in the log. At most `max` bytes are kept.
 * Errors: CM_IO, CM_DENIED, CM_STORAGE_FULL. */
cm_rc cm_spool_open(const char *path, uint64_t max, cm_spool **ret_spool,
                    cm_err *err) cm_must_check;
void cm_spool_close(cm_spool *spool); /* NULL is allowed */

cm_uuid cm_spool_id(const cm_spool *spool);
uint64_t cm_spool_last(const cm_spool *spool); /* number of the last record; 0 = there are none */
uint64_t cm_spool_waiting(const cm_spool *spool); /* records */
uint64_t cm_spool_bytes(const cm_spool *spool);   /* ... and their size on disk */

/* Appends records that cm_spool_encode has put one after the other into `records`, all or none, and returns
 * when they are on the disk. CM_STORAGE_FULL (also beyond `max`), CM_IO. */
cm_rc cm_spool_append(cm_spool *spool, cm_str records, size_t count, uint64_t last,
                      cm_err *err) cm_must_check;
/* The first records that are not done, at most `count_max` and at least one, copied into `out`;
 * `*ret_count` 0 = none. CM_IO, CM_CORRUPT (they are moved aside at the next open). */
cm_rc cm_spool_peek(cm_spool *spool, size_t count_max, cm_buf *out, size_t *ret_count,
                    cm_err *err) cm_must_check;
/* The next record of what cm_spool_peek gave, or an empty one at its end. */
cm_str cm_spool_next(cm_str *rest);
/* The first `count` are in the database. Without any left the file is emptied. */
void cm_spool_done(cm_spool *spool, size_t count);

/* How many bytes of `bytes` are whole records, and how many records: what the reader trusts. */
size_t cm_spool_scan(cm_str bytes, size_t *ret_count, uint64_t *ret_last);

#endif
