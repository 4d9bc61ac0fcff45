/* gguf_priv.h - is this file a whole GGUF, and what is in it? Asked before llama.cpp loads it. */
#ifndef CM_MODEL_GGUF_PRIV_H
#define CM_MODEL_GGUF_PRIV_H

#include "base/err.h"

typedef struct cm_gguf_facts {
    char architecture[64];
    int file_type;   /* enum llama_ftype; -1 = not stated */
    bool is_encoder; /* no causal attention: embeds, does not generate */
    uint64_t file_size;
    uint64_t stamp; /* of size, time and sampled contents: names what was derived from it */
} cm_gguf_facts;

cm_rc cm_gguf_check(const char *path, cm_gguf_facts *ret_facts, cm_err *err) cm_must_check;

#endif
