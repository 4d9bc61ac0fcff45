/* assist_priv.h - what the files of assist/ share about the service. */
#ifndef CM_ASSIST_ASSIST_PRIV_H
#define CM_ASSIST_ASSIST_PRIV_H

#include <pthread.h>

#include "assist/assist.h"
#include "assist/recent.h"

struct cm_assist {
    cm_assist_options options;
    cm_series *in_flight;
    pthread_mutex_t lock; /* guards all below */
    cm_recent *recent;
};

/* Takes the request's id until cm_assist_record. CM_REQUEST_IN_PROGRESS when it is live already, CM_OVERLOADED
 * when too many are. */
cm_rc cm_assist_admit(cm_assist *assist, const cm_uuid *id, cm_err *err) cm_must_check;
/* Remembers the outcome for feedback, counts it and queues its rows for the store. */
void cm_assist_record(cm_assist *assist, const cm_completion *result, cm_rc rc);
/* Public name of an engine's model; "instant" for NULL. */
const char *cm_assist_model_name(const cm_assist *assist, const cm_engine *engine);

/* count.c: an ended completion as series of spec/metrics.toml. */
void cm_count_completion(cm_metrics *metrics, const cm_completion *result, cm_rc rc);

/* record.c: rows of a completion and of feedback, on the store's write queue. */
void cm_record_completion(const cm_assist *assist, const cm_completion *result, cm_rc rc);
void cm_record_feedback(const cm_assist *assist, const cm_recent_entry *entry, size_t result);

#endif
