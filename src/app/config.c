/* config.c - settings from four sources, see config.h.
 *
 * A value is parsed as soon as it is read, whatever its source, so that every fault has its place and
 * a wrong line in the file is reported even when a flag overrides it. inih splits the file; its
 * handlers are not told line numbers, so they come from counting the lines it asked for. */
#include "app/config.h"

#include "app/config_priv.h"
#include "base/file.h"

#include <ini.h>
#include <stdarg.h>

#define FILE_BYTES_MAX  CM_MIB(1)
#define FAULT_BYTES_MAX CM_KIB(64)
#define ENVIRON_PREFIX  "CODEMENTOR_"
#define SECRET_MASK     "***"

void cm_config_fault(cm_config_load_state *load, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[CM_ERR_TEXT_MAX];
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (load->fault_count++ == 0) {
        load->first_fault = cm_arena_c(load->arena, cm_str_from(text));
    }
    cm_buf_add_f(&load->faults, "%s\n", text);
}

/* An url with a password, be it at a setting where it does not belong. */
static bool holds_secret(const cm_option *option, cm_str text) {
    return option->secret || (cm_str_find(text, CM_STR("://")) != SIZE_MAX &&
                              cm_str_find_char(text, '@') != SIZE_MAX);
}

static void apply(cm_config_load_state *load, enum cm_option_id id, cm_str text,
                  enum cm_config_source source) {
    const cm_option *option = &cm_options[id];
    const char *why = NULL;
    if (option->secret && cm_str_eq_c(text, SECRET_MASK)) {
        why = "is masked; write the value itself";
    } else {
        why = cm_option_parse(option, text, load->home, load->arena, load->config);
    }
    if (why) {
        cm_config_fault(load, "%s: '" CM_STR_FMT "' for %s %s", load->place,
                        CM_STR_ARG(holds_secret(option, text) ? CM_STR(SECRET_MASK) : text),
                        option->name, why);
        return;
    }
    load->config->sources[id] = (uint8_t)source;
}

/* --- names --- */

static cm_str option_name(size_t i) {
    return cm_str_from(cm_options[i].name);
}

static cm_str option_environment(size_t i) {
    return cm_str_from(cm_options[i].environment);
}

int cm_config_find(cm_str name, cm_str (*name_of)(size_t)) {
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        if (cm_str_eq(name, name_of((size_t)i))) {
            return i;
        }
    }
    return -1;
}

static void unknown(cm_config_load_state *load, cm_str name, cm_str (*name_of)(size_t)) {
    cm_str near = cm_nearest_name(name, name_of, CM_OPTION_COUNT);
    cm_config_fault(load, "%s: '" CM_STR_FMT "' is not a setting%s" CM_STR_FMT "%s", load->place,
                    CM_STR_ARG(name), near.len ? "; did you mean '" : "", CM_STR_ARG(near),
                    near.len ? "'?" : "");
}

cm_str cm_nearest_name(cm_str name, cm_str (*name_of)(size_t), size_t count) {
    size_t best = CM_MAX(name.len / 3, (size_t)2) + 1;
    cm_str found = CM_STR_EMPTY;
    for (size_t i = 0; i < count; i++) {
        size_t distance = cm_str_distance(name, name_of(i), best);
        if (distance < best) {
            best = distance;
            found = name_of(i);
        }
    }
    return found;
}

/* --- the file --- */

typedef struct file_reader {
    cm_config_load_state *load;
    const char *path;
    cm_str rest;
    unsigned line;
    unsigned seen[CM_OPTION_COUNT]; /* line of the last value, 0 = none */
} file_reader;

static void set_place(file_reader *reader) {
    snprintf(reader->load->place, sizeof(reader->load->place), "%s:%u", reader->path, reader->line);
}

/* As fgets, over the text in memory. */
static char *next_line(char *out, int size, void *user) {
    file_reader *reader = user;
    cm_str line;
    if (!cm_str_line(&reader->rest, &line)) {
        return NULL;
    }
    reader->line++;
    set_place(reader);
    if (line.len + 2 > (size_t)size) {
        cm_config_fault(reader->load,
                        "%s: line is longer than %d bytes; continue a list on indented lines",
                        reader->load->place, size - 2);
        line = CM_STR_EMPTY;
    }
    snprintf(out, (size_t)size, CM_STR_FMT "\n", CM_STR_ARG(line));
    return out;
}

static bool is_list(int id) {
    return cm_options[id].type == CM_OPTION_TYPE_LIST ||
           cm_options[id].type == CM_OPTION_TYPE_PATHS;
}

static int take_value(void *user, const char *section, const char *key, const char *value) {
    file_reader *reader = user;
    cm_config_load_state *load = reader->load;
    char name[128];
    snprintf(name, sizeof(name), "%s%s%s", section, section[0] ? "." : "", key);
    int id = cm_config_find(cm_str_from(name), option_name);
    if (id < 0) {
        unknown(load, cm_str_from(name), option_name);
        return 1;
    }
    bool again = reader->seen[id] != 0;
    if (again && !is_list(id)) {
        cm_config_fault(load, "%s: %s is set again; first on line %u", load->place, name,
                        reader->seen[id]);
        return 1;
    }
    cm_str text = cm_str_from(value);
    if (again) { /* continued on another line */
        load->lists[id] = cm_arena_fmt(load->arena, CM_STR_FMT "," CM_STR_FMT,
                                       CM_STR_ARG(load->lists[id]), CM_STR_ARG(text));
    } else {
        load->lists[id] = cm_arena_str(load->arena, text);
    }
    reader->seen[id] = reader->line;
    apply(load, (enum cm_option_id)id, load->lists[id], CM_CONFIG_FILE);
    return 1;
}

static cm_rc read_file(cm_config_load_state *load, const char *path, bool must_exist, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, FILE_BYTES_MAX);
    cm_rc rc = cm_file_read(path, FILE_BYTES_MAX, &text, err);
    if (rc == CM_NOT_FOUND && !must_exist) {
        return CM_OK;
    }
    if (rc != CM_OK) {
        return cm_err_prefix(err, rc, "cannot read the settings");
    }
    if (cm_str_find_char(cm_buf_str(&text), '\0') != SIZE_MAX) {
        return cm_fail(err, CM_INVALID, "settings file '%s' is not a text file", path);
    }
    file_reader *reader = CM_ARENA_NEW(load->arena, file_reader);
    *reader = (file_reader){.load = load, .path = path, .rest = cm_buf_str(&text)};
    int bad_line = ini_parse_stream(next_line, reader, take_value, reader);
    if (bad_line > 0) {
        cm_config_fault(load, "%s:%d: neither '[section]' nor 'key = value'", path, bad_line);
    }
    return CM_OK;
}

/* --- environment and flags --- */

/* CODEMENTOR_HTTP_LISTN is a slip; CODEMENTOR_CACHE belongs to somebody else. */
static bool in_a_section(cm_str variable) {
    for (size_t i = 0; i < CM_OPTION_COUNT; i++) {
        cm_str known = option_environment(i);
        cm_str tail = cm_str_from_offset(known, strlen(ENVIRON_PREFIX));
        size_t section = strlen(ENVIRON_PREFIX) + cm_str_find_char(tail, '_') + 1;
        if (cm_str_starts(variable, cm_str_sub(known, 0, section))) {
            return true;
        }
    }
    return false;
}

static void read_environment(cm_config_load_state *load, const char *const *variables) {
    for (; variables && *variables; variables++) {
        cm_str pair = cm_str_from(*variables);
        if (!cm_str_starts(pair, CM_STR(ENVIRON_PREFIX))) {
            continue;
        }
        size_t equals = cm_str_find_char(pair, '=');
        cm_str name = cm_str_sub(pair, 0, equals);
        cm_str value = equals == SIZE_MAX ? CM_STR_EMPTY : cm_str_from_offset(pair, equals + 1);
        snprintf(load->place, sizeof(load->place), "environment variable " CM_STR_FMT,
                 CM_STR_ARG(name));
        int id = cm_config_find(name, option_environment);
        if (id >= 0) {
            apply(load, (enum cm_option_id)id, value, CM_CONFIG_ENVIRONMENT);
        } else if (in_a_section(name)) {
            unknown(load, name, option_environment);
        }
    }
}

static void read_flags(cm_config_load_state *load, const cm_config_flag *flags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        snprintf(load->place, sizeof(load->place), "flag " CM_STR_FMT, CM_STR_ARG(flags[i].flag));
        int id = cm_config_find(flags[i].name, option_name);
        if (id >= 0) {
            apply(load, (enum cm_option_id)id, flags[i].value, CM_CONFIG_FLAG);
        } else {
            unknown(load, flags[i].name, option_name);
        }
    }
}

static const char *variable(const char *const *variables, const char *name) {
    size_t len = strlen(name);
    for (; variables && *variables; variables++) {
        if (strncmp(*variables, name, len) == 0 && (*variables)[len] == '=') {
            return *variables + len + 1;
        }
    }
    return "";
}

/* ${XDG_CONFIG_HOME:-~/.config}/codementor/codementor.conf; NULL when there is no home. */
static const char *default_file(const cm_config_load_state *load, const char *const *variables) {
    const char *xdg = variable(variables, "XDG_CONFIG_HOME");
    if (xdg[0] == '/') {
        return cm_arena_fmt(load->arena, "%s/codementor/codementor.conf", xdg).ptr;
    }
    return load->home[0]
               ? cm_arena_fmt(load->arena, "%s/.config/codementor/codementor.conf", load->home).ptr
               : NULL;
}

static void read_defaults(cm_config_load_state *load) {
    snprintf(load->place, sizeof(load->place), "default");
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        cm_str text = cm_str_from(cm_options[i].preset);
        apply(load, (enum cm_option_id)i, text, CM_CONFIG_DEFAULT);
    }
}

static cm_rc finish(cm_config_load_state *load, cm_str *ret_faults, cm_err *err) {
    if (load->fault_count == 0) {
        return CM_OK;
    }
    if (ret_faults && load->fault_count > 1) {
        *ret_faults = cm_arena_str(load->arena, cm_buf_str(&load->faults));
    }
    return load->fault_count == 1 ? cm_fail(err, CM_INVALID, "%s", load->first_fault)
                                  : cm_fail(err, CM_INVALID, "%s (and %zu more)", load->first_fault,
                                            load->fault_count - 1);
}

cm_rc cm_config_load(const cm_config_input *input, cm_arena *arena, const cm_config **ret_config,
                     cm_str *ret_faults, cm_err *err) {
    cm_config_load_state *load = CM_ARENA_NEW(arena, cm_config_load_state);
    load->arena = arena;
    load->config = CM_ARENA_NEW(arena, cm_config);
    load->home = variable(input->environ, "HOME");
    cm_buf_init(&load->faults, FAULT_BYTES_MAX);
    read_defaults(load);
    const char *path = input->file ? input->file : default_file(load, input->environ);
    cm_rc rc = path ? read_file(load, path, input->file != NULL, err) : CM_OK;
    if (rc == CM_OK) {
        read_environment(load, input->environ);
        read_flags(load, input->flags, input->flag_count);
        if (load->fault_count == 0) {
            cm_config_check(load);
        }
        rc = finish(load, ret_faults, err);
    }
    cm_buf_done(&load->faults);
    if (rc == CM_OK) {
        *ret_config = load->config;
    }
    return rc;
}

enum cm_config_source cm_config_source_of(const cm_config *config, enum cm_option_id option) {
    return (enum cm_config_source)config->sources[option];
}
