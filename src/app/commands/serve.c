/* serve.c - `codementor serve`: open, announce, wait for a signal or for idleness, drain, close.
 *
 * SIGHUP reads the settings again, on this thread and so never while the server opens or closes; those
 * that came meanwhile are one. Only when the terminal it was started on is gone does it mean the end. */
#include "base/base.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/client.h"
#include "app/server.h"
#include "app/settings.h"
#include "base/log.h"
#include "rt/signals.h"

#define DRAIN_MS      10000
#define END_MS        5000 /* after it, for closing; then the watchdog ends the process */
#define IDLE_CHECK_MS 1000

typedef struct stop {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned signals;
    bool reload;
    bool on_terminal; /* when it was started */
} stop;

static bool terminal_is_gone(const stop *s) {
    return s->on_terminal && isatty(STDIN_FILENO) == 0;
}

static void on_signal(void *user, int signal, unsigned count) {
    stop *s = user;
    bool hangup = signal == SIGHUP && terminal_is_gone(s);
    pthread_mutex_lock(&s->lock);
    s->signals = count + hangup;
    s->reload |= signal == SIGHUP;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (count > 1 && signal != SIGHUP) {
        _exit(130); /* asked twice: at once; the index and the database survive kill -9 too */
    }
}

static cm_rc index_now(const cm_server *server, const char *path, cm_err *err) {
    const cm_services *services = cm_server_services(server);
    cm_repository *repository = NULL;
    cm_uuid job;
    cm_repository_add add = {.root = cm_str_from(path)};
    cm_rc rc = cm_repositories_add(services->repositories, cm_server_owner(server), &add,
                                   &repository, err);
    if (rc == CM_OK) {
        rc = cm_repositories_index(services->repositories, repository, CM_INDEX_INCREMENTAL, &job,
                                   err);
        rc = rc == CM_CONFLICT ? CM_OK : rc; /* a job left half done was started already */
    }
    cm_repository_unref(repository);
    return rc;
}

static void announce(const cm_cli *cli, const cm_server *server) {
    const char *address = cm_server_address(server);
    printf("ready %s\n", address);
    if (!cli->json && isatty(STDOUT_FILENO) == 1) {
        printf("\n"
               "  try it     curl -s %s/infill -H 'Content-Type: application/json' -d "
               "'{\"input_prefix\":\"def fib(n):\\n    \","
               "\"input_suffix\":\"\\n\"}'\n"
               "  llama.vim  let g:llama_config = { 'endpoint_fim': '%s/infill' }\n"
               "  VS Code    llama.vscode: set llama-vscode.endpoint to %s\n"
               "  OpenAI     base_url = %s/v1 (any key)\n"
               "  API        %s/docs\n\n",
               address, address, address, address, address);
    }
    fflush(stdout);
}

/* Its faults are in the log; the server goes on with what it has. */
static void reload(cm_reloader *reloader) {
    cm_err err;
    if (cm_settings_reload(reloader, &err) == CM_OK) {
        cm_log(CM_LOG_DEBUG, "settings reloaded");
    }
}

/* Returns when a signal to stop came or nothing was asked for `idle_minutes`. */
static void wait_until_stopped(stop *s, const cm_server *server, int64_t idle_minutes,
                               cm_reloader *reloader) {
    uint64_t idle_ms = (uint64_t)idle_minutes * 60000;
    pthread_mutex_lock(&s->lock);
    while (s->signals == 0) {
        if (s->reload) {
            s->reload = false;
            pthread_mutex_unlock(&s->lock);
            reload(reloader);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        if (idle_ms == 0) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        if (cm_server_idle_ms(server) >= idle_ms) {
            cm_log(CM_LOG_INFO, "idle: stopping", CM_I("minutes", idle_minutes));
            break;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += IDLE_CHECK_MS / 1000;
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
}

/* In bounded time, whatever is stuck. */
static void end(cm_server *server) {
    cm_watchdog *watchdog = NULL;
    cm_err err;
    if (cm_watchdog_start(DRAIN_MS + END_MS, &watchdog, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "nobody watches the end of the server", &err);
    }
    cm_server_watch(server, watchdog);
    cm_server_drain(server, DRAIN_MS);
    cm_server_close(server);
    cm_watchdog_stop(watchdog);
}

static cm_rc serve(const cm_cli *cli, stop *s, cm_err *err) {
    const cm_args_serve *args = cli->args;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_places places;
    cm_server *server = NULL;
    cm_rc rc = cm_places_resolve(cli->config, arena, &places, err);
    rc = rc == CM_OK ? cm_server_open(cli->config, &places, &(cm_server_options){0}, &server, err)
                     : rc;
    if (rc == CM_OK && args->repository != NULL) {
        rc = index_now(server, args->repository, err);
    }
    if (rc == CM_OK) {
        announce(cli, server);
        cm_reloader reloader = {cli, cm_server_settings(server), cli->config};
        wait_until_stopped(s, server, args->idle_exit, &reloader);
        cm_log(CM_LOG_INFO, "stopping: running requests are finished first");
        end(server);
        return CM_OK;
    }
    cm_server_close(server);
    return rc;
}

int cm_cmd_serve(const cm_cli *cli) {
    stop s = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .changed = PTHREAD_COND_INITIALIZER,
              .on_terminal = isatty(STDIN_FILENO) == 1};
    cm_signals *signals = NULL;
    cm_err err;
    cm_rc rc = cm_signals_new(on_signal, &s, &signals, &err);
    rc = rc == CM_OK ? serve(cli, &s, &err) : rc;
    cm_signals_free(signals);
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
