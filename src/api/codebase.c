/* codebase.c - see codebase.h. */
#include "base/base.h"

#include "api/codebase.h"

#define JSON_MAX CM_MIB(16)

/* ---- style ---- */

static cm_str naming_of(enum cm_naming naming) {
    return naming == CM_NAMING_UNKNOWN ? CM_STR_EMPTY : cm_str_from(cm_naming_name(naming));
}

static cm_str indentation_of(enum cm_indentation indentation) {
    static const char *const names[] = {NULL, "spaces", "tabs"};
    return cm_str_from(names[indentation]);
}

static cm_str quotes_of(enum cm_quotes quotes) {
    static const char *const names[] = {NULL, "single", "double"};
    return cm_str_from(names[quotes]);
}

static cm_api_style_guide guide_of(const cm_language_style *from) {
    const cm_style *s = &from->style;
    return (cm_api_style_guide){
        .language = from->language->id,
        .indentation = indentation_of(s->indentation),
        .indent_size = s->indent_size,
        .has_indent_size = s->indent_size > 0,
        .naming_conventions = {naming_of(s->naming[CM_NAMED_FUNCTIONS]),
                               naming_of(s->naming[CM_NAMED_CLASSES]),
                               naming_of(s->naming[CM_NAMED_CONSTANTS])},
        .max_line_length = s->max_line_length,
        .has_max_line_length = s->max_line_length > 0,
        .quote_style = quotes_of(s->quotes),
        .semicolons = s->has_semicolons,
        .has_semicolons = s->semicolons_confidence > 0,
        .detected_from = from->files,
        .confidence = {.indentation = s->indentation_confidence,
                       .indent_size = s->indent_size_confidence,
                       .functions = s->naming_confidence[CM_NAMED_FUNCTIONS],
                       .classes = s->naming_confidence[CM_NAMED_CLASSES],
                       .constants = s->naming_confidence[CM_NAMED_CONSTANTS],
                       .max_line_length = s->max_line_length_confidence,
                       .quote_style = s->quotes_confidence,
                       .semicolons = s->semicolons_confidence}};
}

static void apply_overrides(const cm_api_style_overrides *o, cm_api_style_guide *guide) {
    guide->overrides = *o;
    if (o->indentation) {
        guide->indentation = o->indentation == CM_API_STYLE_OVERRIDES_INDENTATION_TABS
                                 ? indentation_of(CM_INDENT_TABS)
                                 : indentation_of(CM_INDENT_SPACES);
        guide->confidence.indentation = 1;
    }
    if (o->has_indent_size) {
        guide->indent_size = o->indent_size;
        guide->has_indent_size = true;
        guide->confidence.indent_size = 1;
    }
    if (o->has_max_line_length) {
        guide->max_line_length = o->max_line_length;
        guide->has_max_line_length = true;
        guide->confidence.max_line_length = 1;
    }
    if (o->quote_style) {
        guide->quote_style = o->quote_style == CM_API_STYLE_OVERRIDES_QUOTE_STYLE_DOUBLE
                                 ? quotes_of(CM_QUOTES_DOUBLE)
                                 : quotes_of(CM_QUOTES_SINGLE);
        guide->confidence.quote_style = 1;
    }
    if (o->has_semicolons) {
        guide->semicolons = o->semicolons;
        guide->has_semicolons = true;
        guide->confidence.semicolons = 1;
    }
}

cm_api_style_overrides cm_codebase_overrides(cm_str style_guide, cm_arena *arena) {
    cm_api_style_overrides overrides = {0};
    cm_faults faults;
    json_t *tree = NULL;
    cm_faults_init(&faults, arena);
    if (style_guide.len > 0 && cm_json_parse(style_guide, &tree, NULL) == CM_OK) {
        const json_t *given = json_object_get(tree, "overrides");
        if (given == NULL || !cm_schema_decode(&cm_api_style_overrides_schema, given, false, arena,
                                               &overrides, &faults)) {
            overrides = (cm_api_style_overrides){0};
        }
    }
    json_decref(tree); /* the struct holds numbers alone */
    return overrides;
}

/* ---- the whole ---- */

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "no memory to describe a codebase");
}

static cm_rc fill_styles(const cm_codebase *from, cm_arena *arena, cm_api_codebase_patterns *out,
                         cm_err *err) {
    out->styles.items =
        cm_arena_try_calloc(arena, from->style_count + 1, sizeof(*out->styles.items));
    if (out->styles.items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from->style_count; i++) {
        out->styles.items[out->styles.count++] = guide_of(&from->styles[i]);
    }
    if (from->style_count > 0) {
        out->style_guide = out->styles.items[0];
    }
    return CM_OK;
}

static cm_rc fill_dependencies(const cm_codebase *from, cm_arena *arena,
                               cm_api_codebase_patterns *out, cm_err *err) {
    out->dependencies.items =
        cm_arena_try_calloc(arena, from->dependency_count + 1, sizeof(*out->dependencies.items));
    if (out->dependencies.items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from->dependency_count; i++) {
        const cm_dependency *d = &from->dependencies[i].package;
        out->dependencies.items[out->dependencies.count++] =
            (cm_api_dependency){.name = d->name,
                                .version = d->version.ptr == NULL ? CM_STR("") : d->version,
                                .type = d->is_development ? CM_API_DEPENDENCY_TYPE_DEVELOPMENT
                                                          : CM_API_DEPENDENCY_TYPE_PRODUCTION,
                                .package_manager = d->manager,
                                .manifest = from->dependencies[i].path};
    }
    return CM_OK;
}

cm_rc cm_codebase_patterns(const cm_snapshot *snapshot, const cm_api_style_overrides *overrides,
                           cm_arena *arena, cm_api_codebase_patterns *ret_patterns, cm_err *err) {
    cm_codebase *codebase = CM_ARENA_NEW(arena, cm_codebase);
    cm_api_codebase_patterns out = {.etag = CM_STR("")};
    cm_rc rc = snapshot == NULL ? CM_OK : cm_codebase_read(snapshot, arena, codebase, err);
    rc = rc == CM_OK ? fill_styles(codebase, arena, &out, err) : rc;
    rc = rc == CM_OK ? fill_dependencies(codebase, arena, &out, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    if (overrides != NULL) {
        apply_overrides(overrides, &out.style_guide);
    }
    out.frameworks = (cm_str_list){codebase->frameworks, codebase->framework_count};
    *ret_patterns = out;
    return CM_OK;
}

cm_str cm_codebase_json(const cm_schema *schema, const void *value, cm_arena *arena) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    cm_buf_init(&out, JSON_MAX);
    cm_json_writer_init(&w, &out);
    cm_schema_encode(schema, value, &w);
    return cm_arena_str(arena, cm_buf_str(&out));
}

cm_rc cm_codebase_style_guide(const cm_snapshot *snapshot, cm_str stored, cm_arena *arena,
                              cm_str *ret_json, cm_err *err) {
    cm_api_codebase_patterns patterns;
    cm_api_style_overrides overrides = cm_codebase_overrides(stored, arena);
    cm_rc rc = cm_codebase_patterns(snapshot, &overrides, arena, &patterns, err);
    if (rc == CM_OK) {
        *ret_json = cm_codebase_json(&cm_api_style_guide_schema, &patterns.style_guide, arena);
    }
    return rc;
}
