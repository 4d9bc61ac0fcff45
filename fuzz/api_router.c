/* Any path against a table of routes: what matches has valid parameters, and every header that the
 * gateway reads before it trusts a request is read without harm. */
#include "api/gateway/guard.h"
#include "api/gateway/router.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cm_route routes[] = {
    {.method = CM_METHOD_GET, .path = "/a", .op = "a"},
    {.method = CM_METHOD_POST, .path = "/a/{b}", .op = "b"},
    {.method = CM_METHOD_GET, .path = "/a/{b}/c/{d}", .op = "c"},
    {.method = CM_METHOD_PUT, .path = "/a/index", .op = "d"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const types[] = {"application/json", NULL};
    cm_str text = cm_str_make((const char *)data, size);
    cm_arena *arena = cm_arena_new(0);
    cm_router *router = NULL;
    cm_route_match match;
    cm_assert(cm_router_new(routes, CM_COUNT(routes), arena, &router, NULL) == CM_OK);
    for (int method = 0; method <= CM_METHOD_COUNT; method++) {
        if (cm_router_match(router, (enum cm_method)method, text, arena, &match)) {
            cm_assert(match.methods != 0);
            cm_assert(cm_utf8_valid(match.params[0]) && cm_utf8_valid(match.params[1]));
        }
    }
    (void)cm_guard_host_is_loopback(text);
    (void)cm_guard_accepts(text, types);
    (void)cm_guard_content_type_is(text, types[0]);
    (void)cm_guard_origin_allowed(text, text, false, (cm_str_list){0});
    cm_assert(!cm_guard_request_id_ok(text) || text.len <= 128);
    cm_arena_free(arena);
    return 0;
}
