/* compute.h - who may use the cores now.
 *
 * Compute threads of a model spin at every barrier: beside one other busy thread, two-thread
 * decoding falls from 7 to over 30 ms a token (docs/design/model.md). So inference announces itself,
 * and background work (parsing, embedding) asks before each file: it waits while inference is
 * running, but never longer than CM_COMPUTE_WAIT_MS a time, so that a busy team still gets its
 * index.
 *
 * Thread: any. */
#ifndef CM_RT_COMPUTE_H
#define CM_RT_COMPUTE_H

#include "rt/cancel.h"

#define CM_COMPUTE_WAIT_MS 200

typedef struct cm_compute cm_compute;

cm_compute *cm_compute_new(void);
void cm_compute_free(cm_compute *compute); /* NULL is allowed, here and below: nothing waits then */
/* Inference, around a run of steps. Never waits. Calls nest and add up. */
void cm_compute_foreground_begin(cm_compute *compute);
void cm_compute_foreground_end(cm_compute *compute);
/* Background work, around one file or batch. Begin waits; a token that is cancelled ends the wait, and what
 * began must be ended all the same. `cancel` may be NULL. */
void cm_compute_background_begin(cm_compute *compute, const cm_cancel *cancel);
void cm_compute_background_end(cm_compute *compute);
/* Background pieces running now; inference then leaves them a core. */
unsigned cm_compute_background_count(const cm_compute *compute);

typedef struct cm_compute_stats {
    uint64_t pieces;  /* of background work that have begun */
    uint64_t waited;  /* of them: found inference at work and waited */
    uint64_t expired; /* of those: began beside it after CM_COMPUTE_WAIT_MS */
    unsigned running; /* pieces now */
    unsigned waiting; /* ... that have asked and may not begin yet */
} cm_compute_stats;
cm_compute_stats cm_compute_stats_get(const cm_compute *compute);

#endif
