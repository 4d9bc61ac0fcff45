/* extract.h - from text to symbols, references, imports and chunks with tree-sitter, in this process.
 *
 * This is what a parse worker runs. Nothing else may, except tests and the benchmark that measures what
 * the process boundary costs: grammars are not to be trusted with hostile text.
 *
 * Thread: owner (one extractor, one thread). */
#ifndef CM_CODE_EXTRACT_H
#define CM_CODE_EXTRACT_H

#include "code/languages.h"
#include "code/parser.h"
#include "code/wire.h"
#include <stdatomic.h>

typedef struct cm_extractor cm_extractor;

/* When to give up. Both are looked at every few microseconds of work. */
typedef struct cm_extract_limits {
    uint64_t deadline_ns;     /* on the cm_clock_ns scale; 0 = none */
    uint64_t own_deadline_ns; /* of processor time, on the cm_clock_thread_ns scale; 0 = none */
    const atomic_uint *stop;  /* non-zero: give up; NULL = never */
    enum cm_chunk_strategy strategy;
    /* Names a file that is being edited: the extractor keeps the tree of its last text, and parses only what
     * has changed since. The result is that of a whole parse. 0 = nothing is kept. */
    uint64_t document;
} cm_extract_limits;

cm_extractor *cm_extractor_new(void);
void cm_extractor_free(cm_extractor *extractor);
/* Loads the grammar and compiles its query: up to 0.2 s at the first use of a language, nothing later.
 * cm_extract does it too, but then within its deadline. */
void cm_extractor_prepare(cm_extractor *extractor, const cm_language *language);

/* Parses `text` and fills `out` (initialised by the caller, cleared here). Errors: CM_TIMEOUT, CM_CANCELLED,
 * CM_UNSUPPORTED_LANGUAGE (no grammar, an ABI the runtime does not load, or a query that does not
 * compile: text says which), CM_NOMEM. */
cm_rc cm_extract(cm_extractor *extractor, const cm_language *language, cm_str text,
                 const cm_extract_limits *limits, cm_extraction *out, cm_err *err) cm_must_check;

/* The worker's half of cm_parse_scope_end: `text` is all three parts joined, the candidate lies at
 * [start, end). Offsets of `ret_end` are relative to `start`. Errors: any of
 * cm_extract. */
cm_rc cm_extract_scope_end(cm_extractor *extractor, const cm_language *language, cm_str text,
                           size_t start, size_t end, const cm_extract_limits *limits,
                           cm_scope_end *ret_end, cm_err *err) cm_must_check;

#endif
