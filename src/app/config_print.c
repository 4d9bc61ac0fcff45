/* config_print.c - the settings in effect, for people and for programs. */
#include "app/config_priv.h"

#include "base/json.h"

#define SECRET_MASK "***"

static const char *const source_names[] = {
    [CM_CONFIG_DEFAULT] = "default",
    [CM_CONFIG_FILE] = "file",
    [CM_CONFIG_ENVIRONMENT] = "environment",
    [CM_CONFIG_FLAG] = "flag",
};

static void add_value(const cm_config *config, const cm_option *option, cm_buf *out) {
    size_t before = out->len;
    cm_option_format(option, config, out);
    if (option->secret && out->len > before) {
        cm_buf_truncate(out, before);
        cm_buf_add_c(out, SECRET_MASK);
    }
}

void cm_config_print(const cm_config *config, cm_buf *out) {
    cm_str section = CM_STR_EMPTY;
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        cm_str name = cm_str_from(cm_options[i].name);
        size_t dot = cm_str_find_char(name, '.');
        if (!cm_str_eq(section, cm_str_sub(name, 0, dot))) {
            cm_buf_add_c(out, i ? "\n" : "");
            section = cm_str_sub(name, 0, dot);
            cm_buf_add_f(out, "[" CM_STR_FMT "]\n", CM_STR_ARG(section));
        }
        cm_buf_add_f(out, "# %s\n%s =", source_names[config->sources[i]], name.ptr + dot + 1);
        size_t before = out->len;
        cm_buf_add_char(out, ' ');
        add_value(config, &cm_options[i], out);
        if (out->len == before + 1) {
            cm_buf_truncate(out, before); /* no space at the end of a line */
        }
        cm_buf_add_char(out, '\n');
    }
}

static void write_list(const cm_str_list *list, cm_json_writer *w) {
    cm_json_array(w);
    for (size_t i = 0; i < list->count; i++) {
        cm_json_str(w, list->items[i]);
    }
    cm_json_array_end(w);
}

static void write_value(const cm_config *config, const cm_option *option, cm_json_writer *w) {
    const void *value = (const char *)config + option->offset;
    switch (option->type) {
    case CM_OPTION_TYPE_INT: cm_json_i64(w, *(const int64_t *)value); return;
    case CM_OPTION_TYPE_REAL: cm_json_real(w, *(const double *)value); return;
    case CM_OPTION_TYPE_BOOL: cm_json_bool(w, *(const bool *)value); return;
    case CM_OPTION_TYPE_LIST:
    case CM_OPTION_TYPE_PATHS: write_list(value, w); return;
    case CM_OPTION_TYPE_STR:
    case CM_OPTION_TYPE_URL:
    case CM_OPTION_TYPE_PATH:
    case CM_OPTION_TYPE_ADDRESS:
    case CM_OPTION_TYPE_ENUM: break;
    }
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_KIB(64));
    add_value(config, option, &text);
    cm_json_str(w, cm_buf_str(&text));
}

void cm_config_print_json(const cm_config *config, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        cm_json_key(&w, cm_options[i].name);
        cm_json_object(&w);
        cm_json_key(&w, "value");
        write_value(config, &cm_options[i], &w);
        cm_json_key(&w, "source");
        cm_json_c(&w, source_names[config->sources[i]]);
        cm_json_object_end(&w);
    }
    cm_json_object_end(&w);
}
