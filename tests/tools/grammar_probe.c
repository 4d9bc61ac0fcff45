/* grammar_probe.c - parses standard input with one grammar of libgrammars.a.
 *
 * usage: grammar_probe ID [QUERY_FILE]; the table comes from grammars.inc, which the test writes.
 * Prints "clean" or "error" for the tree, and checks that QUERY_FILE compiles. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tree_sitter/api.h>

#define DEADLINE_SECONDS 5
#define INPUT_MAX        (4u << 20)

#define GRAMMAR(id, symbol) const TSLanguage *tree_sitter_##symbol(void);
#include "grammars.inc"
#undef GRAMMAR

static const struct {
    const char *id;
    const TSLanguage *(*language)(void);
} table[] = {
#define GRAMMAR(id, symbol) {id, tree_sitter_##symbol},
#include "grammars.inc"
#undef GRAMMAR
};

static const TSLanguage *find(const char *id) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].id, id) == 0) {
            return table[i].language();
        }
    }
    return NULL;
}

static char *read_all(FILE *file, uint32_t *ret_length) {
    char *text = malloc(INPUT_MAX);
    *ret_length = text ? (uint32_t)fread(text, 1, INPUT_MAX, file) : 0;
    return text;
}

static bool past_deadline(TSParseState *state) {
    return time(NULL) > *(time_t *)state->payload;
}

static const char *read_text(void *payload, uint32_t byte, TSPoint at, uint32_t *bytes_read) {
    const struct {
        const char *text;
        uint32_t length;
    } *input = payload;
    (void)at;
    *bytes_read = byte < input->length ? input->length - byte : 0;
    return input->text + (byte < input->length ? byte : input->length);
}

static int check_query(const TSLanguage *language, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return 3;
    }
    uint32_t length, offset = 0;
    TSQueryError kind = TSQueryErrorNone;
    char *text = read_all(file, &length);
    fclose(file);
    TSQuery *query = ts_query_new(language, text, length, &offset, &kind);
    free(text);
    if (!query) {
        printf("query error %d at byte %u of %s\n", (int)kind, offset, path);
        return 4;
    }
    ts_query_delete(query);
    return 0;
}

int main(int argc, char **argv) {
    const TSLanguage *language = argc > 1 ? find(argv[1]) : NULL;
    TSParser *parser = ts_parser_new();
    if (!language || !ts_parser_set_language(parser, language)) {
        fprintf(stderr, "grammar_probe: no usable grammar '%s'\n", argc > 1 ? argv[1] : "");
        return 2;
    }
    struct {
        const char *text;
        uint32_t length;
    } input = {0};
    input.text = read_all(stdin, &input.length);
    time_t deadline = time(NULL) + DEADLINE_SECONDS;
    TSInput source = {.payload = &input, .read = read_text, .encoding = TSInputEncodingUTF8};
    TSParseOptions options = {.payload = &deadline, .progress_callback = past_deadline};
    TSTree *tree = ts_parser_parse_with_options(parser, NULL, source, options);
    if (!tree) {
        puts("timeout");
    } else {
        puts(ts_node_has_error(ts_tree_root_node(tree)) ? "error" : "clean");
        ts_tree_delete(tree);
    }
    ts_parser_delete(parser);
    free((char *)input.text);
    return argc > 2 ? check_query(language, argv[2]) : 0;
}
