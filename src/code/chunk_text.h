/* chunk_text.h - cutting any text into chunks, with or without knowledge of its language.
 *
 * A chunk aims at CM_CHUNK_BYTES_TARGET bytes or CM_CHUNK_LINES_TARGET lines, whichever comes first:
 * about what fits one prompt snippet and one embedding. Cuts lie at starts of lines; only lines longer
 * than CM_CHUNK_BYTES_MAX are cut inside.
 *
 * Thread: any. */
#ifndef CM_CODE_CHUNK_TEXT_H
#define CM_CODE_CHUNK_TEXT_H

#include "base/vec.h"
#include "code/parse.h"

#define CM_CHUNK_BYTES_TARGET 1500u
#define CM_CHUNK_LINES_TARGET 40u
#define CM_CHUNK_BYTES_MAX    6000u

/* Offsets where chunks start, in order; the first is 0. */
typedef struct cm_cuts {
    uint32_t *items;
    size_t count;
    size_t cap;
} cm_cuts;

/* Cuts by lines: SEMANTIC (also AST_AWARE, which needs a grammar) prefers blank lines and headings.
 * False when out of memory. */
bool cm_chunk_text(cm_str text, enum cm_chunk_strategy strategy, cm_cuts *cuts) cm_must_check;
/* Splits what is still too big between `cuts`, so that no chunk passes CM_CHUNK_BYTES_MAX. */
bool cm_chunk_split(cm_str text, cm_cuts *cuts) cm_must_check;

/* Lines of `text`: an unfinished last one counts, an empty text has none. */
uint32_t cm_text_line_count(cm_str text);

#endif
