/* cli_help.c - help texts from the tables. */
#include "app/command.h"
#include "app/option.h"

#define COLUMN 26

static void add_row(cm_buf *out, const char *left, const char *right) {
    size_t width = strlen(left);
    cm_buf_add_f(out, "  %s", left);
    if (width > COLUMN - 2) {
        cm_buf_add_char(out, '\n');
        width = 0;
        cm_buf_add_repeat(out, ' ', 2);
    }
    cm_buf_add_repeat(out, ' ', COLUMN - width);
    cm_buf_add_f(out, "%s\n", right);
}

static void add_parameter_name(const cm_parameter *parameter, cm_buf *out) {
    if (!parameter->positional) {
        cm_buf_add_f(out, "--%s%s%s", parameter->name, parameter->value ? " " : "",
                     parameter->value ? parameter->value : "");
        return;
    }
    for (int i = 0; parameter->values && parameter->values[i]; i++) {
        cm_buf_add_f(out, "%s%s", i ? "|" : "", parameter->values[i]);
    }
    for (const char *c = parameter->values ? "" : parameter->name; *c; c++) {
        cm_buf_add_char(out, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    }
    cm_buf_add_c(out, parameter->many ? "..." : "");
}

static void add_usage(const cm_command *command, cm_buf *out) {
    bool options = false;
    cm_buf_add_f(out, "usage: codementor %s", command->name);
    for (size_t i = 0; i < command->parameter_count; i++) {
        const cm_parameter *parameter = &command->parameters[i];
        if (!parameter->positional) {
            options = true;
            continue;
        }
        cm_buf_add_c(out, parameter->optional ? " [" : " ");
        add_parameter_name(parameter, out);
        cm_buf_add_c(out, parameter->optional ? "]" : "");
    }
    cm_buf_add_c(out, options ? " [OPTIONS]\n\n" : "\n\n");
}

static void add_parameters(const cm_command *command, cm_buf *out) {
    for (size_t i = 0; i < command->parameter_count; i++) {
        cm_cleanup(cm_buf_done) cm_buf name;
        cm_buf_init(&name, CM_KIB(1));
        add_parameter_name(&command->parameters[i], &name);
        add_row(out, cm_buf_c(&name), command->parameters[i].help);
    }
    cm_buf_add_c(out, command->parameter_count ? "\n" : "");
}

/* "--port VALUE", "--log-level debug|info|warn" */
static void add_setting(const cm_option *option, cm_buf *out) {
    cm_cleanup(cm_buf_done) cm_buf left;
    cm_buf_init(&left, CM_KIB(1));
    cm_buf_add_f(&left, "%s%s", option->flag, option->values ? "" : " VALUE");
    for (int i = 0; option->values && option->values[i]; i++) {
        cm_buf_add_f(&left, "%c%s", i ? '|' : ' ', option->values[i]);
    }
    add_row(out, cm_buf_c(&left), option->help);
}

static void add_settings(bool server, cm_buf *out) {
    for (int i = 0; i < CM_OPTION_COUNT; i++) {
        if (cm_options[i].flag && (server || cm_options[i].global)) {
            add_setting(&cm_options[i], out);
        }
    }
    add_row(out, "--config FILE", "settings file");
    add_row(out, "--set NAME=VALUE", "any setting; 'codementor config print' lists them");
    add_row(out, "--json", "machine-readable output");
    add_row(out, "--help", "this text");
}

static void add_examples(const char *examples, cm_buf *out) {
    cm_str rest = cm_str_from(examples);
    cm_str line;
    cm_buf_add_c(out, rest.len ? "\nexamples:\n" : "");
    while (cm_str_line(&rest, &line)) {
        cm_buf_add_f(out, "  " CM_STR_FMT "\n", CM_STR_ARG(line));
    }
}

static void add_overview(cm_buf *out) {
    cm_buf_add_c(out, "usage: codementor COMMAND [ARGUMENTS]\n\ncommands:\n");
    for (int i = 0; i < CM_COMMAND_COUNT; i++) {
        add_row(out, cm_commands[i].name, cm_commands[i].help);
    }
    cm_buf_add_c(out, "\nwith every command:\n");
    add_settings(false, out);
    cm_buf_add_c(out, "\n'codementor COMMAND --help' tells more\n");
}

void cm_cli_help(const cm_command *command, cm_buf *out) {
    if (!command) {
        add_overview(out);
        return;
    }
    add_usage(command, out);
    cm_buf_add_f(out, "%s\n", command->help);
    if (command->more) {
        cm_buf_add_f(out, "%s\n", command->more);
    }
    cm_buf_add_char(out, '\n');
    add_parameters(command, out);
    add_settings(command->server, out);
    add_examples(command->examples, out);
}
