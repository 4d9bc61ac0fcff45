/* cli.c - the command line by table, see cli.h. */
#include "app/cli.h"

#include "app/command.h"
#include "app/config_priv.h"

#define FLAGS_MAX 64

typedef struct parser {
    int argc;
    const char *const *argv;
    int at;               /* the next word */
    bool only_positional; /* after "--" */
    cm_cli *cli;
    cm_config_flag *flags;
    size_t positional; /* given so far */
    cm_buf many;       /* the rest of the words, joined */
    cm_err *err;
} parser;

/* One "--name", its value after '=' if it has one. */
typedef struct word {
    cm_str flag; /* "--limit" */
    cm_str value;
    bool has_value;
} word;

/* --- names, for suggestions --- */

static cm_str command_name(size_t i) {
    return cm_str_from(cm_commands[i].name);
}

/* Flags of settings; those without one have no name to suggest. */
static cm_str setting_flag(size_t i) {
    return cm_str_from(cm_options[i].flag);
}

static cm_str global_flag(size_t i) {
    static const char *const flags[] = {"--config", "--json", "--help", "--set", "--version"};
    return i < CM_COUNT(flags) ? cm_str_from(flags[i]) : setting_flag(i - CM_COUNT(flags));
}

#define GLOBAL_FLAG_COUNT (5 + CM_OPTION_COUNT)

static cm_rc unknown_option(parser *p, cm_str flag) {
    const cm_command *command = p->cli->command;
    cm_str near = cm_nearest_name(flag, global_flag, GLOBAL_FLAG_COUNT);
    size_t best = near.len ? cm_str_distance(flag, near, 8) : 8;
    char text[64] = "";
    for (size_t i = 0; command && i < command->parameter_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "--%s", command->parameters[i].name);
        size_t distance = cm_str_distance(flag, cm_str_from(name), 8);
        bool close = distance <= CM_MAX(flag.len / 3, (size_t)2);
        if (!command->parameters[i].positional && close && distance < best) {
            best = distance;
            snprintf(text, sizeof(text), "%s", name);
            near = cm_str_from(text);
        }
    }
    const char *where = command ? command->name : "codementor";
    if (near.len > 0) {
        return cm_fail(p->err, CM_INVALID,
                       "unknown option '" CM_STR_FMT "' of '%s'; did you mean '" CM_STR_FMT "'?",
                       CM_STR_ARG(flag), where, CM_STR_ARG(near));
    }
    return cm_fail(p->err, CM_INVALID, "unknown option '" CM_STR_FMT "' of '%s'; see '%s --help'",
                   CM_STR_ARG(flag), where, where);
}

/* --- values --- */

static cm_rc take_value(parser *p, word *option) {
    if (option->has_value) {
        return CM_OK;
    }
    if (p->at >= p->argc) {
        return cm_fail(p->err, CM_INVALID, "option '" CM_STR_FMT "' needs a value",
                       CM_STR_ARG(option->flag));
    }
    option->value = cm_str_from(p->argv[p->at++]);
    option->has_value = true;
    return CM_OK;
}

static cm_rc no_value(parser *p, const word *option) {
    return option->has_value ? cm_fail(p->err, CM_INVALID, "option '" CM_STR_FMT "' takes no value",
                                       CM_STR_ARG(option->flag))
                             : CM_OK;
}

static cm_rc set_enum(parser *p, const cm_parameter *parameter, cm_str value, int *out) {
    cm_buf names;
    cm_buf_init(&names, CM_KIB(1));
    for (int i = 0; parameter->values[i]; i++) {
        if (cm_str_eq_c(value, parameter->values[i])) {
            *out = i;
            cm_buf_done(&names);
            return CM_OK;
        }
        cm_buf_add_f(&names, "%s%s", i ? ", " : "", parameter->values[i]);
    }
    cm_rc rc = cm_fail(p->err, CM_INVALID, "'" CM_STR_FMT "' is none of %s", CM_STR_ARG(value),
                       cm_buf_c(&names));
    cm_buf_done(&names);
    return rc;
}

static cm_rc set_int(parser *p, const cm_parameter *parameter, cm_str value, int64_t *out) {
    int64_t number;
    if (!cm_str_to_i64(value, &number) || number < parameter->min || number > parameter->max) {
        return cm_fail(p->err, CM_INVALID,
                       "option '--%s' must be a whole number from %lld to %lld, not '" CM_STR_FMT
                       "'",
                       parameter->name, (long long)parameter->min, (long long)parameter->max,
                       CM_STR_ARG(value));
    }
    *out = number;
    return CM_OK;
}

static cm_rc set_parameter(parser *p, const cm_parameter *parameter, cm_str value) {
    void *out = (char *)(uintptr_t)p->cli->args + parameter->offset;
    switch (parameter->type) {
    case CM_PARAMETER_STR:
    case CM_PARAMETER_PATH: *(const char **)out = cm_arena_c(p->cli->arena, value); return CM_OK;
    case CM_PARAMETER_INT: return set_int(p, parameter, value, out);
    case CM_PARAMETER_FLAG: *(bool *)out = true; return CM_OK;
    case CM_PARAMETER_ENUM: return set_enum(p, parameter, value, out);
    }
    return CM_OK;
}

/* --- options --- */

static cm_rc add_flag(parser *p, cm_str flag, cm_str name, cm_str value) {
    if (p->cli->flag_count == FLAGS_MAX) {
        return cm_fail(p->err, CM_INVALID, "more than %d settings on the command line", FLAGS_MAX);
    }
    p->flags[p->cli->flag_count++] = (cm_config_flag){flag, name, value};
    return CM_OK;
}

/* --set NAME=VALUE */
static cm_rc take_set(parser *p, word *option) {
    cm_rc rc = take_value(p, option);
    if (rc != CM_OK) {
        return rc;
    }
    size_t equals = cm_str_find_char(option->value, '=');
    if (equals == SIZE_MAX) {
        return cm_fail(p->err, CM_INVALID, "--set needs NAME=VALUE, not '" CM_STR_FMT "'",
                       CM_STR_ARG(option->value));
    }
    return add_flag(p, option->flag, cm_str_sub(option->value, 0, equals),
                    cm_str_from_offset(option->value, equals + 1));
}

static cm_rc take_config_file(parser *p, word *option) {
    cm_rc rc = take_value(p, option);
    if (rc == CM_OK) {
        p->cli->config_file = cm_arena_c(p->cli->arena, option->value);
    }
    return rc;
}

/* Flags of settings: global ones everywhere, the others where a server starts. */
static const cm_option *find_setting(const parser *p, cm_str flag) {
    bool server = p->cli->command && p->cli->command->server;
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        if (cm_options[i].flag && cm_str_eq_c(flag, cm_options[i].flag) &&
            (cm_options[i].global || server)) {
            return &cm_options[i];
        }
    }
    return NULL;
}

static const cm_parameter *find_parameter(const parser *p, cm_str flag) {
    const cm_command *command = p->cli->command;
    cm_str name = cm_str_from_offset(flag, 2);
    for (size_t i = 0; command && i < command->parameter_count; i++) {
        if (!command->parameters[i].positional && cm_str_eq_c(name, command->parameters[i].name)) {
            return &command->parameters[i];
        }
    }
    return NULL;
}

static cm_rc take_parameter(parser *p, const cm_parameter *parameter, word *option) {
    cm_rc rc = parameter->type == CM_PARAMETER_FLAG ? no_value(p, option) : take_value(p, option);
    if (rc != CM_OK) {
        return rc;
    }
    return set_parameter(p, parameter, option->value);
}

static cm_rc take_setting(parser *p, const cm_option *setting, word *option) {
    cm_rc rc = take_value(p, option);
    if (rc != CM_OK) {
        return rc;
    }
    return add_flag(p, option->flag, cm_str_from(setting->name), option->value);
}

static cm_rc choose_command(parser *p, cm_str name);

static cm_rc take_option(parser *p, cm_str text) {
    word option = {.flag = text};
    size_t equals = cm_str_find_char(text, '=');
    if (equals != SIZE_MAX) {
        option = (word){cm_str_sub(text, 0, equals), cm_str_from_offset(text, equals + 1), true};
    }
    if (cm_str_eq_c(option.flag, "--help") || cm_str_eq_c(option.flag, "-h")) {
        p->cli->help = true;
        return no_value(p, &option);
    }
    if (cm_str_eq_c(option.flag, "--json")) {
        p->cli->json = true;
        return no_value(p, &option);
    }
    if (cm_str_eq_c(option.flag, "--config")) {
        return take_config_file(p, &option);
    }
    if (cm_str_eq_c(option.flag, "--set")) {
        return take_set(p, &option);
    }
    if (cm_str_eq_c(option.flag, "--version") && !p->cli->command) {
        return choose_command(p, CM_STR("version"));
    }
    const cm_parameter *parameter = find_parameter(p, option.flag);
    const cm_option *setting = find_setting(p, option.flag);
    if (parameter) {
        return take_parameter(p, parameter, &option);
    }
    return setting ? take_setting(p, setting, &option) : unknown_option(p, option.flag);
}

/* --- commands and positional words --- */

static void set_presets(cm_cli *cli) {
    for (size_t i = 0; i < cli->command->parameter_count; i++) {
        const cm_parameter *parameter = &cli->command->parameters[i];
        if (parameter->type == CM_PARAMETER_INT) {
            *(int64_t *)((char *)(uintptr_t)cli->args + parameter->offset) = parameter->preset;
        }
    }
}

static cm_rc choose_command(parser *p, cm_str name) {
    cm_cli *cli = p->cli;
    for (int i = 0; i < CM_COMMAND_COUNT; i++) {
        if (cm_str_eq_c(name, cm_commands[i].name)) {
            cli->command = &cm_commands[i];
            cli->id = (enum cm_command_id)i;
            cli->args = CM_ARENA_NEW(cli->arena, cm_args);
            set_presets(cli);
            return CM_OK;
        }
    }
    cm_str near = cm_nearest_name(name, command_name, CM_COMMAND_COUNT);
    return near.len > 0
               ? cm_fail(p->err, CM_INVALID,
                         "unknown command '" CM_STR_FMT "'; did you mean '" CM_STR_FMT "'?",
                         CM_STR_ARG(name), CM_STR_ARG(near))
               : cm_fail(p->err, CM_INVALID,
                         "unknown command '" CM_STR_FMT "'; 'codementor --help' lists them",
                         CM_STR_ARG(name));
}

static cm_rc take_positional(parser *p, cm_str text) {
    const cm_command *command = p->cli->command;
    const cm_parameter *parameter =
        p->positional < command->parameter_count ? &command->parameters[p->positional] : NULL;
    if (!parameter || !parameter->positional) {
        return cm_fail(p->err, CM_INVALID,
                       "'" CM_STR_FMT "' is too much; see 'codementor %s --help'", CM_STR_ARG(text),
                       command->name);
    }
    if (!parameter->many) {
        p->positional++;
        return set_parameter(p, parameter, text);
    }
    cm_buf_add_c(&p->many, p->many.len ? " " : "");
    cm_buf_add_str(&p->many, text);
    cm_rc rc = cm_buf_check(&p->many, p->err);
    if (rc != CM_OK) {
        return rc;
    }
    return set_parameter(p, parameter, cm_buf_str(&p->many));
}

static cm_rc take_word(parser *p, cm_str text) {
    if (!p->only_positional && cm_str_eq_c(text, "--")) {
        p->only_positional = true;
        return CM_OK;
    }
    /* "-" and "-:3:7" are standard input and a place in it */
    if (!p->only_positional && text.len > 1 && text.ptr[0] == '-' && text.ptr[1] != ':') {
        return take_option(p, text);
    }
    if (p->cli->command) {
        return take_positional(p, text);
    }
    if (cm_str_eq_c(text, "help")) {
        p->cli->help = true;
        return CM_OK;
    }
    return choose_command(p, text);
}

static cm_rc check_complete(const parser *p) {
    const cm_command *command = p->cli->command;
    if (p->cli->help || p->positional >= command->parameter_count) {
        return CM_OK;
    }
    const cm_parameter *next = &command->parameters[p->positional];
    if (!next->positional || next->optional || (next->many && p->many.len > 0)) {
        return CM_OK;
    }
    return cm_fail(p->err, CM_INVALID, "'%s' needs %s; see 'codementor %s --help'", command->name,
                   next->help, command->name);
}

cm_rc cm_cli_parse(int argc, const char *const *argv, cm_arena *arena, cm_cli *ret_cli,
                   cm_err *err) {
    cm_cli cli = {.arena = arena};
    parser p = {.argc = argc, .argv = argv, .at = 1, .cli = &cli, .err = err};
    p.flags = cm_arena_alloc(arena, FLAGS_MAX * sizeof(cm_config_flag));
    cm_buf_init(&p.many, CM_KIB(64));
    cm_rc rc = CM_OK;
    while (rc == CM_OK && p.at < argc) {
        rc = take_word(&p, cm_str_from(argv[p.at++]));
    }
    if (rc == CM_OK && !cli.command) {
        cli.help = true;
    } else if (rc == CM_OK) {
        rc = check_complete(&p);
    }
    cm_buf_done(&p.many);
    cli.flags = p.flags;
    if (rc == CM_OK) {
        *ret_cli = cli;
    }
    return rc;
}
