/* command.h - one row of spec/commands.toml, as the generated table holds it.
 *
 * Thread: any; constant data. */
#ifndef CM_APP_COMMAND_H
#define CM_APP_COMMAND_H

#include "app/cli.h"

enum cm_parameter_type {
    CM_PARAMETER_STR,
    CM_PARAMETER_PATH,
    CM_PARAMETER_INT,
    CM_PARAMETER_FLAG,
    CM_PARAMETER_ENUM,
};

typedef struct cm_parameter {
    const char *name; /* "idle-exit" is given as --idle-exit */
    enum cm_parameter_type type;
    size_t offset;   /* in the command's cm_args_* */
    bool positional; /* given by place, not by name */
    bool optional;   /* positional: may be left out */
    bool many;       /* positional: takes the rest of the words, joined by spaces */
    const char *const *values;
    int64_t min, max;
    int64_t preset;
    const char *value; /* its name in the help: "PATH" */
    const char *help;
} cm_parameter;

struct cm_command {
    const char *name;
    const cm_parameter *parameters; /* positional ones first */
    size_t parameter_count;
    bool server; /* takes the flags of all settings */
    const char *help;
    const char *more;
    const char *examples; /* one a line */
};

extern const cm_command cm_commands[CM_COMMAND_COUNT];
extern cm_command_fn *const cm_command_functions[CM_COMMAND_COUNT];

#endif
