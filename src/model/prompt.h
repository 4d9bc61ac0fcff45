/* prompt.h - from pieces of text to the tokens of one prompt.
 *
 * Prompt formats are data: the FIM tokens come from the model's own vocabulary (metadata, else the
 * known spellings of each family), and a family's order of prefix, suffix and files is a row of a
 * table (fim.c). Algorithm 1 of the specification builds the fill-in-the-middle prompt: when it is over
 * `max_tokens`, context files go first, then the front of the prefix; the suffix stays whole
 * unless it alone is over the budget. Cuts fall on line starts, in steps, so that a prompt that
 * grows by a key stroke keeps its beginning and the engine finds it in its cache.
 *
 * Text of users is tokenised with special tokens off, and a spelling of a marker inside it stays
 * plain text. A model without FIM tokens gets a left-to-right prompt: files, each under a comment
 * with its name, then the prefix; cm_suffix_stop then ends the text where the suffix begins.
 *
 * Thread: any. */
#ifndef CM_MODEL_PROMPT_H
#define CM_MODEL_PROMPT_H

#include "model/model.h"

enum cm_fim_format {
    CM_FIM_AUTO,   /* the family's own; left-to-right when the model has no FIM tokens */
    CM_FIM_PSM,    /* prefix, suffix, middle */
    CM_FIM_SPM,    /* suffix, prefix, middle */
    CM_FIM_RANDOM, /* PSM or SPM by the seed */
    CM_FIM_NONE,   /* left to right */
};
bool cm_fim_format_parse(cm_str text, enum cm_fim_format *ret_format);

typedef struct cm_prompt_file {
    cm_str name; /* repository-relative path */
    cm_str text;
} cm_prompt_file;

typedef struct cm_prompt_pieces {
    const cm_prompt_file *files; /* context, least important first */
    size_t file_count;
    cm_str repository; /* name for repository-level formats; empty = "repository" */
    cm_str path;       /* of the document; may be empty */
    cm_str comment;    /* line comment of its language ("//"); empty = "#" */
    cm_str prefix;     /* before the cursor */
    cm_str suffix;     /* after it */
    cm_str middle; /* text after the middle mark that the answer continues (llama.vim's `prompt`) */
} cm_prompt_pieces;

/* What the engine needs of a prompt. When time or window demand it, tokens are taken off the front of cuts[0]
 * (context files), then of cuts[1] (the prefix). Lives in the arena it was built in.
 *
 * `heal` is text the prompt ends with but whose tokens were left off: the model generates it again
 * and it is not part of the answer. A prefix cut anywhere seldom ends where a token of natural text
 * would ("ret", or the last space of an indentation), and a model that was not trained on such
 * cuts does badly after them; only left-to-right prompts need it. */
typedef struct cm_prompt {
    const cm_token *tokens;
    size_t count;
    struct {
        size_t start, count;
    } cuts[2];
    cm_str heal;
    cm_str before; /* text left of the cursor, its last CM_PROMPT_TAIL bytes (for indentation) */
    cm_str suffix; /* text right of it, its first CM_PROMPT_TAIL bytes */
    enum cm_fim_format format; /* the one used: PSM, SPM or NONE */
    uint32_t prefix_tokens, suffix_tokens, file_tokens;
    uint32_t prefix_dropped; /* tokens of the prefix that did not fit */
    uint32_t suffix_dropped;
    uint32_t files_used;
} cm_prompt;
#define CM_PROMPT_TAIL 4096

/* `max_tokens` bounds the whole prompt, at least 16. CM_PROMPT_TOO_LONG never: text is shortened. */
cm_rc cm_prompt_build_fim(const cm_model *model, const cm_prompt_pieces *pieces,
                          enum cm_fim_format format, uint64_t seed, size_t max_tokens,
                          cm_arena *arena, cm_prompt *ret_prompt, cm_err *err) cm_must_check;

/* A prompt the client built itself. When it holds FIM markers of this model they become tokens and
 * nothing is wrapped around them; all else is plain text. Shortened from its front (after the first
 * marker) to `max_tokens`. CM_LIMIT (more than CM_TOKENIZE_BYTES_MAX), CM_NOMEM. */
cm_rc cm_prompt_build_text(const cm_model *model, cm_str text, size_t max_tokens, cm_arena *arena,
                           cm_prompt *ret_prompt, cm_err *err) cm_must_check;
bool cm_prompt_has_markers(const cm_model *model, cm_str text);

typedef struct cm_chat_message {
    cm_str role; /* "system", "user", "assistant" */
    cm_str content;
} cm_chat_message;

/* By the model's chat template. When it is over `max_tokens` the oldest messages after the system
 * one are left out, never the last: CM_PROMPT_TOO_LONG when that alone does not fit. */
cm_rc cm_prompt_build_chat(const cm_model *model, const cm_chat_message *messages, size_t count,
                           size_t max_tokens, cm_arena *arena, cm_prompt *ret_prompt,
                           cm_err *err) cm_must_check;

/* The spellings by which this model marks a prompt; NULL where it has none. */
typedef struct cm_fim_tokens {
    const char *family;                                /* "qwen", "starcoder" ... or NULL */
    cm_token prefix, suffix, middle, repository, file; /* CM_TOKEN_NONE where absent */
} cm_fim_tokens;
cm_fim_tokens cm_fim_tokens_of(const cm_model *model);

/* Where generated text must end because of what stands around the cursor.
 *
 * - The rest of the cursor's line is not blank: at its first newline, and before a repetition of
 *   that rest.
 * - A generated line equals the first non-blank line of the suffix: before that line.
 * - A generated line is indented less than the line the text began in (the block closed): before
 *   it; when nothing but white space follows the cursor, a closing bracket still belongs to it. */
typedef struct cm_suffix_stop {
    cm_str rest;        /* of the cursor's line, right-trimmed */
    cm_str next_line;   /* first non-blank line after it, trimmed; empty = none */
    size_t next_indent; /* its columns */
    size_t indent; /* columns of the cursor's line; SIZE_MAX until it has a visible character */
    size_t column; /* white space left of the cursor when that is all there is on its line */
} cm_suffix_stop;
void cm_suffix_stop_init(cm_suffix_stop *stop, cm_str before, cm_str suffix);
/* Looks at the whole text so far. Returns true and the length to keep when it must end there; else false, and
 * `*ret_safe` is how much of it can no longer be cut (the rest must be held back). `final` = no more
 * text will come. */
bool cm_suffix_stop_find(const cm_suffix_stop *stop, cm_str text, bool final, size_t *ret_keep,
                         size_t *ret_safe);

#endif
