/* heal.c - token healing: the last token of a prompt is dropped and its text becomes a constraint.
 *
 * "ret" may be one token, and after it "urn" is rare in training text, where "return" is one token. So
 * the model chooses among all tokens that begin with "ret" (or are a beginning of it, then again for
 * the rest). Spellings of the whole vocabulary are laid out once; one pass over them masks a row. */
#include "model/heal_priv.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"

#define PIECES_BYTES_MAX (64u << 20)

void cm_heal_done(cm_heal *heal) {
    cm_free(heal->offsets);
    cm_free(heal->bytes);
    *heal = (cm_heal){0};
}

static bool lay_out(cm_heal *heal, const cm_model *model) {
    uint32_t count = model->info.vocab_count;
    heal->offsets = cm_try_calloc((size_t)count + 1, sizeof(*heal->offsets));
    if (heal->offsets == NULL) {
        return false;
    }
    cm_buf bytes;
    cm_buf_init(&bytes, PIECES_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        char piece[256];
        cm_buf_add(&bytes, piece, cm_model_piece(model, (cm_token)i, false, piece, sizeof(piece)));
        heal->offsets[i + 1] = (uint32_t)bytes.len;
    }
    bool made = cm_buf_check(&bytes, NULL) == CM_OK;
    if (made) {
        heal->bytes = cm_buf_take(&bytes, NULL);
    } else {
        cm_free(heal->offsets);
        heal->offsets = NULL;
    }
    cm_buf_done(&bytes);
    return made;
}

void cm_heal_mask(cm_heal *heal, const cm_model *model, cm_str wanted, float *row) {
    if (heal->offsets == NULL && !lay_out(heal, model)) {
        return;
    }
    for (uint32_t i = 0; i < model->info.vocab_count; i++) {
        size_t len = heal->offsets[i + 1] - heal->offsets[i];
        size_t common = CM_MIN(len, wanted.len);
        if (len == 0 || memcmp(heal->bytes + heal->offsets[i], wanted.ptr, common) != 0) {
            row[i] = -INFINITY;
        }
    }
}

cm_str cm_heal_rest(cm_str wanted, cm_str piece) {
    return cm_str_from_offset(wanted, piece.len);
}
