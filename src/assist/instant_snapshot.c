/* instant_snapshot.c - the instant tier over a snapshot of the index. */
#include "assist/instant_priv.h"

static bool live_document(void *argument, uint32_t document, cm_str *ret_path,
                          cm_str *ret_language) {
    cm_index_document found;
    if (!cm_snapshot_document(argument, document, &found)) {
        return false;
    }
    *ret_path = found.path;
    *ret_language = found.language;
    return true;
}

static bool no_document(void *argument, uint32_t document, cm_str *ret_path, cm_str *ret_language) {
    (void)argument;
    (void)document;
    (void)ret_path;
    (void)ret_language;
    return false;
}

cm_rc cm_instant_predict(const cm_instant_request *request, cm_arena *arena,
                         cm_instant_result *ret_result, cm_err *err) {
    cm_instant_view view = {.document = no_document};
    if (request->snapshot) {
        size_t count = cm_snapshot_suffix_count(request->snapshot);
        cm_instant_part *parts = CM_ARENA_ARRAY(arena, cm_instant_part, count);
        if (!parts) {
            return cm_fail(err, CM_NOMEM, "out of memory for %zu parts of an index", count);
        }
        for (size_t i = 0; i < count; i++) {
            parts[i].suffix = cm_snapshot_suffix(request->snapshot, i, &parts[i].first_document);
        }
        /* The argument is not const for the sake of other views; snapshots never change. */
        view = (cm_instant_view){parts, count, live_document, (void *)(uintptr_t)request->snapshot};
    }
    return cm_instant_predict_in(request, &view, arena, ret_result, err);
}
