/* declarator.c - the name inside a C or C++ declarator.
 *
 * C declares inside out: `int (*table[4])(void)` wraps the name in function, parentheses, pointer and
 * array. Following the chain inwards takes a loop; saying it with query patterns takes one for each
 * depth and kind. */
#include "code/extract_priv.h"

#define DEPTH_MAX 64

static TSNode field(TSNode node, const char *name) {
    return ts_node_child_by_field_name(node, name, (uint32_t)strlen(name));
}

static bool is(TSNode node, const char *type) {
    return strcmp(ts_node_type(node), type) == 0;
}

/* `ns::Foo<T>` -> the node of Foo. */
static TSNode last_scope(TSNode scope) {
    for (int depth = 0; depth < DEPTH_MAX && !ts_node_is_null(scope); depth++) {
        TSNode inner = field(scope, "name");
        if (ts_node_is_null(inner)) {
            break;
        }
        scope = inner;
    }
    return scope;
}

bool cm_declarator_resolve(TSNode node, declarator *ret) {
    *ret = (declarator){0};
    TSNode outer = {0};
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        TSNode inner = field(node, "declarator");
        if (ts_node_is_null(inner) && is(node, "qualified_identifier")) {
            TSNode scope = field(node, "scope");
            if (!ts_node_is_null(scope)) {
                ret->container = node_span(last_scope(scope));
            }
            inner = field(node, "name");
        } else if (ts_node_is_null(inner) &&
                   (is(node, "template_function") || is(node, "template_type") ||
                    is(node, "template_method"))) {
            inner = field(node, "name");
        } else if (ts_node_is_null(inner) &&
                   (is(node, "parenthesized_declarator") || is(node, "reference_declarator") ||
                    is(node, "attributed_declarator") || is(node, "variadic_declarator"))) {
            inner = ts_node_named_child(node, 0);
        }
        if (ts_node_is_null(inner) || is(node, "operator_cast")) {
            break;
        }
        ret->has_function |= is(node, "function_declarator");
        if (!is(node, "qualified_identifier") && !is(node, "template_function")) {
            outer = node;
        }
        node = inner;
    }
    ret->name = node_span(node);
    ret->is_function =
        is(node, "operator_cast") || (!ts_node_is_null(outer) && is(outer, "function_declarator"));
    return ts_node_is_named(node) && ret->name.end > ret->name.start;
}
