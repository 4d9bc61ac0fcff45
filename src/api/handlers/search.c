/* search.c - search in one repository. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/lookup.h"
#include "api/services.h"
#include "search/search.h"

static const enum cm_search_type types[] = {
    [CM_API_SEARCH_REQUEST_SEARCH_TYPE_SEMANTIC] = CM_SEARCH_SEMANTIC,
    [CM_API_SEARCH_REQUEST_SEARCH_TYPE_LEXICAL] = CM_SEARCH_LEXICAL,
    [CM_API_SEARCH_REQUEST_SEARCH_TYPE_HYBRID] = CM_SEARCH_HYBRID,
};
static const enum cm_api_search_result_match_type matches[] = {
    [CM_MATCH_LEXICAL] = CM_API_SEARCH_RESULT_MATCH_TYPE_LEXICAL,
    [CM_MATCH_SEMANTIC] = CM_API_SEARCH_RESULT_MATCH_TYPE_SEMANTIC,
    [CM_MATCH_SYMBOL] = CM_API_SEARCH_RESULT_MATCH_TYPE_SYMBOL,
    [CM_MATCH_HYBRID] = CM_API_SEARCH_RESULT_MATCH_TYPE_HYBRID,
};
/* The contract lists symbol kinds in the order of enum cm_symbol_kind, after ABSENT. */
_Static_assert(CM_API_SYMBOL_KIND_OTHER == (int)CM_SYMBOL_OTHER + 1, "order");

static uint32_t kinds_of(const cm_api_search_filters *filters) {
    uint32_t kinds = 0;
    for (size_t i = 0; i < filters->symbol_kinds.count; i++) {
        kinds |= 1u << (filters->symbol_kinds.items[i] - 1);
    }
    return kinds;
}

static void fill_hit(cm_call *call, const cm_search_hit *hit, cm_api_search_result *out) {
    cm_api_range *highlights = CM_ARENA_ARRAY(call->arena, cm_api_range, hit->highlight_count + 1);
    *out = (cm_api_search_result){.file_path = hit->document.path,
                                  .start_line = hit->start_line,
                                  .end_line = hit->end_line,
                                  .content = hit->content,
                                  .relevance_score = hit->relevance_score,
                                  .match_type = matches[hit->match_type],
                                  .repository_id = call->path[0],
                                  .language = hit->document.language,
                                  .scores = {.bm25 = hit->scores.bm25,
                                             .has_bm25 = hit->scores.bm25 != 0,
                                             .vector = hit->scores.vector,
                                             .has_vector = hit->scores.vector != 0,
                                             .rrf = hit->scores.rrf,
                                             .has_rrf = hit->scores.rrf != 0}};
    if (hit->symbol.id != CM_ID_NONE) {
        out->symbol = hit->symbol.name;
    }
    for (size_t i = 0; highlights != NULL && i < hit->highlight_count; i++) {
        const cm_range *range = &hit->highlights[i];
        highlights[i] = (cm_api_range){{range->start.line, range->start.character},
                                       {range->end.line, range->end.character}};
    }
    out->highlights.items = highlights;
    out->highlights.count = highlights == NULL ? 0 : hit->highlight_count;
}

/* What the search could not use, else what is wrong with the index it used. */
static cm_str degraded(const cm_call *call, const char *of_search) {
    const cm_services *services = call->services;
    cm_uuid id;
    if (of_search != NULL || !cm_uuid_parse(call->path[0], &id)) {
        return cm_str_from(of_search);
    }
    cm_repository *repository = NULL;
    if (cm_repositories_find(services->repositories, &call->caller, &id, &repository, NULL) !=
        CM_OK) {
        return CM_STR_EMPTY;
    }
    const char *of_index = repository != NULL ? cm_repository_degraded(repository) : NULL;
    cm_repository_unref(repository);
    return cm_str_from(of_index);
}

void cm_h_search_repository(cm_call *call) {
    const cm_api_search_request *in = call->input;
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_search_query query = {.text = in->query,
                             .type = types[in->search_type],
                             .regex = in->regex,
                             .case_sensitive = in->case_sensitive,
                             .languages = in->filters.languages,
                             .file_patterns = in->filters.file_patterns,
                             .symbol_kinds = kinds_of(&in->filters),
                             .limit = (uint32_t)in->limit,
                             .context_lines = (uint32_t)CM_MIN(in->context_lines, 50),
                             .min_score = in->has_min_score ? in->min_score : 0,
                             .deadline_ms = call->route->deadline_ms / 2,
                             .cancel = call->cancel};
    cm_search_result found;
    cm_err err;
    cm_rc rc = cm_search_run(snapshot, &query, call->arena, &found, &err);
    if (rc == CM_INVALID) {
        rc = err.rc = CM_UNPROCESSABLE; /* the body was fine, the pattern in it is not */
    }
    if (rc != CM_OK) {
        cm_snapshot_unref(snapshot);
        cm_call_fail(call, rc == CM_LIMIT ? CM_INVALID : rc, &err);
        return;
    }
    cm_api_search_response out = {.took_ms = (double)found.took_us / 1000.0,
                                  .index_version = (int64_t)found.generation,
                                  .degraded = degraded(call, found.degraded)};
    out.results.items = cm_arena_alloc(call->arena, (found.count + 1) * sizeof(*out.results.items));
    for (size_t i = 0; i < found.count; i++) {
        fill_hit(call, &found.hits[i], &out.results.items[out.results.count++]);
    }
    cm_call_reply(call, 200, &cm_api_search_response_schema, &out);
    cm_snapshot_unref(snapshot); /* after encoding: texts are borrowed from it */
}
