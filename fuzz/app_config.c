/* Any bytes as a settings file: faults are named, and what loads is printed and loads again. */
#include "app/config.h"

#include "base/file.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory, so that no disk is touched; the path is valid while `fd` is open. */
static int memory_file(cm_str text, char path[64]) {
    int fd = memfd_create("settings", MFD_CLOEXEC);
    cm_assert(fd >= 0);
    cm_assert(write(fd, text.ptr ? text.ptr : "", text.len) == (ssize_t)text.len);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static const cm_config *load(cm_str text, cm_arena *arena) {
    const cm_config *config = NULL;
    char path[64];
    cm_str faults = CM_STR_EMPTY;
    cm_err err;
    int fd = memory_file(text, path);
    cm_config_input input = {.file = path};
    if (cm_config_load(&input, arena, &config, &faults, &err) != CM_OK) {
        cm_assert(err.text[0] != '\0');
        config = NULL;
    }
    close(fd);
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_arena *arena = cm_arena_new(0);
    const cm_config *config = load(cm_str_make((const char *)data, size), arena);
    if (config && config->database.url[0] == '\0') { /* a secret is not printed, so not read back */
        cm_cleanup(cm_buf_done) cm_buf out;
        cm_buf_init(&out, CM_MIB(1));
        cm_config_print(config, &out);
        const cm_config *again = load(cm_buf_str(&out), arena);
        cm_assert(!again || again->http.loops == config->http.loops);
    }
    cm_arena_free(arena);
    return 0;
}
