/* outline.h - a map of the repository that fits a token budget: the files that matter most and the
 * signatures of what they define.
 *
 * Files are ranked by the dependency graph, from the focus when there is one; a definition's score is
 * its file's rank times the logarithm of how often its name is used, more when it was mentioned.
 * Definitions are taken best first while they fit, then shown by file and line.
 *
 * Thread: any. The first call on a snapshot builds its graph (index/graph/graph.h). */
#ifndef CM_SEARCH_OUTLINE_H
#define CM_SEARCH_OUTLINE_H

#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

typedef struct cm_outline_query {
    uint32_t tokens;   /* budget, 200..16000; 0 = 2000. A token is taken for four bytes */
    cm_str_list focus; /* paths being worked on: their neighbourhood ranks first; may be empty */
    cm_str_list mentioned; /* names that were mentioned: ten times the score */
    cm_cancel *cancel;     /* may be NULL */
} cm_outline_query;

typedef struct cm_outline_file {
    cm_index_document document;
    double rank;
    const uint32_t *symbols; /* shown, in order of line */
    size_t symbol_count;
} cm_outline_file;

typedef struct cm_outline {
    cm_str text;                  /* "path:\n  12: signature\n" */
    const cm_outline_file *files; /* best first */
    size_t count;
    uint32_t tokens; /* of `text`, about */
} cm_outline;

/* CM_CANCELLED, CM_NOMEM. */
cm_rc cm_outline_run(const cm_snapshot *snapshot, const cm_outline_query *query, cm_arena *arena,
                     cm_outline *ret_outline, cm_err *err) cm_must_check;

#endif
