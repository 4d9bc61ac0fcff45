/* llama_log.c - llama.cpp's one process-wide log callback, and its start-up.
 *
 * The library reports why a load failed only as log lines. The callback runs on the thread that called it, so
 * the first error line is kept per thread: the only state that survives a call here. Level
 * numbers are compared by name: continuation lines (progress dots) carry one above "error". */
#include <pthread.h>

#include "base/log.h"
#include "model/llama_priv.h"

#define ERROR_TEXT_MAX 256

static _Thread_local char first_error[ERROR_TEXT_MAX];

static void on_log(enum ggml_log_level level, const char *text, void *unused) {
    (void)unused;
    if (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) {
        return;
    }
    cm_str line = cm_str_trim(cm_str_from(text));
    cm_log(CM_LOG_DEBUG, "llama.cpp", CM_S("text", line));
    if (level == GGML_LOG_LEVEL_ERROR && first_error[0] == '\0') {
        snprintf(first_error, sizeof(first_error), CM_STR_FMT, CM_STR_ARG(line));
    }
}

static void start(void) {
    llama_log_set(on_log, NULL);
    llama_backend_init();
}

void cm_llama_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

void cm_llama_error_reset(void) {
    first_error[0] = '\0';
}

const char *cm_llama_error(void) {
    return first_error[0] != '\0' ? first_error : "no reason given";
}
