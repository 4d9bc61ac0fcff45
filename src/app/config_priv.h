/* config_priv.h - shared by the files of config.h and by cli.c only. */
#ifndef CM_APP_CONFIG_PRIV_H
#define CM_APP_CONFIG_PRIV_H

#include "app/config.h"
#include "app/option.h"

typedef struct cm_config_load_state {
    cm_arena *arena;
    cm_config *config;
    const char *home;                /* "" when HOME is not set */
    char place[CM_ERR_TEXT_MAX / 2]; /* where the value being read stands */
    cm_str lists[CM_OPTION_COUNT];   /* text of lists so far: they may go on over several lines */
    cm_buf faults;                   /* one a line */
    size_t fault_count;
    const char *first_fault;
} cm_config_load_state;

void cm_config_fault(cm_config_load_state *load, const char *format, ...) cm_printf(2, 3);

/* Puts `text` into its place in `config`. NULL, or why it cannot be: "must be at most 65535". */
const char *cm_option_parse(const cm_option *option, cm_str text, const char *home, cm_arena *arena,
                            cm_config *config) cm_must_check;
/* The value as it would stand in the file. */
void cm_option_format(const cm_option *option, const cm_config *config, cm_buf *out);

/* Rules over several settings. */
void cm_config_check(cm_config_load_state *load);

/* "HOST:PORT", "[::1]:PORT", ":PORT". */
bool cm_address_split(cm_str address, cm_str *ret_host, uint16_t *ret_port) cm_must_check;

/* Index of the option with this name, -1 when there is none. */
int cm_config_find(cm_str name, cm_str (*name_of)(size_t));
/* The nearest of `count` names; empty when none is near enough to be meant. */
cm_str cm_nearest_name(cm_str name, cm_str (*name_of)(size_t), size_t count);

#endif
