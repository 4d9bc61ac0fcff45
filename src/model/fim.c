/* fim.c - which tokens mark a fill-in-the-middle prompt, family by family, and in what order.
 *
 * A row is a family: the spellings of its markers and the orders it was trained on. The order is a string:
 * P S M stand for the markers, p s m for prefix, suffix and the text after the middle mark.
 * Spellings are looked up in the model's own vocabulary, so a family is recognised by what the file
 * holds, whatever its name. Rows are tried in order; one needs its prefix and suffix markers.
 *
 * Sources: Bavarian et al. 2022 (PSM, SPM and the joint order "PSsMp"); the model cards and tokenizer
 * configurations of the families; Codestral has no middle marker, the prefix itself comes last. */
#include "model/fim_priv.h"

const cm_fim_family cm_fim_families[] = {
    {.name = "qwen",
     .markers = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>",
                 "<|file_sep|>"},
     .psm = "PpSsMm",
     .spm = "SsPpMm",
     .repository_line = "\n",
     .file_line = "\n",
     .file_end = "\n",
     .names_document = true},
    {.name = "codegemma",
     .markers = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", NULL, "<|file_separator|>"},
     .psm = "PpSsMm",
     .spm = "SsPpMm",
     .file_line = "\n"},
    {.name = "starcoder2",
     .markers = {"<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>"},
     .psm = "PpSsMm",
     .spm = "PSsMpm",
     .file_line = "\n",
     .names_document = true},
    {.name = "granite", /* and StarCoder 1 */
     .markers = {"<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<reponame>", "<filename>"},
     .psm = "PpSsMm",
     .spm = "PSsMpm",
     .file_line = "\n",
     .file_end = "\n",
     .names_document = true},
    {.name = "deepseek",
     .markers = {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", NULL, NULL},
     .psm = "PpSsMm",
     .spm = "SsPpMm"},
    {.name = "codellama",
     .markers = {"▁<PRE>", "▁<SUF>", "▁<MID>", NULL, NULL},
     .psm = "PpSsMm",
     .spm = "PSsMpm"},
    {.name = "codestral",
     .markers = {"[PREFIX]", "[SUFFIX]", NULL, NULL, NULL},
     .psm = "SsPpm",
     .spm = "SsPpm",
     .file_line = "\n"},
};
const size_t cm_fim_family_count = CM_COUNT(cm_fim_families);

/* A vocabulary with FIM tokens of unknown spelling: the metadata's ids, in the common order. */
static const cm_fim_family generic = {.name = "generic",
                                      .psm = "PpSsMm",
                                      .spm = "SsPpMm",
                                      .repository_line = "\n",
                                      .file_line = "\n",
                                      .file_end = "\n",
                                      .names_document = true};

const cm_fim_family *cm_fim_family_of(const cm_model *model) {
    if (model->fim.family == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < cm_fim_family_count; i++) {
        if (strcmp(model->fim.family, cm_fim_families[i].name) == 0) {
            return &cm_fim_families[i];
        }
    }
    return &generic;
}

static cm_token look_up(const cm_model *model, const char *marker) {
    return marker != NULL ? cm_model_token_of(model, marker) : CM_TOKEN_NONE;
}

/* True when the row's markers are there: those it names, but a repository's may lack. */
static bool match(const cm_model *model, const cm_fim_family *row, bool with_files,
                  cm_fim_tokens *ret_tokens) {
    cm_fim_tokens tokens = {
        .family = row->name,
        .prefix = look_up(model, row->markers[CM_MARK_PREFIX]),
        .suffix = look_up(model, row->markers[CM_MARK_SUFFIX]),
        .middle = look_up(model, row->markers[CM_MARK_MIDDLE]),
        .repository = look_up(model, row->markers[CM_MARK_REPOSITORY]),
        .file = look_up(model, row->markers[CM_MARK_FILE]),
    };
    bool needs_middle = row->markers[CM_MARK_MIDDLE] != NULL;
    bool needs_file = with_files && row->markers[CM_MARK_FILE] != NULL;
    if (tokens.prefix == CM_TOKEN_NONE || tokens.suffix == CM_TOKEN_NONE ||
        (needs_middle && tokens.middle == CM_TOKEN_NONE) ||
        (needs_file && tokens.file == CM_TOKEN_NONE)) {
        return false;
    }
    *ret_tokens = tokens;
    return true;
}

static void override(cm_token *token, cm_token stated) {
    if (stated != CM_TOKEN_NONE) {
        *token = stated;
    }
}

cm_fim_tokens cm_fim_tokens_find(const cm_model *model) {
    cm_fim_tokens tokens = CM_FIM_TOKENS_NONE;
    cm_fim_tokens stated = CM_FIM_TOKENS_NONE;
    if (model->ops->fim_ids != NULL) {
        model->ops->fim_ids(model, &stated);
    }
    /* Families share markers: one whose file marker is there too is the better match. */
    for (int with_files = 1; tokens.family == NULL && with_files >= 0; with_files--) {
        for (size_t i = 0; tokens.family == NULL && i < cm_fim_family_count; i++) {
            (void)match(model, &cm_fim_families[i], with_files != 0, &tokens);
        }
    }
    override(&tokens.prefix, stated.prefix);
    override(&tokens.suffix, stated.suffix);
    override(&tokens.middle, stated.middle);
    override(&tokens.repository, stated.repository);
    override(&tokens.file, stated.file);
    bool usable = tokens.prefix != CM_TOKEN_NONE && tokens.suffix != CM_TOKEN_NONE;
    if (usable && tokens.family == NULL && tokens.middle != CM_TOKEN_NONE) {
        tokens.family = generic.name;
    }
    return tokens.family != NULL ? tokens : CM_FIM_TOKENS_NONE;
}

cm_fim_tokens cm_fim_tokens_of(const cm_model *model) {
    return model->fim;
}
