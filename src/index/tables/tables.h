/* tables.h - what the index knows as rows of the database, for those who ask in SQL.
 *
 * Requests are answered from the index files; the tables `files`, `symbols`, `symbol_references`,
 * `file_dependencies` and `code_chunks` and the counts of `repositories` follow in the background. One
 * thread of low priority compares the rows with the newest snapshot and writes the difference: removed
 * documents go, changed ones are replaced whole, each in one transaction, a few at a time.
 *
 * There is no list of what is left to do. Each row of `files` carries a hash of everything its document's rows
 * were made from; what differs is written, so a pass that was killed, a database that was restored or
 * a mode that was changed are all the same case. Rejected: a queue of changes (lost by kill -9, wrong
 * after a restore) and writing while indexing (a slow database would make search stale).
 *
 * What depends on other documents is kept true in the same transaction: a use means the definition in its own
 * file, else the only one of that name in the repository; reference_count counts the uses so resolved.
 * Left out: files whose path is not UTF-8, which no text column takes.
 *
 * Publishing only sets a flag: many publishes become one pass. The thread rests as long as it worked, ten
 * times as long when the database is slow, and tries again later when it fails.
 *
 * Thread: any. */
#ifndef CM_INDEX_TABLES_TABLES_H
#define CM_INDEX_TABLES_TABLES_H

#include "base/buf.h"
#include "index/live/index.h"
#include "store/store.h"

enum cm_tables_mode {
    CM_TABLES_NONE,  /* only the counts of `repositories` */
    CM_TABLES_FILES, /* and `files` */
    CM_TABLES_ALL,   /* and what is in them */
};

typedef struct cm_tables_options {
    cm_store *store; /* borrowed */
    enum cm_tables_mode mode;
} cm_tables_options;

typedef struct cm_tables cm_tables;

/* Starts its thread. CM_IO: the system refuses one. */
cm_rc cm_tables_open(const cm_tables_options *options, cm_tables **ret_tables,
                     cm_err *err) cm_must_check;
/* After the indexer was closed. Waits up to `drain_ms` for what was published in this process; the rest is found
 * by the next one. NULL is allowed. */
void cm_tables_close(cm_tables *tables, uint32_t drain_ms);

/* Given to indexes as they are opened (cm_index_environment.on_published), `tables` as the argument. Never blocks on
 * the database. What was only opened is compared when there is time. */
void cm_tables_on_published(void *tables, cm_index *index, enum cm_index_news news);
/* What follows the index beside its tables: called by the thread of the tables after each pass that came to its end. */
typedef void cm_tables_pass_fn(void *argument, cm_index *index);
/* NULL = nobody. Returns when the one before is not at work any more. */
void cm_tables_follow(cm_tables *tables, cm_tables_pass_fn *follow, void *argument);
/* Without rests, until the tables show every snapshot published so far. CM_TIMEOUT. */
cm_rc cm_tables_wait(cm_tables *tables, uint64_t timeout_ms, cm_err *err) cm_must_check;

typedef struct cm_tables_stats {
    uint64_t passes;   /* comparisons with a snapshot that came to their end */
    uint64_t written;  /* documents whose rows were replaced */
    uint64_t removed;  /* documents whose rows were deleted */
    uint64_t rows;     /* inserted */
    uint64_t batches;  /* transactions */
    uint64_t failures; /* passes that ended early and are tried again */
    size_t waiting;    /* repositories whose rows are behind their snapshot now */
} cm_tables_stats;

void cm_tables_stats_get(cm_tables *tables, cm_tables_stats *ret_stats);

/* {"python": 3} of files and ["python"] of names, most bytes first: language_stats and languages. */
void cm_tables_languages(const cm_snapshot_statistics *statistics, cm_buf *stats, cm_buf *names);

#endif
