/* instant_priv.h - the instant tier's inside: where the context occurs, and how occurrences vote.
 *
 * instant.c joins the request, a snapshot and these. Tests and the benchmark hand in suffix readers
 * of their own.
 *
 * Thread: owner. */
#ifndef CM_ASSIST_INSTANT_PRIV_H
#define CM_ASSIST_INSTANT_PRIV_H

#include "assist/instant.h"
#include "index/segment/suffix.h"

/* ---- where to look ---- */

typedef struct cm_instant_part {
    const cm_suffix *suffix;
    uint32_t first_document; /* added to the part's numbers */
} cm_instant_part;

typedef struct cm_instant_view {
    const cm_instant_part *parts;
    size_t part_count;
    /* False when the document is no longer live. The language may be empty. */
    bool (*document)(void *argument, uint32_t document, cm_str *ret_path, cm_str *ret_language);
    void *argument;
} cm_instant_view;

cm_rc cm_instant_predict_in(const cm_instant_request *request, const cm_instant_view *view,
                            cm_arena *arena, cm_instant_result *ret_result,
                            cm_err *err) cm_must_check;

/* ---- the open document as tokens ---- */

#define CM_INSTANT_BEFORE_MAX CM_KIB(48) /* bytes looked at before the cursor */
#define CM_INSTANT_AFTER_MAX  CM_KIB(16) /* and after it */

typedef struct cm_instant_token {
    const char *ptr;
    uint32_t line; /* 1-based, in the document */
    uint8_t len;
    bool space;
} cm_instant_token;

typedef struct cm_instant_tokens {
    cm_instant_token *items;
    size_t count;
    size_t cap;
} cm_instant_tokens;

static inline cm_str cm_instant_text(const cm_instant_token *token) {
    return cm_str_make(token->ptr, token->len);
}

typedef struct cm_instant_document {
    cm_instant_tokens before; /* without the stem */
    cm_instant_tokens after;
    cm_str stem;   /* word begun at the cursor; may be empty */
    cm_str rest;   /* of the cursor's line, after the cursor, trimmed */
    cm_str indent; /* of the cursor's line */
    cm_str unit;   /* one level of indentation */
    bool stem_space;
} cm_instant_document;

bool cm_instant_document_read(cm_instant_document *document, cm_str prefix, cm_str suffix);
void cm_instant_document_done(cm_instant_document *document);

/* ---- occurrences of the context ---- */

#define CM_INSTANT_MATCH_MAX       32  /* tokens of context compared */
#define CM_INSTANT_OCCURRENCES_MAX 384 /* looked at together */

enum { CM_INSTANT_IN_BEFORE = -1, CM_INSTANT_IN_AFTER = -2 };

typedef struct cm_instant_occurrence {
    int part;          /* index of the view's parts, or one of the two above */
    uint32_t position; /* of the first token of the continuation */
    uint32_t length;   /* of the match, in tokens */
    double weight;     /* of its vote */
} cm_instant_occurrence;

typedef struct cm_instant_search {
    const cm_instant_request *request;
    const cm_instant_view *view;
    cm_instant_document document;
    cm_instant_occurrence found[CM_INSTANT_OCCURRENCES_MAX];
    size_t count;
    uint32_t longest;
} cm_instant_search;

/* Fills `found`. */
void cm_instant_find(cm_instant_search *search);
/* Token `offset` of the continuation; false where its document ends. */
bool cm_instant_token_at(const cm_instant_search *search, const cm_instant_occurrence *occurrence,
                         uint32_t offset, cm_str *ret_text, bool *ret_space);

/* ---- the vote ---- */

/* What is known when a token is predicted. */
typedef struct cm_instant_evidence {
    uint32_t match;   /* tokens matched, those predicted so far included */
    uint32_t support; /* occurrences that agree */
    double share;     /* of the weight, 0..1 */
    bool in_document; /* one of them is in the open document */
    bool stem;        /* the token completes a word begun */
} cm_instant_evidence;

/* Probability that the token is right. */
double cm_instant_token_probability(const cm_instant_evidence *evidence);

typedef struct cm_instant_step {
    cm_str text; /* whole token, stem included */
    bool space;
    double probability; /* that all tokens up to this one are right */
    cm_instant_evidence evidence;
} cm_instant_step;

/* For measurements: up to `max` tokens that the votes give, however unlikely and whatever stands after
 * the cursor. With `whole`, a word that ends at the cursor is not a stem but complete. */
cm_rc cm_instant_steps(const cm_instant_request *request, const cm_instant_view *view, bool whole,
                       cm_arena *arena, cm_instant_step *steps, size_t max, size_t *ret_count,
                       cm_err *err) cm_must_check;

#endif
