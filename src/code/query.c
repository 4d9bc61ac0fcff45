/* query.c - a language's grammar and joined query, compiled at first use.
 *
 * tree-sitter matches structure only; the few predicates our queries need (#eq?, #not-eq?,
 * #any-of?) are evaluated here. A capture name that is not in the table below makes the language
 * fail, so that a typing error in a query file is found by the first test and not by a missing
 * symbol. */
#include "code/extract_priv.h"

static const struct {
    const char *name;
    capture_info info;
} capture_names[] = {
    {"definition.function", {CAPTURE_DEFINITION, CM_SYMBOL_FUNCTION}},
    {"definition.method", {CAPTURE_DEFINITION, CM_SYMBOL_METHOD}},
    {"definition.class", {CAPTURE_DEFINITION, CM_SYMBOL_CLASS}},
    {"definition.interface", {CAPTURE_DEFINITION, CM_SYMBOL_INTERFACE}},
    {"definition.struct", {CAPTURE_DEFINITION, CM_SYMBOL_STRUCT}},
    {"definition.enum", {CAPTURE_DEFINITION, CM_SYMBOL_ENUM}},
    {"definition.type", {CAPTURE_DEFINITION, CM_SYMBOL_TYPE}},
    {"definition.module", {CAPTURE_DEFINITION, CM_SYMBOL_MODULE}},
    {"definition.variable", {CAPTURE_DEFINITION, CM_SYMBOL_VARIABLE}},
    {"definition.constant", {CAPTURE_DEFINITION, CM_SYMBOL_CONSTANT}},
    {"definition.field", {CAPTURE_DEFINITION, CM_SYMBOL_FIELD}},
    {"definition.macro", {CAPTURE_DEFINITION, CM_SYMBOL_MACRO}},
    {"definition.other", {CAPTURE_DEFINITION, CM_SYMBOL_OTHER}},
    {"name", {CAPTURE_NAME, 0}},
    {"container", {CAPTURE_CONTAINER, 0}},
    {"declarator", {CAPTURE_DECLARATOR, 0}},
    {"body", {CAPTURE_BODY, 0}},
    {"doc", {CAPTURE_DOC, 0}},
    {"reference.call", {CAPTURE_REFERENCE, CM_REFERENCE_CALL}},
    {"reference.read", {CAPTURE_REFERENCE, CM_REFERENCE_READ}},
    {"reference.write", {CAPTURE_REFERENCE, CM_REFERENCE_WRITE}},
    {"reference.type", {CAPTURE_REFERENCE, CM_REFERENCE_TYPE}},
    {"reference.inherit", {CAPTURE_REFERENCE, CM_REFERENCE_INHERIT}},
    {"import", {CAPTURE_IMPORT, 0}},
    {"import.module", {CAPTURE_IMPORT_MODULE, 0}},
    {"import.name", {CAPTURE_IMPORT_NAME, 0}},
    {"import.alias", {CAPTURE_IMPORT_ALIAS, 0}},
    {"import.relative", {CAPTURE_IMPORT_RELATIVE, 0}},
    {"import.tree", {CAPTURE_IMPORT_TREE, 0}},
    {"scope", {CAPTURE_SCOPE, 0}},
    {"local", {CAPTURE_LOCAL, 0}},
    {"local.declarator", {CAPTURE_LOCAL_DECLARATOR, 0}},
};

/* Fields whose node names a member of something else. */
static const char *const member_fields[] = {"attribute", "property", "field",
                                            "member",    "method",   "key"};

static bool fail(cm_compiled *c, const char *what, const char *detail) {
    c->failed = true;
    snprintf(c->failure, sizeof(c->failure), "%s %s", what, detail);
    return false;
}

static bool compile_captures(cm_compiled *c) {
    uint32_t count = ts_query_capture_count(c->query);
    c->captures = cm_alloc(CM_MAX(count, 1) * sizeof(*c->captures));
    for (uint32_t id = 0; id < count; id++) {
        uint32_t len;
        const char *name = ts_query_capture_name_for_id(c->query, id, &len);
        bool found = len > 0 && name[0] == '_';
        c->captures[id].class = CAPTURE_IGNORE;
        for (size_t i = 0; i < CM_COUNT(capture_names) && !found; i++) {
            if (cm_str_eq_c(cm_str_make(name, len), capture_names[i].name)) {
                c->captures[id] = capture_names[i].info;
                found = true;
            }
        }
        if (!found) {
            return fail(c, "query has an unknown capture", name);
        }
    }
    return true;
}

static const char *query_error_name(TSQueryError error) {
    static const char *const names[] = {"",
                                        "syntax error",
                                        "unknown node type",
                                        "unknown field",
                                        "unknown capture",
                                        "impossible pattern",
                                        "other ABI"};
    return (size_t)error < CM_COUNT(names) ? names[error] : "error";
}

static bool compile_query(cm_compiled *c, cm_str query) {
    if (query.len == 0) {
        return true;
    }
    uint32_t offset = 0;
    TSQueryError error = TSQueryErrorNone;
    c->query = ts_query_new(c->language, query.ptr, (uint32_t)query.len, &offset, &error);
    if (!c->query) {
        char detail[120];
        cm_str near = cm_str_sub(query, offset, 60);
        snprintf(detail, sizeof(detail), "%s near '%.*s'", query_error_name(error),
                 CM_STR_ARG(near));
        return fail(c, "query does not compile:", detail);
    }
    return compile_captures(c);
}

static bool listed(cm_str_list list, const char *name) {
    for (size_t i = 0; i < list.count; i++) {
        if (cm_str_eq_c(list.items[i], name)) {
            return true;
        }
    }
    return false;
}

static void compile_flags(cm_compiled *c, const cm_grammar *grammar) {
    c->flag_count = ts_language_symbol_count(c->language);
    c->flags = cm_alloc(c->flag_count + 1);
    for (uint32_t id = 0; id < c->flag_count; id++) {
        const char *name = ts_language_symbol_name(c->language, (TSSymbol)id);
        if (!name || ts_language_symbol_type(c->language, (TSSymbol)id) != TSSymbolTypeRegular) {
            continue;
        }
        c->flags[id] |= listed(grammar->names, name) ? NODE_NAME : 0;
        c->flags[id] |= listed(grammar->wrappers, name) ? NODE_WRAPPER : 0;
        c->flags[id] |= strstr(name, "comment") ? NODE_COMMENT : 0;
    }
    c->field_count = ts_language_field_count(c->language) + 1; /* ids start at 1 */
    c->member_fields = cm_alloc(c->field_count);
    for (size_t i = 0; i < CM_COUNT(member_fields); i++) {
        TSFieldId id = ts_language_field_id_for_name(c->language, member_fields[i],
                                                     (uint32_t)strlen(member_fields[i]));
        if (id > 0 && id < c->field_count) {
            c->member_fields[id] = 1;
        }
    }
    c->name_field = ts_language_field_id_for_name(c->language, "name", 4);
    c->body_field = ts_language_field_id_for_name(c->language, "body", 4);
}

static void compile(cm_compiled *c, const cm_language *language) {
    const cm_grammar *grammar = &cm_grammar_rows[language->index];
    if (!grammar->entry) {
        fail(c, "there is no grammar of", language->id.ptr);
        return;
    }
    c->language = grammar->entry();
    uint32_t abi = ts_language_abi_version(c->language);
    if (abi < TREE_SITTER_MIN_COMPATIBLE_LANGUAGE_VERSION || abi > TREE_SITTER_LANGUAGE_VERSION) {
        fail(c, "the parser runtime does not load the ABI of", language->id.ptr);
        return;
    }
    compile_flags(c, grammar);
    if (compile_query(c, grammar->query)) {
        cm_compiled_paths(c, grammar->query);
    }
}

const cm_compiled *cm_compiled_get(cm_compiled *cache, const cm_language *language) {
    cm_compiled *c = &cache[language->index];
    if (!c->language && !c->failed) {
        compile(c, language);
    }
    return c;
}

void cm_compiled_done(cm_compiled *compiled) {
    if (compiled->query) {
        ts_query_delete(compiled->query);
    }
    cm_free(compiled->captures);
    cm_free(compiled->flags);
    cm_free(compiled->paths);
    cm_free(compiled->path_heads);
    cm_free(compiled->member_fields);
    *compiled = (cm_compiled){0};
}

/* --- predicates -------------------------------------------------------------------------------- */

static cm_str capture_text(const TSQueryMatch *match, uint32_t id, cm_str text) {
    for (uint16_t i = 0; i < match->capture_count; i++) {
        if (match->captures[i].index == id) {
            TSNode node = match->captures[i].node;
            uint32_t start = ts_node_start_byte(node);
            return cm_str_sub(text, start, ts_node_end_byte(node) - start);
        }
    }
    return CM_STR_EMPTY;
}

static cm_str step_text(const TSQuery *query, const TSQueryPredicateStep *step,
                        const TSQueryMatch *match, cm_str text) {
    if (step->type == TSQueryPredicateStepTypeCapture) {
        return capture_text(match, step->value_id, text);
    }
    uint32_t len;
    const char *value = ts_query_string_value_for_id(query, step->value_id, &len);
    return cm_str_make(value, len);
}

/* One predicate: name, subject, then the values it may equal. */
static bool predicate_holds(const TSQuery *query, const TSQueryPredicateStep *steps, uint32_t count,
                            const TSQueryMatch *match, cm_str text) {
    if (count < 3) {
        return true;
    }
    cm_str name = step_text(query, &steps[0], match, text);
    cm_str subject = step_text(query, &steps[1], match, text);
    bool equal = false;
    for (uint32_t i = 2; i < count && !equal; i++) {
        equal = cm_str_eq(subject, step_text(query, &steps[i], match, text));
    }
    return cm_str_starts(name, CM_STR("not-")) ? !equal : equal;
}

bool cm_compiled_accepts(const cm_compiled *compiled, const TSQueryMatch *match, cm_str text) {
    uint32_t count;
    const TSQueryPredicateStep *steps =
        ts_query_predicates_for_pattern(compiled->query, match->pattern_index, &count);
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i;
        while (end < count && steps[end].type != TSQueryPredicateStepTypeDone) {
            end++;
        }
        if (!predicate_holds(compiled->query, steps + i, end - i, match, text)) {
            return false;
        }
        i = end + 1;
    }
    return true;
}
