/* server.h - one whole server in this process: store, index, parse workers, models, API.
 *
 * Opening order is the order of the house, lowest room first; closing is the reverse. The model loads
 * in the background, so requests are answered (by the instant tier) long before it is ready.
 *
 * Thread: main. */
#ifndef CM_APP_SERVER_H
#define CM_APP_SERVER_H

#include "api/services.h"
#include "app/places.h"
#include "app/watchdog.h"
#include "rt/settings.h"

typedef struct cm_server cm_server;

typedef struct cm_server_options {
    bool socket_only;   /* no TCP: the short life of a one-shot command */
    bool without_model; /* do not load one */
} cm_server_options;

/* Takes the data directory (CM_CONFLICT when it has an owner), opens everything and serves. `config` outlives the
 * server. Errors: those of every room it opens. */
cm_rc cm_server_open(const cm_config *config, const cm_places *places,
                     const cm_server_options *options, cm_server **ret_server,
                     cm_err *err) cm_must_check;
/* "http://127.0.0.1:8012"; empty with socket_only. */
const char *cm_server_address(const cm_server *server);
const cm_services *cm_server_services(const cm_server *server);
/* The owner of this machine, who asks for what the command line wants. */
const cm_caller *cm_server_owner(const cm_server *server);
/* Where a reload publishes; lives as long as the server. */
cm_settings_cell *cm_server_settings(const cm_server *server);
/* Milliseconds since the last request began or ended; 0 while one runs. */
uint64_t cm_server_idle_ms(const cm_server *server);
/* Stops accepting and waits until running requests are done, at most `deadline_ms`. */
void cm_server_drain(cm_server *server, uint32_t deadline_ms);
/* Told what is being closed, so that it can say where the server is stuck; it outlives the server. */
void cm_server_watch(cm_server *server, cm_watchdog *watchdog);
void cm_server_close(cm_server *server); /* NULL is allowed */

#endif
