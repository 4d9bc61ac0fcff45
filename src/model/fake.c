/* fake.c - the deterministic model: a rule instead of weights, behind the same two tables.
 *
 * It is what a copying language model tends to do. The next token continues the longest earlier match of the
 * text's last tokens; without a match of three tokens, a hash of the last four picks a word from a list.
 * After a newline it ends one time in three. Logits give the choice 6, two others 4.5 and 3.5, so
 * that sampling has something to sample.
 *
 * The runner computes logits from what its slots hold, as a real one does: a prefix reused wrongly
 * shows as other text. Vocabulary: 256 bytes, control tokens, then words (longest match wins). */
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "model/backend_priv.h"

static const char *const control_words[] = {
    "<|endoftext|>",  "<|fim_prefix|>", "<|fim_suffix|>",
    "<|fim_middle|>", "<|repo_name|>",  "<|file_sep|>",
};
static const char *const words[] = {
    "    ",  "\n\n",   " = ",       " == ",    " != ",      " += ",    "()",      "(self",
    "self.", "self",   ", ",        ": ",      "return",    "return ", "if ",     "else",
    "elif ", "for ",   " in ",      "while ",  "def ",      "class ",  "import ", "from ",
    "None",  "True",   "False",     "not ",    " and ",     " or ",    "int ",    "char ",
    "void ", "const ", "static ",   "struct ", "unsigned ", "size_t ", "NULL",    "func ",
    "var ",  "let ",   "function ", "public ", "private ",  "new ",    "this.",   "this",
    "err",   "error",  "value",     "name",    "result",    "index",   "count",   "item",
    "items", "data",   "text",      "path",    "file",      "node",    "list",    "key",
    "len(",  "print(", "range(",    "append(", "get",       "set",     "add",     "size",
    "next",  "line",   " {",        "};",      ");",        "->",      "=> ",     "//",
    "# ",    "/* ",    " */",
};
enum { BYTE_COUNT = 256, CONTROL_COUNT = CM_COUNT(control_words) };
enum { WORD_FIRST = BYTE_COUNT + CONTROL_COUNT, VOCAB = WORD_FIRST + CM_COUNT(words) };
enum { TOKEN_END = BYTE_COUNT };

#define CONTEXT_TRAINED 8192
#define MATCH_MIN       3
#define MATCH_MAX       16
#define WAIT_SLICE_NS   500000

typedef struct cm_fake {
    cm_model base;
    cm_fake_options options;
    cm_token *answer; /* tokens of options.answer */
    size_t answer_count;
} cm_fake;

typedef struct fake_slot {
    cm_token *tokens;
    uint32_t count;
} fake_slot;

typedef struct cm_fake_runner {
    cm_runner base;
    const cm_fake *fake;
    cm_runner_options options;
    fake_slot *slots;
    float *logits; /* `outputs` rows */
    size_t *rows;  /* item of the last batch -> row */
} cm_fake_runner;

static const cm_fake *fake_of(const cm_model *model) {
    return (const cm_fake *)model;
}

static bool is_control(cm_token token) {
    return token >= BYTE_COUNT && token < WORD_FIRST;
}

/* vocabulary */

static cm_str spelling(cm_token token) {
    if (token >= WORD_FIRST) {
        return cm_str_from(words[token - WORD_FIRST]);
    }
    return is_control(token) ? cm_str_from(control_words[token - BYTE_COUNT]) : CM_STR_EMPTY;
}

/* Longest token at the start of `text`. */
static cm_token longest_at(cm_str text, bool special, size_t *ret_len) {
    cm_token best = (cm_token)(unsigned char)text.ptr[0];
    *ret_len = 1;
    for (cm_token token = BYTE_COUNT; token < VOCAB; token++) {
        if (is_control(token) && !special) {
            continue;
        }
        cm_str word = spelling(token);
        if (word.len > *ret_len && cm_str_starts(text, word)) {
            best = token;
            *ret_len = word.len;
        }
    }
    return best;
}

static size_t fake_tokenize(const cm_model *model, cm_str text, unsigned flags, cm_token *tokens,
                            size_t max) {
    bool special = (flags & CM_TOKENIZE_SPECIAL) != 0 && !fake_of(model)->options.without_fim;
    size_t count = 0;
    for (size_t i = 0; i < text.len; count++) {
        size_t len;
        cm_token token = longest_at(cm_str_from_offset(text, i), special, &len);
        if (count < max) {
            tokens[count] = token;
        }
        i += len;
    }
    return count;
}

static size_t fake_piece(const cm_model *model, cm_token token, bool special, char *bytes,
                         size_t size) {
    (void)model;
    char byte = (char)token;
    cm_str text = token < BYTE_COUNT ? cm_str_make(&byte, 1) : spelling(token);
    if (text.len > size || (is_control(token) && !special)) {
        return 0;
    }
    memcpy(bytes, text.ptr, text.len);
    return text.len;
}

static bool fake_is_end(const cm_model *model, cm_token token) {
    (void)model;
    return is_control(token);
}

static const char *fake_template(const cm_model *model) {
    (void)model;
    return "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ";
}

static cm_rc fake_chat_apply(const cm_model *model, const cm_chat_message *messages, size_t count,
                             cm_arena *arena, cm_str *ret_text, cm_err *err) {
    (void)model;
    cm_buf text;
    cm_buf_init(&text, CM_TOKENIZE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_str(&text, messages[i].role);
        cm_buf_add_c(&text, ": ");
        cm_buf_add_str(&text, messages[i].content);
        cm_buf_add_c(&text, "\n");
    }
    cm_buf_add_c(&text, "assistant: ");
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        *ret_text = cm_arena_str(arena, cm_buf_str(&text));
    }
    cm_buf_done(&text);
    return rc;
}

/* the rule */

/* How many of the last tokens are the beginning of the answer: the longest such run. */
static cm_token next_of_answer(const cm_fake *fake, const cm_token *tokens, size_t count) {
    for (size_t run = CM_MIN(fake->answer_count, count); run > 0; run--) {
        if (memcmp(tokens + count - run, fake->answer, run * sizeof(*tokens)) == 0) {
            return run == fake->answer_count ? TOKEN_END : fake->answer[run];
        }
    }
    return fake->answer_count > 0 ? fake->answer[0] : TOKEN_END;
}

static size_t common_tail(const cm_token *tokens, size_t a, size_t b) {
    size_t len = 0;
    while (len < MATCH_MAX && len < a && tokens[a - len - 1] == tokens[b - len - 1] &&
           !is_control(tokens[b - len - 1])) {
        len++;
    }
    return len;
}

static cm_token next_by_copying(const cm_token *tokens, size_t count) {
    size_t best = MATCH_MIN - 1;
    cm_token next = CM_TOKEN_NONE;
    for (size_t end = count - 1; end > 0; end--) { /* tokens[end] would follow the match */
        size_t len = common_tail(tokens, end, count);
        if (len > best && !is_control(tokens[end])) {
            best = len;
            next = tokens[end];
        }
    }
    return next;
}

static void fill_logits(const cm_fake *fake, const cm_token *tokens, size_t count, float *logits) {
    size_t tail = CM_MIN(count, 4);
    uint64_t hash = cm_hash64(tokens + count - tail, tail * sizeof(*tokens));
    for (size_t i = 0; i < VOCAB; i++) {
        logits[i] = i < WORD_FIRST ? -20.0f : (float)((hash >> (i % 48)) & 7) / 8.0f - 4.0f;
    }
    logits[WORD_FIRST + (hash >> 8) % CM_COUNT(words)] = 3.5f;
    logits[WORD_FIRST + (hash >> 24) % CM_COUNT(words)] = 4.5f;
    cm_token next = CM_TOKEN_NONE;
    bool at_line_start = spelling(tokens[count - 1]).len == 0 && tokens[count - 1] == '\n';
    if (fake->answer != NULL) {
        next = next_of_answer(fake, tokens, count);
    } else if (at_line_start && hash % 3 == 0) {
        next = TOKEN_END;
    } else {
        next = next_by_copying(tokens, count);
    }
    if (next == CM_TOKEN_NONE) {
        next = hash % 7 == 0 ? '\n' : (cm_token)(WORD_FIRST + (hash >> 40) % CM_COUNT(words));
    }
    logits[next] = 6.0f;
}

/* the runner */

static void fake_runner_free(cm_runner *base) {
    cm_fake_runner *runner = (cm_fake_runner *)base;
    for (uint32_t i = 0; runner->slots != NULL && i < base->slots; i++) {
        cm_free(runner->slots[i].tokens);
    }
    cm_free(runner->slots);
    cm_free(runner->logits);
    cm_free(runner->rows);
    cm_free(runner);
}

static uint64_t real_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Lets `us` pass unless the batch is aborted; real time, also under a test clock. */
static bool wait_unless_aborted(const cm_fake_runner *runner, uint64_t us) {
    uint64_t end = real_ns() + us * 1000;
    for (uint64_t now; (now = real_ns()) < end;) {
        if (runner->options.abort != NULL &&
            runner->options.abort(runner->options.abort_argument)) {
            return false;
        }
        struct timespec wait = {.tv_nsec = (long)CM_MIN(end - now, WAIT_SLICE_NS)};
        (void)nanosleep(&wait, NULL);
    }
    return true;
}

static cm_rc fake_decode(cm_runner *base, const cm_batch_item *items, size_t count, cm_err *err) {
    cm_fake_runner *runner = (cm_fake_runner *)base;
    const cm_fake_options *timing = &runner->fake->options;
    uint64_t us = 0;
    for (size_t i = 0; i < count; i++) {
        us += items[i].output ? 0 : timing->prompt_us;
        us = CM_MAX(us, items[i].output ? timing->token_us : us);
        if (items[i].position >= base->context) {
            return cm_fail(err, CM_LIMIT, "no room in the cache for %zu tokens", count);
        }
    }
    if (!wait_unless_aborted(runner, us)) {
        return cm_fail(err, CM_CANCELLED, "step of %zu tokens was aborted", count);
    }
    size_t row = 0;
    for (size_t i = 0; i < count; i++) {
        fake_slot *slot = &runner->slots[items[i].slot];
        cm_assert(items[i].position == slot->count); /* no gaps: the engine's promise */
        slot->tokens[slot->count++] = items[i].token;
        if (items[i].output) {
            cm_assert(row < runner->options.outputs);
            fill_logits(runner->fake, slot->tokens, slot->count, runner->logits + row * VOCAB);
            runner->rows[i] = row++;
        }
    }
    return CM_OK;
}

static float *fake_logits(cm_runner *base, size_t index) {
    cm_fake_runner *runner = (cm_fake_runner *)base;
    return runner->logits + runner->rows[index] * VOCAB;
}

static uint32_t fake_truncate(cm_runner *base, uint32_t slot, uint32_t length) {
    fake_slot *held = &((cm_fake_runner *)base)->slots[slot];
    held->count = CM_MIN(held->count, length);
    return held->count;
}

static bool fake_copy(cm_runner *base, uint32_t from, uint32_t to, uint32_t length) {
    fake_slot *slots = ((cm_fake_runner *)base)->slots;
    cm_assert(length <= slots[from].count);
    memcpy(slots[to].tokens, slots[from].tokens, length * sizeof(cm_token));
    slots[to].count = length;
    return true;
}

static void fake_set_threads(cm_runner *base, unsigned threads) {
    (void)base;
    (void)threads;
}

static const cm_runner_ops fake_runner_ops = {
    .free = fake_runner_free,
    .decode = fake_decode,
    .logits = fake_logits,
    .truncate = fake_truncate,
    .copy = fake_copy,
    .set_threads = fake_set_threads,
};

static cm_rc fake_runner_new(const cm_model *model, const cm_runner_options *options,
                             cm_runner **ret_runner, cm_err *err) {
    cm_fake_runner *runner = CM_NEW(cm_fake_runner);
    runner->base = (cm_runner){&fake_runner_ops, options->context, options->slots,
                               sizeof(cm_token) * options->context * options->slots};
    runner->fake = fake_of(model);
    runner->options = *options;
    runner->slots = cm_try_calloc(options->slots, sizeof(*runner->slots));
    runner->logits = cm_try_calloc((size_t)options->outputs * VOCAB, sizeof(float));
    runner->rows = cm_try_calloc(options->batch, sizeof(*runner->rows));
    bool made = runner->slots != NULL && runner->logits != NULL && runner->rows != NULL;
    for (uint32_t i = 0; made && i < options->slots; i++) {
        runner->slots[i].tokens = cm_try_calloc(options->context, sizeof(cm_token));
        made = runner->slots[i].tokens != NULL;
    }
    if (!made) {
        fake_runner_free(&runner->base);
        return cm_fail(err, CM_NOMEM, "no memory for the fake model's slots");
    }
    *ret_runner = &runner->base;
    return CM_OK;
}

/* opening */

static void fake_close(cm_model *model) {
    cm_free(((cm_fake *)model)->answer);
    cm_free(model);
}

static const cm_backend_ops fake_ops = {
    .close = fake_close,
    .tokenize = fake_tokenize,
    .piece = fake_piece,
    .is_end = fake_is_end,
    .chat_template = fake_template,
    .chat_apply = fake_chat_apply,
    .runner_new = fake_runner_new,
};

static bool wait_while_loading(const cm_model_options *options) {
    for (uint32_t ms = 0; ms < options->fake.load_ms; ms++) {
        if (options->progress != NULL &&
            !options->progress(options->progress_argument, "load",
                               (double)ms / (double)options->fake.load_ms)) {
            return false;
        }
        struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
    }
    return true;
}

cm_rc cm_fake_open(const cm_model_options *options, cm_model **ret_model, cm_err *err) {
    if (!wait_while_loading(options)) {
        return cm_fail(err, CM_CANCELLED, "loading of the fake model was stopped");
    }
    if (options->fake.failure != NULL) {
        return cm_fail(err, CM_CORRUPT, "%s", options->fake.failure);
    }
    cm_fake *fake = CM_NEW(cm_fake);
    cm_model_init(&fake->base, &fake_ops, options);
    fake->options = options->fake;
    fake->options.failure = fake->options.answer = NULL; /* borrowed from the caller */
    snprintf(fake->base.info.description, sizeof(fake->base.info.description), "fake");
    fake->base.info.vocab_count = VOCAB;
    fake->base.info.trained_context = CONTEXT_TRAINED;
    fake->base.info.kinds = CM_MODEL_COMPLETES;
    if (options->fake.answer != NULL) {
        cm_str answer = cm_str_from(options->fake.answer);
        fake->answer = cm_alloc((answer.len + 1) * sizeof(cm_token));
        fake->answer_count =
            fake_tokenize(&fake->base, answer, CM_TOKENIZE_PLAIN, fake->answer, answer.len);
    }
    cm_model_ready(&fake->base);
    *ret_model = &fake->base;
    return CM_OK;
}
