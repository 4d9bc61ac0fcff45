/* heal_priv.h - generating again the text a prompt was cut back by (cm_prompt.heal). */
#ifndef CM_MODEL_HEAL_PRIV_H
#define CM_MODEL_HEAL_PRIV_H

#include "model/backend_priv.h"

typedef struct cm_heal {
    uint32_t *offsets; /* vocab_count + 1 into `bytes`; NULL until first used */
    char *bytes;
} cm_heal;

void cm_heal_done(cm_heal *heal);
/* Leaves in `row` only tokens whose text agrees with `wanted`: one is the beginning of the other.
 * Without memory the row stays as it is. */
void cm_heal_mask(cm_heal *heal, const cm_model *model, cm_str wanted, float *row);
/* `wanted` after a token with this text was chosen. */
cm_str cm_heal_rest(cm_str wanted, cm_str piece);

#endif
