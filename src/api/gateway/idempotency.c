/* idempotency.c - a POST that is sent twice has its effect once (header Idempotency-Key).
 *
 * The key is taken in the database before the handler runs and its reply is kept before it is sent, so the
 * second of two requests, on whichever server, sees that the first is at work or what came of it. Only
 * successes are kept: what failed had no effect and may be sent again under the same key. Of a server that dies
 * in between nobody knows whether the effect was there: the key is refused for TAKEN_MS and then begins
 * anew. Rejected: writing the reply in the transaction of the effect, as most effects are jobs and files.
 *
 * Scope: person and operation; path, query and body are the request. The sweep of caches drops what is over. */
#include "base/base.h"

#include "api/gateway/call_priv.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/http.h"
#include "store/q/idempotency_keys.h"

#define KEY_MAX   128
#define KEPT_MS   (INT64_C(24) * 3600 * 1000)
#define TAKEN_MS  (INT64_C(11) * 60 * 1000) /* more than the longest deadline */
#define KEYS_MAX  10000                     /* of a person within KEPT_MS */
#define REPLY_MAX CM_MIB(1) /* a longer one is not kept, and its key is free again */

static bool is_key(cm_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '!' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0 && text.len <= KEY_MAX;
}

static cm_str scope_of(cm_call_state *state) {
    char text[CM_UUID_TEXT];
    cm_uuid_format(&state->call.caller.user_id, text);
    return cm_arena_str(state->call.arena, cm_str_from(text));
}

static cm_db db_of(const cm_call_state *state) {
    return cm_store_system(state->store);
}

static cm_str hash_of(cm_call_state *state) {
    const cm_http_head *head = cm_exchange_head(state->call.exchange);
    cm_str body = cm_exchange_body(state->call.exchange);
    char hash[CM_SHA256_TEXT];
    cm_sha256_hex(body.ptr, body.len, hash);
    cm_str all = cm_arena_fmt(state->call.arena, CM_STR_FMT "?" CM_STR_FMT "\n%s",
                              CM_STR_ARG(head->path), CM_STR_ARG(head->query), hash);
    cm_sha256_hex(all.ptr, all.len, hash);
    return cm_arena_str(state->call.arena, cm_str_from(hash));
}

/* What the row of a key that was used before says. */
static cm_rc look_back(cm_call_state *state, const cm_q_idempotency_keys_begin_in *in,
                       cm_err *err) {
    cm_db db = db_of(state);
    cm_row_idempotency_keys row;
    cm_q_idempotency_keys_get_in key = {in->scope, in->endpoint, in->idempotency_key};
    cm_rc rc = cm_q_idempotency_keys_get(&db, &key, state->call.arena, &row, err);
    if (rc == CM_NOT_FOUND) {
        return cm_fail(
            err, CM_OVERLOADED,
            "there are %d idempotency keys of today already; send the request without one",
            KEYS_MAX);
    }
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_str_eq(row.request_hash, in->request_hash)) {
        return cm_fail(err, CM_IDEMPOTENCY_MISMATCH,
                       "this key was sent with another request; use a new key for each");
    }
    if (!cm_str_eq_c(row.status, "completed")) {
        return cm_fail(err, CM_IDEMPOTENCY_IN_FLIGHT,
                       "the first request with this key is at work; ask again in a moment");
    }
    cm_call_add_header(&state->call, "Idempotency-Replayed", CM_STR("true"));
    if (row.response_body.len > 0) {
        cm_call_reply_json(&state->call, (int)row.response_status.value, row.response_body);
    } else {
        cm_call_reply_empty(&state->call, (int)row.response_status.value);
    }
    return CM_OK;
}

bool cm_idempotency_begin(cm_call_state *state) {
    const cm_http_head *head = cm_exchange_head(state->call.exchange);
    cm_str key;
    cm_err err;
    if (state->store == NULL || !state->call.route->idempotent ||
        !cm_http_head_find(head, "Idempotency-Key", &key)) {
        return true;
    }
    if (!is_key(key)) {
        cm_fail(&err, CM_INVALID, "Idempotency-Key must be 1 to %d visible characters", KEY_MAX);
        cm_call_fail(&state->call, CM_INVALID, &err);
        return false;
    }
    int64_t now = cm_clock_wall_ms();
    cm_db db = db_of(state);
    uint64_t changed = 0;
    cm_q_idempotency_keys_begin_in in = {.scope = scope_of(state),
                                         .endpoint = cm_str_from(state->call.route->op),
                                         .idempotency_key = key,
                                         .request_hash = hash_of(state),
                                         .expires_at = now + KEPT_MS,
                                         .stale = now - TAKEN_MS,
                                         .most = KEYS_MAX};
    cm_rc rc = cm_q_idempotency_keys_begin(&db, &in, &changed, &err);
    if (rc == CM_OK && changed > 0) {
        state->idempotency_key = key;
        return true;
    }
    rc = rc == CM_OK ? look_back(state, &in, &err) : rc;
    if (rc != CM_OK) {
        cm_call_fail(&state->call, rc, &err);
    }
    return false;
}

void cm_idempotency_end(cm_call_state *state, int status, cm_str json) {
    cm_str key = state->idempotency_key;
    if (key.len == 0) {
        return;
    }
    state->idempotency_key = CM_STR_EMPTY;
    cm_db db = db_of(state);
    cm_str scope = scope_of(state), endpoint = cm_str_from(state->call.route->op);
    cm_err err;
    cm_rc rc;
    /* The effect is done: what cannot be written in the time of the request is written later. */
    if (status < 300 && json.len <= REPLY_MAX) {
        cm_q_idempotency_keys_complete_in in = {.scope = scope,
                                                .endpoint = endpoint,
                                                .idempotency_key = key,
                                                .response_status = status,
                                                .response_body =
                                                    json.len > 0 ? json : (cm_str){NULL, 0}};
        rc = cm_q_idempotency_keys_complete(&db, &in, NULL, &err);
        rc = rc == CM_OK ? rc : cm_q_idempotency_keys_complete_post(&db, &in, &err);
    } else {
        cm_q_idempotency_keys_delete_in in = {scope, endpoint, key};
        rc = cm_q_idempotency_keys_delete(&db, &in, &err);
        rc = rc == CM_OK || rc == CM_NOT_FOUND ? rc
                                               : cm_q_idempotency_keys_delete_post(&db, &in, &err);
    }
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "the reply is not kept under its idempotency key", &err);
    }
}
