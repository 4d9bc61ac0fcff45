/* model.h - a loaded language model: what it is, and its tokens.
 *
 * A cm_model is the immutable part: weights and vocabulary. It is shared and ref-counted; whatever
 * changes while text is generated lives in a cm_engine (engine.h). Two kinds stand behind the door:
 * a GGUF file run by llama.cpp, and `fake`, a deterministic rule that needs no file and answers at
 * once (tests, and a server without a model).
 *
 * A GGUF whose weights no kernel repacks (Q4_1, the form the default model comes in, reads prompts
 * at 336 tokens/s) is re-quantised once, into `cache_dir`: Q8_0 reads 508 tokens/s at the same
 * perplexity, Q4_0 762 tokens/s at 15-25 % more (docs/design/model.md).
 *
 * Thread: any, for every function that takes a const cm_model. */
#ifndef CM_MODEL_MODEL_H
#define CM_MODEL_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

typedef struct cm_model cm_model;
typedef int32_t cm_token;

#define CM_MODEL_NAME_MAX 128
#define CM_TOKEN_NONE     ((cm_token)-1)

enum cm_quantise {
    CM_QUANTISE_AUTO, /* Q8_0 when the file has a type without a fast kernel, else as it is */
    CM_QUANTISE_KEEP,
    CM_QUANTISE_Q8_0,
    CM_QUANTISE_Q4_0,
};

/* What loading is doing: "re-quantise", "load". `done` 0..1, or < 0 when it cannot tell. Runs on the
 * loading thread; false stops loading (CM_CANCELLED) at the next chance. */
typedef bool cm_model_progress_fn(void *argument, const char *stage, double done);

/* The deterministic model. It continues the longest earlier match of the text's end, else picks
 * known words by a hash of the text, and ends after a few lines. */
typedef struct cm_fake_options {
    uint32_t token_us;   /* time one generated token takes; waits are cancellable */
    uint32_t prompt_us;  /* time one prompt token takes */
    uint32_t load_ms;    /* time until it is ready */
    bool without_fim;    /* leave the FIM tokens out of the vocabulary */
    const char *answer;  /* when set: always generate exactly this text, then end */
    const char *failure; /* when set: loading fails with this text */
} cm_fake_options;

typedef struct cm_model_options {
    const char *name;      /* public id; NULL = from the file's name */
    const char *path;      /* GGUF file; NULL = the fake model */
    const char *cache_dir; /* for re-quantised files; NULL = use `path` as it is */
    enum cm_quantise quantise;
    unsigned threads; /* for re-quantising; 0 = cores, at most 8 */
    cm_model_progress_fn *progress;
    void *progress_argument;
    cm_fake_options fake;
} cm_model_options;

enum cm_model_kind {
    CM_MODEL_COMPLETES = 1, /* generates text */
    CM_MODEL_FILLS = 2,     /* has FIM tokens */
    CM_MODEL_CHATS = 4,     /* has a chat template */
    CM_MODEL_EMBEDS = 8,    /* encoder with pooling */
};

typedef struct cm_model_info {
    char name[CM_MODEL_NAME_MAX];
    char description[CM_MODEL_NAME_MAX]; /* "llama 135M Q8_0" */
    uint64_t param_count;
    uint64_t size;        /* bytes of the weights */
    uint32_t vocab_count; /* tokens are 0..vocab_count-1 */
    uint32_t trained_context;
    uint32_t embedding_length;
    unsigned kinds; /* enum cm_model_kind, or-ed */
    bool adds_bos;
} cm_model_info;

/* The name a model has by itself: its options' name, else its file's without directory and ".gguf", else "fake". */
cm_str cm_model_name(const cm_model_options *options);

/* Loads (and re-quantises first when the options say so; where that fails, for want of disk space say, the
 * file is used as it is and the log says so). CM_NOT_FOUND: no such file; CM_CORRUPT: not a GGUF,
 * truncated or damaged; CM_NOT_SUPPORTED: an architecture or version llama.cpp lacks. The text names
 * the file and what to do. */
cm_rc cm_model_open(const cm_model_options *options, cm_model **ret_model,
                    cm_err *err) cm_must_check;
cm_model *cm_model_ref(cm_model *model);
void cm_model_unref(cm_model *model); /* NULL is allowed */
const cm_model_info *cm_model_info_get(const cm_model *model);

enum cm_tokenize_flags {
    CM_TOKENIZE_PLAIN = 0,
    CM_TOKENIZE_BOS = 1, /* put the model's first token in front, where it has one */
    CM_TOKENIZE_SPECIAL =
        2, /* spellings of control tokens become those tokens; never for user code */
};

typedef struct cm_tokens {
    cm_token *items;
    size_t count;
} cm_tokens;

/* CM_LIMIT above CM_TOKENIZE_BYTES_MAX. Any bytes are taken. */
#define CM_TOKENIZE_BYTES_MAX (16u << 20)
cm_rc cm_model_tokenize(const cm_model *model, cm_str text, unsigned flags, cm_arena *arena,
                        cm_tokens *ret_tokens, cm_err *err) cm_must_check;
/* Exact count; CM_LIMIT above CM_TOKENIZE_BYTES_MAX. The estimate costs one pass over the bytes and leans high: on
 * source code it is rarely below the count and seldom twice as much, but it is no bound. */
cm_rc cm_model_count(const cm_model *model, cm_str text, size_t *ret_count,
                     cm_err *err) cm_must_check;
size_t cm_model_estimate(const cm_model *model, cm_str text);
/* The bytes of one token, not always whole characters; empty for control tokens unless `special`.
 * Returns the length written, at most `size`. */
size_t cm_model_piece(const cm_model *model, cm_token token, bool special, char *bytes,
                      size_t size);
/* The bytes of all of them; CM_LIMIT above CM_TOKENIZE_BYTES_MAX, CM_NOMEM. */
cm_rc cm_model_detokenize(const cm_model *model, const cm_token *tokens, size_t count, bool special,
                          cm_arena *arena, cm_str *ret_text, cm_err *err) cm_must_check;
/* The token whose spelling is exactly `text` ("<|fim_prefix|>"), or CM_TOKEN_NONE. */
cm_token cm_model_token_of(const cm_model *model, const char *text);
bool cm_model_is_end(const cm_model *model, cm_token token); /* ends a generation */
/* The Jinja text of the model's chat template, or NULL. */
const char *cm_model_chat_template(const cm_model *model);

/* What the OpenMP runtime waits with: it is fixed before `main`, see environment.c. A value the user put
 * into the environment wins. */
#define CM_MODEL_SPIN_COUNT "2000"
void cm_model_environment(void);

#endif
