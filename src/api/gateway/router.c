/* router.c - the trie of router.h. Built once; children of a node are few, so they are a list. */
#include "api/gateway/router.h"

#include "base/percent.h"
#include "base/utf8.h"

typedef struct node node;
struct node {
    cm_str literal; /* empty = a parameter */
    node *next;     /* among the children of one parent */
    node *literals; /* children */
    node *param;    /* child */
    const cm_route *routes[CM_METHOD_COUNT];
    uint32_t methods; /* bit i: routes[i] is set */
};

struct cm_router {
    node root;
};

static const char *const method_names[CM_METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

enum cm_method cm_method_parse(cm_str text) {
    enum cm_method method = CM_METHOD_GET;
    while (method < CM_METHOD_COUNT && !cm_str_eq_c(text, method_names[method])) {
        method++;
    }
    return method;
}

void cm_method_list(uint32_t methods, cm_buf *out) {
    for (int i = 0; i < CM_METHOD_COUNT; i++) {
        if (methods & (1u << i)) {
            cm_buf_add_f(out, "%s, ", method_names[i]);
            cm_buf_add_c(out, i == CM_METHOD_GET ? "HEAD, " : "");
        }
    }
    cm_buf_add_c(out, "OPTIONS");
}

static node *child_literal(const node *parent, cm_str segment) {
    node *child = parent->literals;
    while (child && !cm_str_eq(child->literal, segment)) {
        child = child->next;
    }
    return child;
}

static node *child_add(node *parent, cm_str segment, cm_arena *arena) {
    if (cm_str_starts(segment, CM_STR("{"))) {
        if (!parent->param) {
            parent->param = CM_ARENA_NEW(arena, node);
        }
        return parent->param;
    }
    node *child = child_literal(parent, segment);
    if (!child) {
        child = CM_ARENA_NEW(arena, node);
        child->literal = segment;
        child->next = parent->literals;
        parent->literals = child;
    }
    return child;
}

static cm_rc route_add(cm_router *router, const cm_route *route, cm_arena *arena, cm_err *err) {
    cm_str rest = cm_str_from_offset(cm_str_from(route->path), 1);
    cm_str segment;
    node *at = &router->root;
    while (cm_str_split(&rest, '/', &segment)) {
        at = child_add(at, segment, arena);
    }
    if (at->routes[route->method]) {
        return cm_fail(err, CM_INVALID, "routes '%s' and '%s' have the same method and path",
                       at->routes[route->method]->op, route->op);
    }
    at->routes[route->method] = route;
    at->methods |= 1u << route->method;
    return CM_OK;
}

cm_rc cm_router_new(const cm_route *routes, uint32_t count, cm_arena *arena, cm_router **ret_router,
                    cm_err *err) {
    cm_router *router = CM_ARENA_NEW(arena, cm_router);
    for (uint32_t i = 0; i < count; i++) {
        cm_rc rc = route_add(router, &routes[i], arena, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    *ret_router = router;
    return CM_OK;
}

static bool decode_segment(cm_str raw, cm_arena *arena, cm_str *ret_segment) {
    if (cm_str_find_char(raw, '%') == SIZE_MAX) {
        *ret_segment = raw;
        return raw.len > 0 && cm_utf8_valid(raw);
    }
    char *out = cm_arena_c(arena, raw); /* decoding only shortens */
    size_t len;
    if (!cm_percent_decode(raw, false, out, &len)) {
        return false;
    }
    *ret_segment = cm_str_make(out, len);
    return true;
}

bool cm_router_match(const cm_router *router, enum cm_method method, cm_str path, cm_arena *arena,
                     cm_route_match *ret_match) {
    cm_route_match match = {0};
    size_t params = 0;
    const node *at = &router->root;
    size_t start = 1;
    if (path.len == 0 || path.ptr[0] != '/') {
        return false;
    }
    while (start <= path.len) {
        size_t end = start;
        while (end < path.len && path.ptr[end] != '/') {
            end++;
        }
        cm_str segment;
        if (!decode_segment(cm_str_sub(path, start, end - start), arena, &segment)) {
            return false;
        }
        const node *child = child_literal(at, segment);
        if (!child && at->param && params < CM_ROUTE_PARAMS_MAX) {
            child = at->param;
            match.params[params++] = segment;
        }
        if (!child) {
            return false;
        }
        at = child;
        start = end + 1;
    }
    if (at->methods == 0) {
        return false;
    }
    match.methods = at->methods;
    match.route = method < CM_METHOD_COUNT ? at->routes[method] : NULL;
    *ret_match = match;
    return true;
}
