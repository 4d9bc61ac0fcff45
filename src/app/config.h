/* config.h - the settings: defaults, then file, environment and flags, each over the one before.
 *
 * struct cm_config and all tables are generated from spec/options.toml; `config->http.idle_seconds`
 * is the option `http.idle_seconds`. A value that cannot be used is refused with its position
 * ("codementor.conf:12", "environment variable CODEMENTOR_HTTP_LOOPS", "flag --port"), and an
 * unknown name with the nearest known one. All faults are reported, not only the first.
 *
 * A loaded cm_config never changes; a reload makes a new one.
 * Thread: any once loaded. */
#ifndef CM_APP_CONFIG_H
#define CM_APP_CONFIG_H

#include "app/options_gen.h" /* struct cm_config, enum cm_option_id, generated */
#include "base/arena.h"
#include "base/buf.h"

enum cm_config_source {
    CM_CONFIG_DEFAULT,
    CM_CONFIG_FILE,
    CM_CONFIG_ENVIRONMENT,
    CM_CONFIG_FLAG,
};

/* One `--port 0` or `--set http.loops=2`, in the order given. */
typedef struct cm_config_flag {
    cm_str flag; /* as typed, for messages: "--port" */
    cm_str name; /* "http.port" */
    cm_str value;
} cm_config_flag;

typedef struct cm_config_input {
    const char *file; /* --config; NULL = the default place, where a missing file is fine */
    const char *const *environ; /* "NAME=value" ..., NULL-terminated; NULL = none */
    const cm_config_flag *flags;
    size_t flag_count;
} cm_config_input;

/* Everything lives in `arena`. On CM_INVALID the text names the first fault; when there are several,
 * `*ret_faults` (may be NULL) lists all, one a line. */
cm_rc cm_config_load(const cm_config_input *input, cm_arena *arena, const cm_config **ret_config,
                     cm_str *ret_faults, cm_err *err) cm_must_check;

enum cm_config_source cm_config_source_of(const cm_config *config, enum cm_option_id option);
/* The settings in effect as a file that cm_config_load reads back, each with its source as a
 * comment; secrets as "***" (which the file refuses, so a copy cannot lose one silently). */
void cm_config_print(const cm_config *config, cm_buf *out);
/* The same as one JSON object {name: {value, source}}. */
void cm_config_print_json(const cm_config *config, cm_buf *out);

/* `host` without brackets and `port` of http.listen, http.port applied. */
cm_str cm_config_listen_host(const cm_config *config);
uint16_t cm_config_listen_port(const cm_config *config);

#endif
