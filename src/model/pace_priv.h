/* pace_priv.h - how fast this machine reads and writes, learnt while it works; how many threads and
 * how long drafts pay. */
#ifndef CM_MODEL_PACE_PRIV_H
#define CM_MODEL_PACE_PRIV_H

#include "base/base.h"

#define CM_PACE_RING    15
#define CM_PACE_LENGTHS 4

typedef struct cm_pace {
    double read_ms; /* a prompt token; 0 = not measured */
    double write_ms;
    unsigned threads_max;
    unsigned threads; /* in use for steps that generate: all or one */
    unsigned left;    /* steps until the other number is tried, or the trial ends */
    bool trial;
    double full_ms, single_ms; /* a step with all threads, with one: running means; 0 = not known */
    double recent[CM_PACE_RING]; /* steps with all threads */
    unsigned recent_count, recent_next;
    double draft_ms[CM_PACE_LENGTHS]; /* a step with this many draft tokens */
} cm_pace;

/* Draft lengths worth trying: the repacked kernels work on four rows at a time, so steps of 4, 8 and
 * 16 tokens are the cheap ones. */
extern const unsigned cm_draft_lengths[CM_PACE_LENGTHS];

void cm_pace_init(cm_pace *pace, unsigned threads);
/* A step that only read `tokens` prompt tokens. */
void cm_pace_read(cm_pace *pace, size_t tokens, double ms);
/* A step in which one request wrote one token and verified `drafts` more. */
void cm_pace_write(cm_pace *pace, size_t drafts, double ms);
/* Threads for the next step. */
unsigned cm_pace_threads(cm_pace *pace, bool reads, bool others_compute);
/* Prompt tokens read in `ms`. */
double cm_pace_readable(const cm_pace *pace, double ms);
/* Draft tokens to verify when each is right with probability `acceptance`; 0 = draft nothing. */
unsigned cm_pace_draft_length(const cm_pace *pace, double acceptance);

#endif
