/* assist.c - the service around single runs: admission, memory of recent ones, feedback, counts. */
#include "base/base.h"

#include "assist/assist_priv.h"
#include "base/clock.h"
#include "base/mem.h"

#define RECENT_MAX      4096
#define FEEDBACK_MAX_MS (24 * 3600 * 1000ll)

cm_rc cm_assist_new(const cm_assist_options *options, cm_assist **ret_assist, cm_err *err) {
    cm_assist *assist = CM_NEW(cm_assist);
    assist->options = *options;
    if (pthread_mutex_init(&assist->lock, NULL) != 0) {
        cm_free(assist);
        return cm_fail(err, CM_NOMEM, "cannot make a lock");
    }
    assist->recent = cm_recent_new(RECENT_MAX);
    assist->in_flight = cm_metrics_series(options->metrics, CM_METRIC_COMPLETIONS_IN_FLIGHT, NULL);
    *ret_assist = assist;
    return CM_OK;
}

void cm_assist_free(cm_assist *assist) {
    if (assist != NULL) {
        cm_recent_free(assist->recent);
        pthread_mutex_destroy(&assist->lock);
        cm_free(assist);
    }
}

const char *cm_assist_model_name(const cm_assist *assist, const cm_engine *engine) {
    cm_str name = CM_STR_EMPTY;
    for (size_t i = 0; engine != NULL && i < cm_models_count(assist->options.models); i++) {
        if (cm_models_at(assist->options.models, i, &name) == engine) {
            return name.ptr;
        }
    }
    return "instant";
}

cm_rc cm_assist_admit(cm_assist *assist, const cm_uuid *id, cm_err *err) {
    cm_rc rc = CM_OK;
    pthread_mutex_lock(&assist->lock);
    cm_recent_entry *entry = cm_recent_find(assist->recent, id);
    if (entry != NULL && cm_state_is_live(entry->life.state)) {
        rc = cm_fail(err, CM_REQUEST_IN_PROGRESS, "a completion with this request_id is running");
    } else if (cm_recent_add(assist->recent, id) == NULL) {
        rc = cm_fail(err, CM_OVERLOADED, "%d completions are under way already", RECENT_MAX);
    } else {
        cm_series_add(assist->in_flight, 1);
    }
    pthread_mutex_unlock(&assist->lock);
    return rc;
}

void cm_assist_record(cm_assist *assist, const cm_completion *result, cm_rc rc) {
    pthread_mutex_lock(&assist->lock);
    cm_recent_entry *entry = cm_recent_find(assist->recent, &result->request->id);
    if (entry != NULL) {
        cm_recent_set_results(entry, result);
    }
    pthread_mutex_unlock(&assist->lock);
    cm_series_add(assist->in_flight, -1);
    cm_count_completion(assist->options.metrics, result, rc);
    cm_record_completion(assist, result, rc);
}

/* ---- feedback ---- */

static cm_recent_result *result_of(cm_recent_entry *entry, const cm_uuid *id) {
    for (size_t i = 0; i < entry->result_count; i++) {
        if (cm_uuid_is_nil(id) || cm_uuid_eq(&entry->results[i].id, id)) {
            return &entry->results[i];
        }
    }
    return NULL;
}

/* A request counts as rejected when its last result was. */
static bool others_refused(const cm_recent_entry *entry, const cm_recent_result *result) {
    for (size_t i = 0; i < entry->result_count; i++) {
        const cm_recent_result *other = &entry->results[i];
        if (other != result && !(other->has_accepted && !other->accepted)) {
            return false;
        }
    }
    return true;
}

static cm_rc accept(cm_recent_entry *entry, cm_recent_result *result, const cm_feedback *feedback,
                    cm_err *err) {
    cm_rc rc = cm_lifecycle_enter(&entry->life, CM_STATE_ACCEPTED, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (size_t i = 0; i < entry->result_count; i++) {
        entry->results[i].has_accepted = true;
        entry->results[i].accepted = &entry->results[i] == result;
    }
    result->accepted_at_ms = feedback->at_ms;
    result->accepted_length = CM_MAX(result->accepted_length, feedback->accepted_length);
    snprintf(result->kind, sizeof(result->kind), "%s", feedback->kind);
    return CM_OK;
}

static cm_rc reject(cm_recent_entry *entry, cm_recent_result *result, cm_err *err) {
    bool undo = result->has_accepted && result->accepted;
    if (undo) {
        cm_rc rc = cm_lifecycle_enter(&entry->life, CM_STATE_MODIFIED, err);
        if (rc == CM_OK) {
            cm_recent_set_modified(result, CM_STR_EMPTY);
        }
        return rc;
    }
    if (others_refused(entry, result)) {
        cm_rc rc = cm_lifecycle_enter(&entry->life, CM_STATE_REJECTED, err);
        if (rc != CM_OK) {
            return rc;
        }
    } else if (!cm_lifecycle_allows(entry->life.state, CM_STATE_REJECTED)) {
        return cm_fail(err, CM_INVALID_TRANSITION, "a request that is %s takes no refusal",
                       cm_state_name(entry->life.state));
    }
    result->has_accepted = true;
    result->accepted = false;
    return CM_OK;
}

/* Same feedback again changes nothing and is no error: editors retry. */
static bool is_repeat(const cm_recent_result *result, const cm_feedback *feedback) {
    bool same_verdict =
        result->has_accepted && result->accepted == feedback->accepted &&
        (!feedback->accepted || feedback->accepted_length <= result->accepted_length);
    bool same_text =
        !feedback->has_modified_text ||
        (result->has_modified && cm_str_eq(result->modified_text, feedback->modified_text));
    return same_verdict && same_text;
}

static cm_rc apply(cm_recent_entry *entry, cm_recent_result *result, const cm_feedback *feedback,
                   cm_err *err) {
    if (is_repeat(result, feedback)) {
        return CM_OK;
    }
    if (!feedback->accepted) {
        return reject(entry, result, err);
    }
    if (!result->accepted || !feedback->has_modified_text) {
        cm_rc rc = accept(entry, result, feedback, err);
        if (rc != CM_OK || !feedback->has_modified_text) {
            return rc;
        }
    }
    bool kept = cm_str_eq(result->text, feedback->modified_text);
    cm_rc rc = cm_lifecycle_enter(&entry->life, kept ? CM_STATE_RETAINED : CM_STATE_MODIFIED, err);
    if (rc == CM_OK) {
        cm_recent_set_modified(result, feedback->modified_text);
    }
    return rc;
}

cm_rc cm_assist_feedback(cm_assist *assist, const cm_uuid *request_id, const cm_feedback *feedback,
                         cm_err *err) {
    cm_feedback given = *feedback;
    if (!given.has_accepted && !given.has_modified_text) {
        return cm_fail(err, CM_INVALID, "feedback needs `accepted` or `modified_text`");
    }
    given.accepted = given.has_accepted ? given.accepted : true;
    uint64_t losses = assist->options.store != NULL ? cm_store_losses(assist->options.store) : 0;
    pthread_mutex_lock(&assist->lock);
    cm_recent_entry *entry = cm_recent_find(assist->recent, request_id);
    bool known = entry != NULL && (cm_state_is_live(entry->life.state) ||
                                   given.at_ms - entry->delivered_at_ms < FEEDBACK_MAX_MS);
    cm_recent_result *result = known ? result_of(entry, &given.completion_id) : NULL;
    cm_rc rc = CM_OK;
    if (!known || (result == NULL && entry->result_count > 0)) {
        rc = cm_fail(err, CM_NOT_FOUND, "no completion with this id was answered in the last day");
    } else if (result == NULL) {
        rc = cm_fail(err, CM_INVALID_TRANSITION, "a request that is %s has no result to judge",
                     cm_state_name(entry->life.state));
    } else {
        bool first = !result->has_accepted;
        rc = apply(entry, result, &given, err);
        if (rc == CM_OK && first && result->has_accepted) {
            cm_series_add(cm_metrics_series(assist->options.metrics,
                                            CM_METRIC_COMPLETION_FEEDBACK_TOTAL,
                                            result->accepted ? "accepted" : "rejected", NULL),
                          1);
        }
    }
    if (rc == CM_OK) {
        cm_record_feedback(assist, entry, (size_t)(result - entry->results));
        entry->stored = entry->life.state;
    }
    pthread_mutex_unlock(&assist->lock);
    if (rc != CM_OK || assist->options.store == NULL) {
        return rc;
    }
    cm_db db = cm_store_system(assist->options.store);
    return cm_store_kept(&db, losses, err); /* acknowledged means kept */
}
