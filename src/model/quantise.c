/* quantise.c - makes the fast form of a model file, once.
 *
 * The copy is named after the original, its type and the original's stamp, so a changed original gets a new
 * copy and an unchanged one is never converted twice:
 *     <cache_dir>/smollm2-135m-instruct-q4_1-to-q8_0-<stamp>.gguf
 * It is written beside its final name, checked like any model, synced and renamed: a copy that is
 * visible is whole. Two processes may do it at once; both results are the same.
 *
 * Figures behind the choice: docs/design/model.md. The token embedding keeps its type in Q4_0 files
 * (Q8_0 in the default model): llama.cpp's own rule, and its perplexity is what was measured. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "model/llama_priv.h"

typedef struct target {
    enum llama_ftype type;
    const char *name;
} target;

static const target targets[] = {
    [CM_QUANTISE_Q8_0] = {LLAMA_FTYPE_MOSTLY_Q8_0, "q8_0"},
    [CM_QUANTISE_Q4_0] = {LLAMA_FTYPE_MOSTLY_Q4_0, "q4_0"},
};

/* NULL when the file should be used as it is. */
static const target *target_of(const cm_model_options *options, const cm_gguf_facts *facts) {
    enum cm_quantise wanted = options->quantise;
    if (wanted == CM_QUANTISE_AUTO) {
        bool slow = facts->file_type == LLAMA_FTYPE_MOSTLY_Q4_1 ||
                    facts->file_type == LLAMA_FTYPE_MOSTLY_Q5_1;
        wanted = slow ? CM_QUANTISE_Q8_0 : CM_QUANTISE_KEEP;
    }
    if (wanted == CM_QUANTISE_KEEP || options->cache_dir == NULL || facts->is_encoder) {
        return NULL;
    }
    const target *to = &targets[wanted];
    return (int)to->type == facts->file_type ? NULL : to;
}

static cm_rc sync_file(const char *path, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int reason = errno;
        if (fd >= 0) {
            close(fd);
        }
        return cm_fail_errno(err, reason, "cannot sync '%s'", path);
    }
    close(fd);
    return CM_OK;
}

static cm_rc write_copy(const cm_model_options *options, const target *to, const char *temporary,
                        cm_err *err) {
    struct llama_model_quantize_params params = llama_model_quantize_default_params();
    params.ftype = to->type;
    params.allow_requantize = true;
    params.nthread = (int32_t)options->threads;
    cm_llama_error_reset();
    if (llama_model_quantize(options->path, temporary, &params) != 0) {
        return cm_fail(err, CM_IO, "cannot write '%s': %s", temporary, cm_llama_error());
    }
    cm_gguf_facts made;
    cm_rc rc = cm_gguf_check(temporary, &made, err);
    return rc == CM_OK ? sync_file(temporary, err) : rc;
}

static cm_rc make_copy(const cm_model_options *options, const target *to, const char *path,
                       cm_err *err) {
    char temporary[CM_PATH_BYTES_MAX + 32];
    snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    cm_rc rc = cm_dir_make(options->cache_dir, err);
    if (rc == CM_OK) {
        rc = write_copy(options, to, temporary, err);
    }
    if (rc == CM_OK && rename(temporary, path) != 0) {
        rc = cm_fail_errno(err, errno, "cannot rename '%s'", temporary);
    }
    if (rc == CM_OK) {
        rc = cm_dir_sync(options->cache_dir, err);
    }
    if (rc != CM_OK) {
        (void)unlink(temporary);
    }
    return rc;
}

static bool is_whole(const char *path) {
    cm_gguf_facts facts;
    return access(path, R_OK) == 0 && cm_gguf_check(path, &facts, NULL) == CM_OK;
}

void cm_llama_quantised(const cm_model_options *options, const cm_gguf_facts *facts, char *path,
                        size_t size) {
    snprintf(path, size, "%s", options->path);
    const target *to = target_of(options, facts);
    if (to == NULL) {
        return;
    }
    cm_str stem = cm_path_base(cm_str_from(options->path));
    if (cm_str_ends(stem, CM_STR(".gguf"))) {
        stem.len -= 5;
    }
    char copy[CM_PATH_BYTES_MAX];
    int len =
        snprintf(copy, sizeof(copy), "%s/" CM_STR_FMT "-to-%s-%016llx.gguf", options->cache_dir,
                 CM_STR_ARG(stem), to->name, (unsigned long long)facts->stamp);
    if (len < 0 || (size_t)len + 32 > sizeof(copy)) {
        cm_log(CM_LOG_WARN, "model is used as it is: its path is too long to re-quantise");
        return;
    }
    if (!is_whole(copy)) {
        cm_err err = {0};
        uint64_t start = cm_clock_ms();
        cm_log(CM_LOG_INFO, "re-quantising the model once", CM_F("model", options->path),
               CM_F("type", to->name));
        if (options->progress != NULL) {
            (void)options->progress(options->progress_argument, "re-quantise", -1);
        }
        if (make_copy(options, to, copy, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "model is used as it is: it cannot be re-quantised", &err);
            return;
        }
        cm_log(CM_LOG_INFO, "model is re-quantised", CM_F("file", copy),
               CM_I("ms", cm_clock_ms() - start));
    }
    snprintf(path, size, "%s", copy);
}
