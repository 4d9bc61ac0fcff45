/* caretaker.h - a thread that sees to damaged indexes, unasked.
 *
 * It compares the checksums of what was too large to be checked at opening, at low priority; takes damaged segments out
 * of the snapshot, also those whose files were cut short while they were mapped (base/file.h); and has a job read again
 * what is missing, whether changes are watched or not. Until that is over the index is degraded, and says why.
 *
 * A job that runs already may have planned with what was taken out since: another one follows it.
 *
 * Thread: any. */
#ifndef CM_REPOSITORY_CARETAKER_H
#define CM_REPOSITORY_CARETAKER_H

#include "repository/indexer.h"

typedef struct cm_caretaker cm_caretaker;

/* `indexer` is borrowed. CM_IO: no descriptor or thread left. */
cm_rc cm_caretaker_start(cm_indexer *indexer, cm_caretaker **ret_caretaker,
                         cm_err *err) cm_must_check;
/* Ends a check that is under way, within a segment's part. NULL is allowed. */
void cm_caretaker_stop(cm_caretaker *caretaker);
/* A repository was opened or configured. NULL is allowed. */
void cm_caretaker_wake(cm_caretaker *caretaker);
/* Whether any index was degraded when it last looked; does not wait. NULL: false. */
bool cm_caretaker_is_degraded(const cm_caretaker *caretaker);

#endif
