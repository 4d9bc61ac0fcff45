/* instant_probe.c - how good and how fast is the instant tier on a tree of source files?
 *
 * usage: instant_probe TREE .EXT [FEATURES]
 *
 * Holds out every tenth file, chosen by a hash of its path, and indexes the rest as one part. Vendored and
 * generated files are neither asked about nor indexed, as in a server.
 *
 * next token: at positions spread over the held-out files, the first predicted token against the real
 *   one, line breaks included; the text after the cursor is withheld, as if it were not written yet.
 * line: the cursor at the start of a line, after an opening bracket, '.' or '=', or inside a word; the
 *   predicted text against the rest of the line. The rest of the line is withheld, the lines after it
 *   are the document's, as when a line is inserted.
 *
 * FEATURES gets one row for every predicted token of the next-token part and the two that follow it:
 * match, support, share, in document, stem, right. script/eval instant --fit fits the probabilities to them. */
#include "assist/instant_priv.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "code/tokens.h"
#include "index/segment/roles.h"
#include <ftw.h>
#include <sys/stat.h>

#define TOKEN_POSITIONS 12000
#define LINE_POSITIONS  6000
#define STEPS           3
#define FILE_BYTES_MAX  CM_KIB(512)

typedef struct source {
    char *path;
    char *text;
    size_t len;
    bool held_out;
} source;

static CM_VEC(source) sources; /* nftw hands no argument through */
static const char *extension;
static size_t root_len;

static int add_file(const char *path, const struct stat *info, int kind, struct FTW *ftw) {
    (void)ftw;
    if (kind != FTW_F || !cm_str_ends(cm_str_from(path), cm_str_from(extension)) ||
        (size_t)info->st_size > FILE_BYTES_MAX || info->st_size == 0 || strstr(path, "testdata")) {
        return 0;
    }
    cm_buf text;
    cm_buf_init(&text, FILE_BYTES_MAX);
    if (cm_file_read(path, FILE_BYTES_MAX, &text, NULL) == CM_OK) {
        cm_str inside = cm_str_from_offset(cm_str_from(path), root_len);
        if (cm_path_is_vendored(inside) || cm_text_is_generated(cm_buf_str(&text))) {
            cm_buf_done(&text);
            return 0;
        }
        source s = {.path = cm_strdup(path), .held_out = cm_hash64(path, strlen(path)) % 10 == 0};
        s.text = cm_buf_take(&text, &s.len);
        cm_assert(cm_vec_push(&sources, s));
    }
    cm_buf_done(&text);
    return 0;
}

static int compare_sources(const void *a, const void *b) {
    return strcmp(((const source *)a)->path, ((const source *)b)->path);
}

static bool document(void *argument, uint32_t number, cm_str *ret_path, cm_str *ret_language) {
    (void)argument;
    *ret_path = cm_str_from(sources.items[number].path);
    *ret_language = CM_STR_EMPTY;
    return true;
}

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, uint64_t *ns, size_t count) {
    if (count == 0) {
        return;
    }
    qsort(ns, count, sizeof(*ns), compare_u64);
    printf("%s: p50 %.0f us, p95 %.0f us, p99 %.0f us, max %.0f us\n", what,
           (double)ns[count / 2] / 1e3, (double)ns[count * 95 / 100] / 1e3,
           (double)ns[count * 99 / 100] / 1e3, (double)ns[count - 1] / 1e3);
}

static uint64_t draw(uint64_t *seed) {
    return *seed = cm_hash64_mix(*seed, 1);
}

/* ---- next token ---- */

enum token_set { ALL, CODE, TOKEN_SETS };

typedef struct token_result {
    size_t asked[TOKEN_SETS], right[TOKEN_SETS];
    FILE *features;
} token_result;

static void write_features(FILE *file, const cm_instant_step *step, bool right) {
    if (file) {
        fprintf(file, "%u %u %.4f %d %d %d\n", step->evidence.match, step->evidence.support,
                step->evidence.share, step->evidence.in_document, step->evidence.stem, right);
    }
}

static bool ask_token(const source *s, const cm_instant_view *view, const cm_token *tokens,
                      size_t count, bool in_word, FILE *features) {
    cm_arena *arena = cm_arena_new(0);
    size_t cursor = tokens[0].start + (in_word ? tokens[0].text.len / 2 : 0);
    cm_instant_request request = {.prefix = cm_str_make(s->text, cursor),
                                  .path = cm_str_from(s->path)};
    cm_instant_step steps[STEPS];
    size_t got = 0;
    cm_assert(cm_instant_steps(&request, view, !in_word, arena, steps, STEPS, &got, NULL) == CM_OK);
    bool right = got > 0, first = false;
    for (size_t i = 0; i < got && i < count && right; i++) {
        right = cm_str_eq(steps[i].text, tokens[i].text);
        first |= i == 0 && right;
        write_features(features, &steps[i], right);
    }
    cm_arena_free(arena);
    return first;
}

/* Tokens of comments and strings are told apart well enough for a figure: from a comment's mark to its
 * end, from a quote to the next on the same line. */
typedef struct prose {
    char inside; /* '/' to the end of the line, '*' to the end mark, or the quote; 0 = code */
} prose;

static bool is_prose(prose *p, cm_str text) {
    bool before = p->inside != 0;
    char first = text.ptr[0];
    if (p->inside == 0) {
        bool line = cm_str_eq_c(text, "//") || (first == '#' && strcmp(extension, ".py") == 0);
        p->inside = line ? '/' : cm_str_eq_c(text, "/*") ? '*' : strchr("\"'`", first) ? first : 0;
    } else if (p->inside == '*' ? cm_str_eq_c(text, "*/") : first == '\n' || first == p->inside) {
        p->inside = 0;
        before &= first != '\n';
    }
    return before;
}

static void measure_tokens(const cm_instant_view *view, size_t held_out_bytes, FILE *features) {
    token_result r = {.features = features};
    uint64_t seed = 1;
    size_t every = held_out_bytes / 4 / TOKEN_POSITIONS + 1; /* a token has about 4 bytes */
    for (size_t i = 0; i < sources.count; i++) {
        const source *s = &sources.items[i];
        CM_VEC(cm_token) tokens = {0};
        prose state = {0};
        cm_lexer lexer;
        cm_token token;
        cm_lexer_init(&lexer, cm_str_make(s->text, s->held_out ? s->len : 0));
        while (cm_lexer_next(&lexer, &token)) {
            cm_assert(cm_vec_push(&tokens, token));
        }
        size_t next = 1 + draw(&seed) % every;
        for (size_t at = 0; at < tokens.count; at++) {
            bool in_prose = is_prose(&state, tokens.items[at].text);
            if (at != next) {
                continue;
            }
            next += every;
            const cm_token *rest = &tokens.items[at];
            bool right = ask_token(s, view, rest, tokens.count - at, false, features);
            for (size_t set = 0; set < (in_prose ? (size_t)CODE : TOKEN_SETS); set++) {
                r.asked[set]++;
                r.right[set] += right;
            }
            if (rest->kind == CM_TOKEN_WORD && rest->text.len > 2) {
                ask_token(s, view, rest, tokens.count - at, true, features);
            }
        }
        cm_vec_done(&tokens);
    }
    printf("next token: %.3f of %zu; without comments and strings %.3f of %zu\n",
           (double)r.right[ALL] / (double)r.asked[ALL], r.asked[ALL],
           (double)r.right[CODE] / (double)r.asked[CODE], r.asked[CODE]);
}

/* ---- lines ---- */

enum place { LINE_START, AFTER_OPERATOR, IN_WORD, PLACES };

#define BINS 10

typedef struct line_result {
    size_t asked[PLACES], shown[PLACES], exact[PLACES], right[PLACES];
    size_t bin_shown[BINS], bin_right[BINS];
    double bin_confidence[BINS];
    uint64_t wall_ns[LINE_POSITIONS + 1000], cpu_ns[LINE_POSITIONS + 1000];
    size_t count;
} line_result;

/* Whether `text` is how the line goes on, up to its own length. */
static bool goes_on(cm_str rest, cm_str text) {
    return cm_str_starts(rest, text);
}

static void ask_line(const source *s, const cm_instant_view *view, size_t cursor, enum place place,
                     line_result *r) {
    cm_str rest = cm_str_make(s->text + cursor, s->len - cursor), line = CM_STR_EMPTY;
    cm_str after = rest;
    if (!cm_str_line(&after, &line) || cm_str_trim(line).len == 0 ||
        r->count == CM_COUNT(r->wall_ns)) {
        return;
    }
    cm_arena *arena = cm_arena_new(0);
    cm_instant_request request = {
        .prefix = cm_str_make(s->text, cursor),
        .suffix = cm_str_make(after.ptr ? after.ptr - 1 : NULL, after.ptr ? after.len + 1 : 0),
        .path = cm_str_from(s->path)};
    cm_instant_result result = {0};
    uint64_t wall = cm_clock_ns(), cpu = cm_clock_thread_ns();
    cm_assert(cm_instant_predict_in(&request, view, arena, &result, NULL) == CM_OK);
    r->cpu_ns[r->count] = cm_clock_thread_ns() - cpu;
    r->wall_ns[r->count++] = cm_clock_ns() - wall;
    r->asked[place]++;
    if (result.text.len) {
        bool right = goes_on(cm_str_trim(line), cm_str_trim(result.text));
        size_t bin = CM_MIN((size_t)(result.confidence * BINS), (size_t)BINS - 1);
        r->shown[place]++;
        r->right[place] += right;
        r->exact[place] += cm_str_eq(cm_str_trim(line), cm_str_trim(result.text));
        r->bin_shown[bin]++;
        r->bin_right[bin] += right;
        r->bin_confidence[bin] += result.confidence;
    }
    cm_arena_free(arena);
}

static bool is_place(const source *s, const cm_token *token, enum place *ret_place,
                     size_t *ret_cursor, uint64_t *seed) {
    if (token->kind == CM_TOKEN_LINE || token->start == 0) {
        return false;
    }
    size_t line = token->start;
    while (line > 0 && cm_is_space(s->text[line - 1]) && s->text[line - 1] != '\n') {
        line--;
    }
    *ret_cursor = token->start;
    *ret_place = LINE_START;
    if (line > 0 && s->text[line - 1] == '\n') {
        return true;
    }
    *ret_place = AFTER_OPERATOR;
    if (strchr("(.=[{", s->text[line - 1])) {
        return true;
    }
    *ret_place = IN_WORD;
    *ret_cursor = token->start + 1 + draw(seed) % token->text.len;
    return token->kind == CM_TOKEN_WORD && token->text.len > 2 &&
           *ret_cursor < token->start + token->text.len;
}

static void print_lines(line_result *r) {
    static const char *const names[] = {"line start", "after ( . = [ {", "inside a word"};
    for (size_t i = 0; i < PLACES; i++) {
        printf(
            "line, %-16s %5zu asked, shown %.3f, right %.3f of shown, whole line %.3f of asked\n",
            names[i], r->asked[i], (double)r->shown[i] / (double)r->asked[i],
            (double)r->right[i] / (double)CM_MAX(r->shown[i], (size_t)1),
            (double)r->exact[i] / (double)r->asked[i]);
    }
    double error = 0;
    size_t shown = 0;
    for (size_t i = 0; i < BINS; i++) {
        if (r->bin_shown[i] == 0) {
            continue;
        }
        double confidence = r->bin_confidence[i] / (double)r->bin_shown[i];
        double right = (double)r->bin_right[i] / (double)r->bin_shown[i];
        printf("  confidence %.2f: %5zu shown, right %.2f\n", confidence, r->bin_shown[i], right);
        error += (confidence > right ? confidence - right : right - confidence) *
                 (double)r->bin_shown[i];
        shown += r->bin_shown[i];
    }
    printf("  calibration error %.3f\n", error / (double)CM_MAX(shown, (size_t)1));
    print_times("one prediction, wall clock", r->wall_ns, r->count);
    print_times("one prediction, CPU", r->cpu_ns, r->count);
}

static void measure_lines(const cm_instant_view *view, size_t held_out_bytes) {
    line_result *r = CM_NEW(line_result);
    uint64_t seed = 2;
    size_t every =
        held_out_bytes / 8 / LINE_POSITIONS + 1; /* about every second token is a place */
    for (size_t i = 0; i < sources.count; i++) {
        const source *s = &sources.items[i];
        cm_lexer lexer;
        cm_token token;
        cm_lexer_init(&lexer, cm_str_make(s->text, s->held_out ? s->len : 0));
        while (cm_lexer_next(&lexer, &token)) {
            enum place place;
            size_t cursor;
            if (draw(&seed) % every == 0 && is_place(s, &token, &place, &cursor, &seed)) {
                ask_line(s, view, cursor, place, r);
            }
        }
    }
    print_lines(r);
    cm_free(r);
}

/* ---- the tree ---- */

static void measure_lexer(void) {
    uint64_t before = cm_clock_thread_ns();
    size_t bytes = 0, tokens = 0;
    for (size_t i = 0; i < sources.count; i++) {
        cm_lexer lexer;
        cm_token token;
        cm_lexer_init(&lexer, cm_str_make(sources.items[i].text, sources.items[i].len));
        while (cm_lexer_next(&lexer, &token)) {
            tokens++;
        }
        bytes += sources.items[i].len;
    }
    double seconds = (double)(cm_clock_thread_ns() - before) / 1e9;
    printf("lexer: %.0f MB/s, %.1f million tokens/s\n", (double)bytes / seconds / 1e6,
           (double)tokens / seconds / 1e6);
}

static cm_suffix *build(cm_buf *out, size_t *ret_held_out) {
    uint64_t start = cm_clock_thread_ns();
    cm_suffix_builder *builder = cm_suffix_builder_new();
    size_t lines = 0, files = 0;
    for (size_t i = 0; i < sources.count; i++) {
        const source *s = &sources.items[i];
        if (s->held_out) {
            *ret_held_out += s->len;
            continue;
        }
        files++;
        for (size_t k = 0; k < s->len; k++) {
            lines += s->text[k] == '\n';
        }
        cm_assert(cm_suffix_builder_add(builder, (uint32_t)i, cm_str_make(s->text, s->len), NULL) ==
                  CM_OK);
    }
    uint64_t read = cm_clock_thread_ns();
    cm_buf_init(out, CM_MIB(4096));
    cm_assert(cm_suffix_builder_finish(builder, out, NULL) == CM_OK);
    cm_suffix_builder_free(builder);
    uint64_t sorted = cm_clock_thread_ns();
    cm_suffix *suffix;
    cm_assert(cm_suffix_open(out->ptr, out->len, true, &suffix, NULL) == CM_OK);
    printf("indexed: %zu files, %zu lines, %zu tokens, %zu words, %.1f bytes a token\n", files,
           lines, cm_suffix_tokens(suffix), cm_suffix_words(suffix),
           (double)out->len / (double)cm_suffix_tokens(suffix));
    printf("built: tokens %.0f ms, sort and write %.0f ms\n", (double)(read - start) / 1e6,
           (double)(sorted - read) / 1e6);
    return suffix;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: instant_probe TREE .EXT [FEATURES]\n");
        return 2;
    }
    extension = argv[2];
    root_len = strlen(argv[1]);
    nftw(argv[1], add_file, 64, FTW_PHYS);
    if (sources.count == 0) {
        fprintf(stderr, "instant_probe: no '%s' files in '%s'\n", extension, argv[1]);
        return 1;
    }
    qsort(sources.items, sources.count, sizeof(sources.items[0]), compare_sources);
    cm_buf part;
    size_t held_out = 0;
    cm_suffix *suffix = build(&part, &held_out);
    cm_instant_part parts[] = {{suffix, 0}};
    cm_instant_view view = {parts, 1, document, NULL};
    measure_lexer();
    FILE *features = argc > 3 ? fopen(argv[3], "w") : NULL;
    measure_tokens(&view, held_out, features);
    if (features) {
        fclose(features);
    }
    measure_lines(&view, held_out);
    cm_suffix_close(suffix);
    cm_buf_done(&part);
    return 0;
}
