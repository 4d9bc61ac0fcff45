/* settings.h - from the four sources of the settings to a running server: at the start, and at each reload.
 *
 * A reload reads the file (and the environment and flags of the start) again and validates everything
 * first: with one fault nothing changes. Otherwise what differs among the options with `scope = "reload"` is
 * published as one snapshot (rt/settings.h), and what differs among the others is named in the log as
 * waiting for a restart.
 *
 * Thread: main. */
#ifndef CM_APP_SETTINGS_H
#define CM_APP_SETTINGS_H

#include "app/cli.h"
#include "rt/settings.h"

/* Settings of `cli`, in `arena`. CM_INVALID, and those of reading a file; see cm_config_load. */
cm_rc cm_settings_load(const cm_cli *cli, cm_arena *arena, const cm_config **ret_config,
                       cm_str *ret_faults, cm_err *err) cm_must_check;

/* Level and format of the log. Commands other than `serve` stay quiet unless asked. */
void cm_settings_start_log(const cm_cli *cli, const cm_config *config);

typedef struct cm_reloader {
    const cm_cli *cli;
    cm_settings_cell *cell;
    const cm_config *
        current; /* of the last reload that changed something; lives as long as the cell's snapshot */
} cm_reloader;

/* Reads the settings again and applies what can be; says in the log what changed, what waits for a
 * restart, and each fault. On an error nothing has changed: CM_INVALID, CM_NOT_FOUND, CM_DENIED, CM_IO. */
cm_rc cm_settings_reload(cm_reloader *reloader, cm_err *err) cm_must_check;

#endif
