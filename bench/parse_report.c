/* parse_report - what the parser makes of many files; used by script/eval symbols and script/bench parse.
 *
 *     parse_report [--in-process] [--symbols] [--rounds N] < list of paths
 *
 * Prints one JSON object a line: with --symbols one for each definition, and at the end totals by
 * language: files, bytes, seconds, what was found. --in-process leaves the worker processes out, to
 * measure what they cost; only for trusted files. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "code/extract.h"

#define FILE_BYTES_MAX CM_MIB(4)
#define LANGUAGES_MAX  256

static const char *const kinds[] = {"function", "method", "class",  "interface", "struct",
                                    "enum",     "type",   "module", "variable",  "constant",
                                    "field",    "macro",  "import", "other"};

typedef struct totals {
    uint64_t files, bytes, lines, ns, symbols, references, imports, chunks, partial, failed;
} totals;

typedef struct report {
    bool in_process, list_symbols;
    uint64_t rounds;
    cm_parser_pool *pool;
    cm_extractor *extractor;
    cm_extraction extraction;
    totals totals[LANGUAGES_MAX];
    cm_buf out;
} report;

/* The same work as a worker and its parent, without the boundary. */
static cm_rc parse_here(report *r, const cm_language *language, cm_str text, cm_arena *arena,
                        cm_parsed *parsed, cm_err *err) {
    cm_extract_limits limits = {0};
    *parsed = (cm_parsed){.language = language};
    cm_rc rc = cm_extract(r->extractor, language, text, &limits, &r->extraction, err);
    if (rc != CM_OK) {
        return rc;
    }
    size_t size = cm_wire_size(&r->extraction);
    char *message = cm_arena_alloc(arena, size);
    cm_wire_encode(&r->extraction, (uint8_t *)message);
    return cm_wire_decode(cm_str_make(message, size), text, arena, parsed, err);
}

static cm_rc parse(report *r, const cm_language *language, const char *path, cm_str text,
                   cm_arena *arena, cm_parsed *parsed, cm_err *err) {
    if (r->in_process) {
        return parse_here(r, language, text, arena, parsed, err);
    }
    cm_parse_request request = {.path = cm_str_from(path), .text = text, .language = language};
    return cm_parse_file(r->pool, &request, NULL, arena, parsed, err);
}

static void print_symbols(report *r, const char *path, const cm_parsed *parsed) {
    for (size_t i = 0; i < parsed->symbol_count; i++) {
        const cm_symbol *s = &parsed->symbols[i];
        cm_json_writer w;
        cm_buf_clear(&r->out);
        cm_json_writer_init(&w, &r->out);
        cm_json_object(&w);
        cm_json_key(&w, "path");
        cm_json_c(&w, path);
        cm_json_key(&w, "kind");
        cm_json_c(&w, kinds[s->kind]);
        cm_json_key(&w, "name");
        cm_json_str(&w, s->name);
        cm_json_key(&w, "line");
        cm_json_u64(&w, s->name_line);
        cm_json_object_end(&w);
        puts(cm_buf_c(&r->out));
    }
}

static void add_totals(totals *t, const cm_parsed *parsed, size_t bytes) {
    t->files++;
    t->bytes += bytes;
    t->lines += parsed->line_count;
    t->symbols += parsed->symbol_count;
    t->references += parsed->reference_count;
    t->imports += parsed->import_count;
    t->chunks += parsed->chunk_count;
    t->partial += parsed->status == CM_PARSE_PARTIAL;
    t->failed += parsed->status == CM_PARSE_FAILED;
}

static void report_file(report *r, const char *path, cm_buf *text, cm_arena *arena) {
    cm_err err;
    cm_buf_clear(text);
    if (cm_file_read(path, FILE_BYTES_MAX, text, &err) != CM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return;
    }
    const cm_language *language = cm_language_detect(cm_str_from(path), cm_buf_str(text));
    if (!language || !language->has_grammar || language->index >= LANGUAGES_MAX) {
        return;
    }
    cm_parsed parsed = {0};
    uint64_t start = cm_clock_ns();
    for (uint64_t round = 0; round < r->rounds; round++) {
        cm_arena_clear(arena);
        if (parse(r, language, path, cm_buf_str(text), arena, &parsed, &err) != CM_OK) {
            fprintf(stderr, "%s: %s\n", path, err.text);
            return;
        }
    }
    totals *t = &r->totals[language->index];
    t->ns += (cm_clock_ns() - start) / r->rounds;
    add_totals(t, &parsed, text->len);
    if (parsed.status >= CM_PARSE_FAILED) {
        fprintf(stderr, "%s: %.*s\n", path, CM_STR_ARG(parsed.failure));
    }
    if (r->list_symbols) {
        print_symbols(r, path, &parsed);
    }
}

static void print_totals(const report *r) {
    for (size_t i = 0; i < LANGUAGES_MAX; i++) {
        const totals *t = &r->totals[i];
        if (t->files > 0) {
            printf("{\"language\": \"%s\", \"files\": %lu, \"bytes\": %lu, \"lines\": %lu, "
                   "\"seconds\": %.9f, \"symbols\": %lu, \"references\": %lu, \"imports\": %lu, "
                   "\"chunks\": %lu, \"partial\": %lu, \"failed\": %lu}\n",
                   cm_language_at(i)->id.ptr, t->files, t->bytes, t->lines, (double)t->ns / 1e9,
                   t->symbols, t->references, t->imports, t->chunks, t->partial, t->failed);
        }
    }
}

static bool read_options(report *r, int argc, char **argv) {
    r->rounds = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--in-process") == 0) {
            r->in_process = true;
        } else if (strcmp(argv[i], "--symbols") == 0) {
            r->list_symbols = true;
        } else if (strcmp(argv[i], "--rounds") != 0 || ++i >= argc ||
                   !cm_str_to_u64(cm_str_from(argv[i]), &r->rounds) || r->rounds == 0) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    report *r = CM_NEW(report);
    cm_err err;
    cm_parser_options options = {.workers = 1, .text_max = FILE_BYTES_MAX, .deadline_ms = 10000};
    if (!read_options(r, argc, argv)) {
        fputs("usage: parse_report [--in-process] [--symbols] [--rounds N] < paths\n", stderr);
        return 2;
    }
    if (cm_parser_pool_new(&options, &r->pool, &err) != CM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    r->extractor = cm_extractor_new();
    cm_extraction_init(&r->extraction);
    cm_buf_init(&r->out, CM_MIB(1));
    cm_buf text;
    cm_buf_init(&text, FILE_BYTES_MAX);
    cm_arena *arena = cm_arena_new(0);
    char path[4096];
    while (fgets(path, sizeof(path), stdin)) {
        path[strcspn(path, "\n")] = '\0';
        report_file(r, path, &text, arena);
    }
    print_totals(r);
    cm_arena_free(arena);
    cm_buf_done(&text);
    cm_buf_done(&r->out);
    cm_extraction_done(&r->extraction);
    cm_extractor_free(r->extractor);
    cm_parser_pool_free(r->pool);
    cm_free(r);
    return 0;
}
