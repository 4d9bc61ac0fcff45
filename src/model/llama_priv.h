/* llama_priv.h - the llama.cpp side of the room: its model, its runner, its log. */
#ifndef CM_MODEL_LLAMA_PRIV_H
#define CM_MODEL_LLAMA_PRIV_H

#include <llama.h>

#include "model/backend_priv.h"
#include "model/gguf_priv.h"

typedef struct cm_llama {
    cm_model base;
    struct llama_model *model;
    const struct llama_vocab *vocab;
} cm_llama;

static inline const cm_llama *cm_llama_of(const cm_model *model) {
    return (const cm_llama *)model;
}

/* Starts the library once a process and sends its log to ours (debug level). */
void cm_llama_init(void);
/* llama.cpp says why only in its log: the first error line this thread has seen since the reset. */
void cm_llama_error_reset(void);
const char *cm_llama_error(void);

/* The file to load: `options->path`, or its re-quantised copy, made now if it is missing. Writes at most
 * `size` bytes. Never fails: the original is the fallback. */
void cm_llama_quantised(const cm_model_options *options, const cm_gguf_facts *facts, char *path,
                        size_t size);

cm_rc cm_llama_runner_new(const cm_model *model, const cm_runner_options *options,
                          cm_runner **ret_runner, cm_err *err) cm_must_check;

#endif
