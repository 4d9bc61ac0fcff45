/* Fuzzes the choice of a model file: whatever the bytes, cm_gguf_check says yes or names the file. */
#include <sys/mman.h>
#include <unistd.h>

#include "model/gguf_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz.gguf", MFD_CLOEXEC);
    cm_assert(fd >= 0);
    cm_assert(write(fd, data, size) == (ssize_t)size);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    cm_gguf_facts facts;
    cm_err err = {0};
    cm_rc rc = cm_gguf_check(path, &facts, &err);
    cm_assert(rc == CM_OK || strstr(err.text, path) != NULL);
    close(fd);
    return 0;
}
