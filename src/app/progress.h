/* progress.h - how far a long step is: a bar on a terminal, a plain line now and then elsewhere.
 *
 * Thread: owner. Writes to standard error. */
#ifndef CM_APP_PROGRESS_H
#define CM_APP_PROGRESS_H

#include "base/str.h"

typedef struct cm_progress {
    const char *what; /* "indexing" */
    bool terminal;
    bool quiet;        /* --json: nothing is drawn */
    double shown;      /* last value drawn */
    uint64_t shown_ns; /* when */
} cm_progress;

void cm_progress_init(cm_progress *progress, const char *what, bool quiet);
/* `done` 0..1; `detail` follows it ("1,204 of 3,300 files"). */
void cm_progress_show(cm_progress *progress, double done, const char *detail);
/* Ends the bar's line. */
void cm_progress_end(cm_progress *progress);

#endif
