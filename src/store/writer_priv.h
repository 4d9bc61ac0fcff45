/* writer_priv.h - what writer.c and writer_spool.c share: the jobs of the writer thread. */
#ifndef CM_STORE_WRITER_PRIV_H
#define CM_STORE_WRITER_PRIV_H

#include "store/spool_priv.h"
#include "store/store_priv.h"

typedef struct cm_write_job {
    struct cm_write_job *next;
    cm_db db;
    enum cm_durability durability;
    cm_tx_fn *run;
    void *argument;
    void (*release)(void *); /* posted jobs only */
    bool barrier;            /* does nothing: it is done when what was posted before it is kept */
    bool posted;             /* the job owns its argument; nobody needs to wait for it */
    const cm_query *query;   /* of a posted statement, which can be spooled; or NULL */
    const void *params;
    uint64_t number; /* of a posted statement, rising; 0 = none yet */
    bool begun;      /* its caller stays until it is done, unless it is posted */
    bool withdrawn;  /* its caller has gone: it must not run, unless it is posted */
    bool done;
    cm_rc rc;
    cm_err err;
    pthread_cond_t *wake; /* of who waits, or NULL */
} cm_write_job;

struct cm_writer {
    cm_store *store;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    cm_write_job *first, *last;
    size_t waiting;
    size_t posted_waiting;
    size_t posted_max;
    bool stopping;
    cm_store_stats stats;
    uint64_t losses; /* posted writes that were neither committed nor spooled */
    /* Of the thread alone: */
    cm_spool *spool;       /* NULL = posted writes have nowhere else to go */
    uint64_t number;       /* of the last posted statement */
    uint64_t refused;      /* spooled writes that the database would not have */
    uint64_t try_again_ms; /* when the spool's records are tried next */
};

/* How a transaction of jobs ended. When it failed as a whole, each job has the error. */
typedef struct cm_write_outcome {
    cm_write_job *rest; /* the first job that was not run for lack of time */
    enum { CM_COMMITTED, CM_NOT_BEGUN, CM_UNDONE, CM_UNSURE } end;
    bool again; /* for a reason that may be gone next time */
} cm_write_outcome;

#define CM_WRITER_GROUP_NS \
    (1000 * 1000 * 1000ull) /* a group's time on a database that may be away */

/* --- writer_spool.c ------------------------------------------------------------------------- */

/* Opens what an earlier server has left. */
cm_rc cm_writer_open_spool(cm_writer *writer, const cm_store_options *options,
                           cm_err *err) cm_must_check;
/* May the same write succeed later, without anybody changing it? */
bool cm_write_may_come(cm_rc rc);
/* The posted statements of jobs up to `stop` are kept: from now on rc says whether they are. */
void cm_writer_spool(cm_writer *writer, cm_write_job *group, const cm_write_job *stop);
/* One transaction of spooled writes. False when there are none, or the database does not take them now. */
bool cm_writer_replay(cm_writer *writer);
bool cm_writer_is_spooling(const cm_writer *writer);
/* Written in the transaction of the group that ends with this number. */
cm_rc cm_writer_advance(const cm_writer *writer, const cm_db *db, uint64_t number,
                        cm_err *err) cm_must_check;

#endif
