/* settings.c - see settings.h. Values are compared as the file would spell them, so one loop serves all types. */
#include "base/base.h"

#include <unistd.h>

#include "app/config_priv.h"
#include "app/settings.h"
#include "base/log.h"

#define VALUE_BYTES_MAX CM_KIB(64)
#define SECRET_MASK     "***"

cm_rc cm_settings_load(const cm_cli *cli, cm_arena *arena, const cm_config **ret_config,
                       cm_str *ret_faults, cm_err *err) {
    cm_config_input input = {.file = cli->config_file,
                             .environ = (const char *const *)environ,
                             .flags = cli->flags,
                             .flag_count = cli->flag_count};
    return cm_config_load(&input, arena, ret_config, ret_faults, err);
}

void cm_settings_start_log(const cm_cli *cli, const cm_config *config) {
    static const enum cm_log_level levels[] = {[CM_CONFIG_LOG_LEVEL_DEBUG] = CM_LOG_DEBUG,
                                               [CM_CONFIG_LOG_LEVEL_INFO] = CM_LOG_INFO,
                                               [CM_CONFIG_LOG_LEVEL_WARN] = CM_LOG_WARN,
                                               [CM_CONFIG_LOG_LEVEL_ERROR] = CM_LOG_ERROR,
                                               [CM_CONFIG_LOG_LEVEL_OFF] = CM_LOG_OFF};
    bool preset = cm_config_source_of(config, CM_OPTION_LOG_LEVEL) == CM_CONFIG_DEFAULT;
    bool quiet = preset && cli->id != CM_COMMAND_SERVE;
    bool json = config->log.format == CM_CONFIG_LOG_FORMAT_JSON;
    cm_log_init(quiet ? CM_LOG_WARN : levels[config->log.level], json ? CM_LOG_JSON : CM_LOG_HUMAN,
                STDERR_FILENO);
}

static cm_str value_text(const cm_option *option, const cm_config *config, cm_buf *out) {
    cm_buf_clear(out);
    cm_option_format(option, config, out);
    return cm_buf_str(out);
}

/* The options that differ: those of a reload from what is in effect, the others from what was started with. */
static bool tell_changes(const cm_reloader *reloader, const cm_config *next) {
    cm_buf before, after;
    cm_buf_init(&before, VALUE_BYTES_MAX);
    cm_buf_init(&after, VALUE_BYTES_MAX);
    bool applies = false;
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        const cm_option *option = &cm_options[i];
        const cm_config *old = option->reload ? reloader->current : reloader->cli->config;
        cm_str from = value_text(option, old, &before), to = value_text(option, next, &after);
        if (cm_str_eq(from, to)) {
            continue;
        }
        applies |= option->reload;
        cm_log(option->reload ? CM_LOG_INFO : CM_LOG_WARN,
               option->reload ? "setting changed" : "setting waits for a restart",
               CM_F("setting", option->name),
               CM_S("from", option->secret ? CM_STR(SECRET_MASK) : from),
               CM_S("to", option->secret ? CM_STR(SECRET_MASK) : to));
    }
    cm_buf_done(&before);
    cm_buf_done(&after);
    return applies;
}

static void tell_faults(cm_str faults, const cm_err *err) {
    cm_str fault;
    while (cm_str_line(&faults, &fault)) {
        cm_log(CM_LOG_ERROR, "fault in the settings", CM_S("fault", fault));
    }
    cm_log_err(CM_LOG_ERROR, "the settings cannot be used; those in effect stay", err);
}

cm_rc cm_settings_reload(cm_reloader *reloader, cm_err *err) {
    cm_arena *arena = cm_arena_new(0);
    const cm_config *next = NULL;
    cm_str faults = CM_STR_EMPTY;
    cm_rc rc = cm_settings_load(reloader->cli, arena, &next, &faults, err);
    if (rc != CM_OK) {
        tell_faults(faults, err);
        cm_arena_free(arena);
        return rc;
    }
    if (!tell_changes(reloader, next)) {
        cm_log(CM_LOG_INFO, "settings read again: nothing to apply");
        cm_arena_free(arena);
        return CM_OK;
    }
    cm_settings settings = cm_config_settings(next);
    cm_settings_publish(reloader->cell, &settings, arena);
    reloader->current = next;
    cm_settings_start_log(reloader->cli, next);
    return CM_OK;
}
