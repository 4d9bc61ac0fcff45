/* option.h - one row of spec/options.toml, as the generated table holds it.
 *
 * Thread: any; constant data. */
#ifndef CM_APP_OPTION_H
#define CM_APP_OPTION_H

#include "app/options_gen.h"

enum cm_option_type {
    CM_OPTION_TYPE_STR,
    CM_OPTION_TYPE_PATH,    /* "~/" stands for the home directory */
    CM_OPTION_TYPE_ADDRESS, /* HOST:PORT */
    CM_OPTION_TYPE_URL,
    CM_OPTION_TYPE_INT,
    CM_OPTION_TYPE_REAL,
    CM_OPTION_TYPE_BOOL,
    CM_OPTION_TYPE_ENUM,
    CM_OPTION_TYPE_LIST,  /* items by commas */
    CM_OPTION_TYPE_PATHS, /* paths by commas */
};

typedef struct cm_option {
    const char *name;        /* "http.listen" */
    const char *environment; /* "CODEMENTOR_HTTP_LISTEN" */
    const char *flag;        /* "--port"; NULL = only by --set */
    enum cm_option_type type;
    size_t offset; /* in cm_config */
    const char *preset;
    const char *const *values; /* of an enum, NULL-terminated */
    bool bounded;
    double min, max;
    bool global; /* the flag works with every command */
    bool reload; /* a reload applies it */
    bool secret;
    const char *help;
} cm_option;

extern const cm_option cm_options[CM_OPTION_COUNT];

#endif
