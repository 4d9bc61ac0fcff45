/* record.c - completions and feedback as rows, on the store's write queue: nothing here waits. */
#include "base/base.h"

#include "assist/assist_priv.h"
#include "base/clock.h"
#include "store/q/completion_context_sources.h"
#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"

#define JSON_MAX CM_KIB(16)

static void record_request(const cm_db *db, const cm_assist *assist, const cm_completion *result,
                           cm_rc rc) {
    const cm_completion_request *request = result->request;
    const cm_store_local *local = &assist->options.local;
    cm_buf timings, metadata;
    cm_json_writer w;
    cm_buf_init(&timings, JSON_MAX);
    cm_buf_init(&metadata, JSON_MAX);
    cm_json_writer_init(&w, &timings);
    cm_lifecycle_write_timings(&result->life, &w);
    cm_json_writer_init(&w, &metadata);
    cm_json_object(&w);
    cm_json_key(&w, "dialect");
    cm_json_c(&w, request->dialect);
    cm_json_object_end(&w);
    cm_q_completion_requests_insert_in row = {
        .id = request->id,
        .user_id = local->user_id,
        .workspace_id = local->workspace_id,
        .completion_type = cm_str_from(cm_completion_type_name(request->type)),
        .language = request->language,
        .model_used = cm_str_from(result->model_used),
        .routing_reason = cm_str_from(result->routing_reason),
        .prefix_tokens = CM_INT(result->prefix_tokens),
        .suffix_tokens = CM_INT(result->suffix_tokens),
        .context_tokens = CM_INT(result->context_tokens),
        .prompt_tokens = CM_INT(result->prompt_tokens),
        .completion_tokens = CM_INT(result->completion_tokens),
        .latency_ms = CM_INT((int64_t)result->latency_ms),
        .status = cm_str_from(cm_state_status(result->life.state)),
        .state = cm_str_from(cm_state_name(result->life.state)),
        .state_timings = cm_buf_str(&timings),
        .metadata = cm_buf_str(&metadata),
        .finished_at = cm_clock_wall_ms()};
    if (request->repository != NULL) {
        row.repository_id = *cm_repository_id(request->repository);
    }
    if (rc != CM_OK) {
        row.error_code = cm_str_from(cm_err_info_get(rc)->slug);
    }
    cm_q_completion_requests_insert_post(db, &row, NULL);
    cm_buf_done(&timings);
    cm_buf_done(&metadata);
}

static void record_sources(const cm_db *db, const cm_assist *assist, const cm_completion *result) {
    for (size_t i = 0; i < result->source_count; i++) {
        const cm_context_piece *piece = &result->sources[i];
        cm_q_completion_context_sources_insert_in row = {
            .request_id = result->request->id,
            .position = (int64_t)i,
            .user_id = assist->options.local.user_id,
            .source_type = cm_str_from(cm_context_type_name(piece->type)),
            .retriever = cm_str_from(piece->retriever),
            .kept = CM_BOOL(piece->kept),
            .reason = cm_str_from(piece->reason),
            .file_path = piece->file,
            .relevance = CM_REAL(piece->relevance),
            .tokens = CM_INT(piece->tokens)};
        if (piece->start_line > 0) {
            row.start_line = CM_INT(piece->start_line);
            row.end_line = CM_INT(piece->end_line);
        }
        cm_q_completion_context_sources_insert_post(db, &row, NULL);
    }
}

static void record_results(const cm_db *db, const cm_assist *assist, const cm_completion *result) {
    for (size_t i = 0; i < result->item_count; i++) {
        const cm_completion_item *item = &result->items[i];
        cm_q_completion_results_insert_in row = {
            .request_id = result->request->id,
            .id = item->id,
            .user_id = assist->options.local.user_id,
            .rank = (int64_t)i,
            .completion_text = item->text.ptr == NULL ? CM_STR("") : item->text,
            .source = cm_str_from(cm_completion_source_name(item->source)),
            .confidence_score = CM_REAL(CM_MIN(CM_MAX(item->confidence, 0.0), 1.0)),
            .generation_time_ms = CM_INT((int64_t)result->stage_ms[CM_STAGE_INFER])};
        cm_q_completion_results_insert_post(db, &row, NULL);
    }
}

/* A full write queue drops rows and counts them (store stats): history is worth less than an answer in time. */
void cm_record_completion(const cm_assist *assist, const cm_completion *result, cm_rc rc) {
    if (assist->options.store == NULL || result->request->max_tokens == 0) {
        return;
    }
    cm_db db = cm_store_as(assist->options.store, assist->options.local.user_id);
    record_request(&db, assist, result, rc);
    record_results(&db, assist, result);
    record_sources(&db, assist, result);
}

void cm_record_feedback(const cm_assist *assist, const cm_recent_entry *entry, size_t index) {
    if (assist->options.store == NULL) {
        return;
    }
    const cm_recent_result *result = &entry->results[index];
    cm_db db = cm_store_as(assist->options.store, assist->options.local.user_id);
    cm_q_completion_results_feedback_in row = {.request_id = entry->id,
                                               .id = result->id,
                                               .accepted_at = result->accepted_at_ms,
                                               .modified_text = result->modified_text};
    if (result->has_accepted) {
        row.accepted = CM_BOOL(result->accepted);
    }
    if (result->accepted) {
        row.accept_kind = cm_str_from(result->kind);
    }
    if (result->accepted_length >= 0) {
        row.accepted_length = CM_INT(result->accepted_length);
    }
    if (result->has_modified) {
        row.modified_chars = CM_INT(result->modified_chars);
        row.retained = CM_BOOL(result->retained);
    }
    cm_q_completion_results_feedback_post(&db, &row, NULL);
    cm_buf timings;
    cm_json_writer w;
    cm_buf_init(&timings, JSON_MAX);
    cm_json_writer_init(&w, &timings);
    cm_lifecycle_write_timings(&entry->life, &w);
    cm_q_completion_requests_step_in step = {
        .id = entry->id,
        .from_state = cm_str_from(cm_state_name(entry->stored)),
        .to_state = cm_str_from(cm_state_name(entry->life.state)),
        .state_timings = cm_buf_str(&timings)};
    cm_q_completion_requests_step_post(&db, &step, NULL);
    cm_buf_done(&timings);
}
