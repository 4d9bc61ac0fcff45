/* gguf.c - refuses what is not a whole GGUF with a message that helps.
 *
 * llama.cpp would refuse most of it too, but with one word for everything, and the usual accidents deserve
 * their own: a download that broke off, a Git LFS pointer, a saved web page, a safetensors file.
 * Layout: 4 bytes "GGUF", u32 version (2 or 3), then keys and tensors, read by ggml's own reader. */
#include "model/gguf_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gguf.h>

#include "base/hash.h"
#include "base/str.h"

#define HEAD_BYTES   64
#define SAMPLE_COUNT 16
#define SAMPLE_BYTES 4096

static cm_rc check_magic(const char *path, const char head[HEAD_BYTES], size_t len, cm_err *err) {
    cm_str text = cm_str_make(head, len);
    if (cm_str_starts(text, CM_STR("version https://git-lfs"))) {
        return cm_fail(err, CM_CORRUPT,
                       "model '%s' is a Git LFS pointer, not the file: run 'git lfs pull'", path);
    }
    if (!cm_str_starts(text, CM_STR("GGUF"))) {
        return cm_fail(
            err, CM_CORRUPT,
            "model '%s' is not a GGUF file (its first bytes are not \"GGUF\"): convert it "
            "with llama.cpp's convert_hf_to_gguf.py, or name another file",
            path);
    }
    if (len < 24) {
        return cm_fail(err, CM_CORRUPT, "model '%s' ends within its header: download it again",
                       path);
    }
    uint32_t version = (uint32_t)(unsigned char)head[4] | (uint32_t)(unsigned char)head[5] << 8 |
                       (uint32_t)(unsigned char)head[6] << 16 |
                       (uint32_t)(unsigned char)head[7] << 24;
    if (version < 2 || version > 3) {
        return cm_fail(err, CM_NOT_SUPPORTED,
                       "model '%s' has GGUF version %u, only 2 and 3 are known: convert it again",
                       path, (unsigned)version);
    }
    return CM_OK;
}

/* Sampling keeps this at a millisecond; a changed file of the same size and time that differs only
 * between the samples would be missed. */
static uint64_t stamp_of(int fd, const struct stat *st) {
    uint64_t stamp = cm_hash64_mix((uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec);
    stamp = cm_hash64_mix(stamp, (uint64_t)st->st_mtim.tv_nsec);
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        char bytes[SAMPLE_BYTES];
        ssize_t got = pread(fd, bytes, sizeof(bytes), st->st_size / SAMPLE_COUNT * i);
        stamp = cm_hash64_seed(bytes, got > 0 ? (size_t)got : 0, stamp);
    }
    return stamp;
}

static void read_facts(const struct gguf_context *gguf, cm_gguf_facts *facts) {
    int64_t key = gguf_find_key(gguf, "general.architecture");
    if (key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_STRING) {
        snprintf(facts->architecture, sizeof(facts->architecture), "%s",
                 gguf_get_val_str(gguf, key));
    }
    key = gguf_find_key(gguf, "general.file_type");
    if (key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_UINT32) {
        facts->file_type = (int)gguf_get_val_u32(gguf, key);
    }
    char name[96];
    snprintf(name, sizeof(name), "%s.attention.causal", facts->architecture);
    key = gguf_find_key(gguf, name);
    if (key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_BOOL) {
        facts->is_encoder = !gguf_get_val_bool(gguf, key);
    }
}

static cm_rc check_extents(const char *path, const struct gguf_context *gguf, uint64_t file_size,
                           cm_err *err) {
    int64_t count = gguf_get_n_tensors(gguf);
    uint64_t data = gguf_get_data_offset(gguf);
    uint64_t need = data;
    for (int64_t i = 0; i < count; i++) {
        uint64_t end = data + gguf_get_tensor_offset(gguf, i) + gguf_get_tensor_size(gguf, i);
        need = CM_MAX(need, end);
    }
    if (count == 0) {
        return cm_fail(err, CM_CORRUPT,
                       "model '%s' holds no weights: it is a vocabulary only, name a whole model",
                       path);
    }
    if (need > file_size) {
        return cm_fail(err, CM_CORRUPT,
                       "model '%s' is truncated: it has %llu of %llu bytes: download it again",
                       path, (unsigned long long)file_size, (unsigned long long)need);
    }
    return CM_OK;
}

static cm_rc check_contents(const char *path, cm_gguf_facts *facts, cm_err *err) {
    struct gguf_init_params params = {.no_alloc = true};
    struct gguf_context *gguf = gguf_init_from_file(path, params);
    if (gguf == NULL) {
        return cm_fail(err, CM_CORRUPT,
                       "model '%s' is truncated or damaged in its header: download it again", path);
    }
    read_facts(gguf, facts);
    cm_rc rc = check_extents(path, gguf, facts->file_size, err);
    if (rc == CM_OK && facts->architecture[0] == '\0') {
        rc = cm_fail(err, CM_CORRUPT,
                     "model '%s' does not state its architecture: convert it again", path);
    }
    gguf_free(gguf);
    return rc;
}

cm_rc cm_gguf_check(const char *path, cm_gguf_facts *ret_facts, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block us */
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open model '%s'", path);
    }
    cm_gguf_facts facts = {.file_type = -1};
    struct stat st;
    char head[HEAD_BYTES];
    cm_rc rc = CM_OK;
    if (fstat(fd, &st) != 0) {
        rc = cm_fail_errno(err, errno, "cannot read model '%s'", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = cm_fail(err, CM_INVALID, "model '%s' is not a regular file: name a .gguf file", path);
    } else {
        ssize_t got = pread(fd, head, sizeof(head), 0);
        rc = got < 0 ? cm_fail_errno(err, errno, "cannot read model '%s'", path)
                     : check_magic(path, head, (size_t)got, err);
    }
    if (rc == CM_OK) {
        facts.file_size = (uint64_t)st.st_size;
        facts.stamp = stamp_of(fd, &st);
        rc = check_contents(path, &facts, err);
    }
    close(fd);
    if (rc == CM_OK) {
        *ret_facts = facts;
    }
    return rc;
}
