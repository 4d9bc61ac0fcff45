/* fim_priv.h - the table of FIM families, see fim.c. */
#ifndef CM_MODEL_FIM_PRIV_H
#define CM_MODEL_FIM_PRIV_H

#include "model/backend_priv.h"

enum cm_marker {
    CM_MARK_PREFIX,
    CM_MARK_SUFFIX,
    CM_MARK_MIDDLE,
    CM_MARK_REPOSITORY,
    CM_MARK_FILE,
    CM_MARK_COUNT
};

typedef struct cm_fim_family {
    const char *name;
    const char *markers[CM_MARK_COUNT]; /* NULL = the family has none */
    const char *psm, *spm;              /* orders: PSM markers, psm texts */
    const char *repository_line;        /* after the repository's name; NULL = nothing */
    const char *file_line;              /* after a file's name */
    const char *file_end;               /* after a file's text; NULL = nothing */
    bool names_document;                /* the document's own path precedes its prefix */
} cm_fim_family;

extern const cm_fim_family cm_fim_families[];
extern const size_t cm_fim_family_count;

#define CM_FIM_TOKENS_NONE                                                             \
    ((cm_fim_tokens){NULL, CM_TOKEN_NONE, CM_TOKEN_NONE, CM_TOKEN_NONE, CM_TOKEN_NONE, \
                     CM_TOKEN_NONE})

/* Asks the model's metadata and vocabulary; done once, when it is loaded. */
cm_fim_tokens cm_fim_tokens_find(const cm_model *model);
/* NULL for a model without FIM tokens. */
const cm_fim_family *cm_fim_family_of(const cm_model *model);

/* How many tokens to take off the front so that at most `keep` remain: on a line start where one is
 * near, and in steps, so that the next key stroke's prompt is cut at the same place. */
size_t cm_prompt_cut(const cm_model *model, const cm_token *tokens, size_t count, size_t keep);

#endif
