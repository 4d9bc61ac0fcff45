#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "code/parser.h"
#include "index/graph/graph.h"
#include "repository/indexer.h"
#include "search/fuse.h"
#include "search/outline.h"
#include "search/rank.h"
#include "search/regex.h"
#include "search/regex_plan.h"
#include "search/search.h"
#include "search/symbols.h"
#include "unit/index/tree.h"

typedef struct fixture {
    tree source, data;
    cm_parser_pool *parser;
    cm_indexer *indexer;
    cm_repository *repository;
    cm_snapshot *snapshot;
    cm_arena *arena;
} fixture;

static const cm_uuid some_id = {{5}};

static const struct {
    const char *path, *text;
} files[] = {
    {"net/request.py", "\"\"\"HTTP requests.\"\"\"\n\n\ndef parse_header(line):\n"
                       "    \"\"\"Split one header line into name and value.\"\"\"\n"
                       "    name, value = line.split(':', 1)\n    return name.strip(), value\n\n\n"
                       "def read_body(stream, length):\n    return stream.read(length)\n"},
    {"net/server.py", "from net.request import parse_header\n\n\nclass Server:\n"
                      "    def handle(self, stream):\n        while True:\n"
                      "            print(parse_header(stream.readline()))\n"},
    {"tests/test_request.py", "from net.request import parse_header\n\n\n"
                              "def test_parse_header():\n"
                              "    assert parse_header('a: b') == ('a', ' b')\n"},
    {"vendor/lib/header.py", "def parse_header(x):\n    return x\n"},
    {"store/cache.go", "package store\n\n// Evict drops the oldest entries.\n"
                       "func Evict(limit int) int {\n\treturn limit\n}\n"},
    {"notes.txt", "remember the milk\nTODO: header\n"},
    {"signal/wait.py", "def await_interrupt(signal):\n"
                       "    \"\"\"Wait for the interrupt signal, as ctrl-c sends it.\"\"\"\n"
                       "    return signal.wait()\n"},
    {"maths/c.py", "def c(value):\n    return value + 1\n"},
};

/* Two functions, each too long to share a chunk. */
static void write_long_file(const tree *source) {
    cm_buf text;
    cm_buf_init(&text, CM_KIB(64));
    for (int f = 0; f < 2; f++) {
        cm_buf_add_f(&text, "def long_%d(row):\n", f);
        for (int i = 0; i < 120; i++) {
            cm_buf_add_f(&text, "    row.entry_%d = row.other_%d\n", i, i * f);
        }
    }
    tree_write(source, "store/long.py", cm_buf_str(&text));
    cm_buf_done(&text);
}

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    cm_index_progress progress;
    tree_new(&f->source);
    tree_new(&f->data);
    f->arena = cm_arena_new(0);
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        tree_write(&f->source, files[i].path, cm_str_from(files[i].text));
    }
    write_long_file(&f->source);
    assert_int_equal(cm_parser_pool_new(NULL, &f->parser, NULL), CM_OK);
    cm_indexer_options options = {.index = {.parser = f->parser}};
    assert_int_equal(cm_indexer_open(f->data.root, &options, &f->indexer, NULL), CM_OK);
    assert_int_equal(
        cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &f->repository, NULL), CM_OK);
    assert_int_equal(cm_repository_index(f->repository, CM_INDEX_INCREMENTAL, NULL), CM_OK);
    assert_int_equal(cm_repository_wait(f->repository, 60000, NULL), CM_OK);
    cm_repository_progress(f->repository, &progress);
    assert_int_equal(progress.status, CM_INDEX_READY);
    f->snapshot = cm_repository_snapshot(f->repository);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    cm_snapshot_unref(f->snapshot);
    cm_repository_unref(f->repository);
    cm_indexer_close(f->indexer);
    cm_parser_pool_free(f->parser);
    cm_arena_free(f->arena);
    tree_free(&f->source);
    tree_free(&f->data);
    cm_free(f);
    return 0;
}

static cm_search_result search(fixture *f, cm_search_query query) {
    cm_search_result result;
    cm_err err = {0};
    if (cm_search_run(f->snapshot, &query, f->arena, &result, &err) != CM_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static void assert_first(const cm_search_result *result, const char *path) {
    assert_true(result->count > 0);
    if (!cm_str_eq_c(result->hits[0].document.path, path)) {
        fail_msg("first hit is " CM_STR_FMT, CM_STR_ARG(result->hits[0].document.path));
    }
}

static void test_search_lexical__question_in_prose_finds_the_function(void **state) {
    fixture *f = *state;
    cm_search_result r = search(f, (cm_search_query){.text = CM_STR("how to parse a header line")});
    assert_first(&r, "net/request.py");
    assert_true(cm_str_eq_c(r.hits[0].symbol.name, "parse_header"));
    assert_true(r.hits[0].highlight_count > 0);
    assert_true(r.hits[0].relevance_score > 0 && r.hits[0].relevance_score <= 1);
    assert_string_equal(r.degraded, "no embedding model");
}

static void test_search_lexical__symbol_finds_its_definition_before_uses(void **state) {
    fixture *f = *state;
    cm_search_result r =
        search(f, (cm_search_query){.text = CM_STR("parse_header"), .type = CM_SEARCH_LEXICAL});
    assert_first(&r, "net/request.py");
    assert_int_equal(r.hits[0].match_type, CM_MATCH_SYMBOL);
    assert_null(r.degraded);
}

static void test_search_lexical__last_word_of_a_sentence_is_no_symbol(void **state) {
    fixture *f = *state;
    cm_search_result r = search(f, (cm_search_query){.text = CM_STR("wait for ctrl-c")});
    assert_first(&r, "signal/wait.py");
    for (size_t i = 0; i < r.count; i++) {
        assert_int_not_equal(r.hits[i].match_type, CM_MATCH_SYMBOL);
    }
    r = search(f, (cm_search_query){.text = CM_STR(" c ")}); /* one word is a name */
    assert_first(&r, "maths/c.py");
    assert_int_equal(r.hits[0].match_type, CM_MATCH_SYMBOL);
}

static void test_search_lexical__order_does_not_depend_on_the_limit(void **state) {
    fixture *f = *state;
    cm_search_query query = {.text = CM_STR("header line wait stream"), .limit = 200};
    cm_search_result all = search(f, query);
    assert_true(all.count > 3);
    for (query.limit = 1; query.limit < all.count; query.limit++) {
        cm_search_result some = search(f, query);
        assert_int_equal(some.count, query.limit);
        for (size_t i = 0; i < some.count; i++) {
            assert_int_equal(some.hits[i].chunk, all.hits[i].chunk);
        }
    }
}

static void test_search_rank__a_file_gains_by_what_else_it_says(void **state) {
    fixture *f = *state;
    cm_lexical_result lexical = {0};
    uint32_t lone = CM_ID_NONE, many[2] = {CM_ID_NONE, CM_ID_NONE};
    cm_index_chunk chunk;
    cm_index_document d;
    cm_index_symbol s;
    for (uint32_t i = 0; cm_snapshot_chunk(f->snapshot, i, &chunk); i++) {
        assert_true(cm_snapshot_document(f->snapshot, chunk.document, &d));
        if (cm_str_eq_c(d.path, "maths/c.py")) {
            lone = i;
        } else if (cm_snapshot_symbol(f->snapshot, chunk.symbol, &s)) {
            many[0] = cm_str_eq_c(s.name, "long_0") ? i : many[0];
            many[1] = cm_str_eq_c(s.name, "long_1") ? i : many[1];
        }
    }
    assert_true(lone != CM_ID_NONE && many[0] != CM_ID_NONE && many[1] != CM_ID_NONE);
    cm_ranked ranked[] = {{.chunk = lone, .bm25 = 10},
                          {.chunk = many[0], .bm25 = 9.8},
                          {.chunk = many[1], .bm25 = 9.5}};
    cm_rank_run(f->snapshot, CM_STR("two words"), CM_STR_EMPTY, &lexical, ranked, 3);
    assert_int_equal(ranked[0].chunk, many[0]);
    assert_int_equal(ranked[1].chunk, lone);
    assert_int_equal(ranked[2].chunk, many[1]); /* and does not crowd the answer */
}

static void test_search_lexical__scores_never_rise_down_the_list(void **state) {
    fixture *f = *state;
    cm_search_result r = search(f, (cm_search_query){.text = CM_STR("header")});
    for (size_t i = 1; i < r.count; i++) {
        assert_true(r.hits[i].relevance_score <= r.hits[i - 1].relevance_score);
    }
}

static void test_search_filters__language_path_kind_and_excluded_file(void **state) {
    fixture *f = *state;
    cm_str go[] = {CM_STR("Go")}, globs[] = {CM_STR("tests/**")}, not [] = {CM_STR("!vendor/**")};
    cm_search_query query = {.text = CM_STR("limit header"), .languages = {go, 1}};
    cm_search_result r = search(f, query);
    assert_int_equal(r.count, 1);
    assert_first(&r, "store/cache.go");
    query = (cm_search_query){.text = CM_STR("header"), .file_patterns = {globs, 1}};
    r = search(f, query);
    assert_first(&r, "tests/test_request.py");
    query = (cm_search_query){.text = CM_STR("header"), .file_patterns = {not, 1}};
    r = search(f, query);
    for (size_t i = 0; i < r.count; i++) {
        assert_false(cm_str_starts(r.hits[i].document.path, CM_STR("vendor/")));
    }
    query = (cm_search_query){.text = CM_STR("stream"), .symbol_kinds = 1u << CM_SYMBOL_CLASS};
    r = search(f, query);
    assert_first(&r, "net/server.py");
    query =
        (cm_search_query){.text = CM_STR("parse_header"), .exclude_path = CM_STR("net/request.py")};
    r = search(f, query);
    for (size_t i = 0; i < r.count; i++) {
        assert_false(cm_str_eq_c(r.hits[i].document.path, "net/request.py"));
    }
}

static void test_search_run__limit_says_that_there_is_more(void **state) {
    fixture *f = *state;
    cm_search_result r = search(f, (cm_search_query){.text = CM_STR("header"), .limit = 1});
    assert_int_equal(r.count, 1);
    assert_true(r.truncated);
}

static void test_search_run__empty_and_stop_word_questions_are_harmless(void **state) {
    fixture *f = *state;
    assert_int_equal(search(f, (cm_search_query){.text = CM_STR("")}).count, 0);
    assert_true(search(f, (cm_search_query){.text = CM_STR("the")}).count > 0);
    assert_int_equal(search(f, (cm_search_query){.text = CM_STR("zzzzzz")}).count, 0);
}

static void test_search_run__long_question_is_refused(void **state) {
    fixture *f = *state;
    char *text = cm_alloc(5000);
    memset(text, 'a', 5000);
    cm_search_query query = {.text = cm_str_make(text, 5000)};
    cm_search_result r;
    assert_int_equal(cm_search_run(f->snapshot, &query, f->arena, &r, NULL), CM_LIMIT);
    cm_free(text);
}

static void test_search_run__cancelled_question_stops(void **state) {
    fixture *f = *state;
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    cm_search_query query = {.text = CM_STR("header"), .cancel = cancel};
    cm_search_result r;
    assert_int_equal(cm_search_run(f->snapshot, &query, f->arena, &r, NULL), CM_CANCELLED);
    cm_cancel_unref(cancel);
}

static void test_search_regex__matches_line_by_line_with_places(void **state) {
    fixture *f = *state;
    cm_search_result r =
        search(f, (cm_search_query){.text = CM_STR("def \\w+_body\\("), .regex = true});
    assert_int_equal(r.count, 1);
    assert_first(&r, "net/request.py");
    assert_int_equal(r.hits[0].highlights[0].start.line, 9);
    assert_int_equal(r.hits[0].highlights[0].start.character, 0);
    assert_int_equal(r.hits[0].highlights[0].end.character, 14);
    r = search(f, (cm_search_query){.text = CM_STR("todo"), .regex = true});
    assert_first(&r, "notes.txt");
    r = search(f, (cm_search_query){.text = CM_STR("todo"), .regex = true, .case_sensitive = true});
    assert_int_equal(r.count, 0);
}

static void test_search_regex__bad_pattern_says_where(void **state) {
    fixture *f = *state;
    cm_search_query query = {.text = CM_STR("ab(c"), .regex = true};
    cm_search_result r;
    cm_err err = {0};
    assert_int_equal(cm_search_run(f->snapshot, &query, f->arena, &r, &err), CM_INVALID);
    assert_non_null(strstr(err.text, "offset 4"));
}

static void test_search_regex__hostile_pattern_ends(void **state) {
    fixture *f = *state;
    char line[400];
    memset(line, 'a', sizeof(line));
    tree_write(&f->source, "aaa.txt", cm_str_make(line, sizeof(line)));
    cm_str path[] = {CM_STR("aaa.txt")};
    assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){path, 1}, NULL), CM_OK);
    cm_snapshot_unref(f->snapshot);
    f->snapshot = cm_repository_snapshot(f->repository);
    cm_search_result r = search(f, (cm_search_query){.text = CM_STR("(a+)+b"), .regex = true});
    assert_int_equal(r.count, 0);
}

static void test_search_regex__literals_are_those_every_match_has(void **state) {
    fixture *f = *state;
    static const struct {
        const char *pattern, *literals;
    } cases[] = {
        {"hello", "hello"},
        {"hello.*world", "hello world"},
        {"hello|world", "hello|world"},
        {"hello|wo", ""},
        {"Hello (big|small) World", "hello  big|small  world"},
        {"(?i)Dead\\s+Line", "dead line"},
        {"a(?:bcd|efg(hij|k))?lmn", "lmn"},
        {"(?:abc|de(fgh|ijkl))x", "abc|fgh|ijkl"},
        {"(?!abc)def", ""},
        {"(abc|)def", "def"},
        {"caf\xc3\xa9 noir", "caf  noir"},
        {"hellos?", "hello"},
        {"abc+def", "abc def"},
        {"abcd{2}ef", "abc"},
        {"foo\\.bar", "foo.bar"},
        {"foo\\d+bar", "foo bar"},
        {"(abc|def)ghi", "abc|def ghi"},
        {"[abc]def[ghi]", "def"},
        {"\\x41bcd", ""},
        {"(?x)a b c d", ""},
        {"^start", "start"},
        {"ab", ""},
        {"[[:alpha:]]tail", "tail"},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_regex_clause clauses[8];
        cm_buf all;
        cm_buf_init(&all, 256);
        size_t n = cm_regex_plan(cm_str_from(cases[i].pattern), f->arena, clauses, 8);
        for (size_t k = 0; k < n; k++) {
            for (size_t l = 0; l < clauses[k].count; l++) {
                cm_buf_add_f(&all, "%s" CM_STR_FMT,
                             l   ? "|"
                             : k ? " "
                                 : "",
                             CM_STR_ARG(clauses[k].literals[l]));
            }
        }
        assert_string_equal(cm_buf_c(&all), cases[i].literals);
        cm_buf_done(&all);
    }
}

/* A look-ahead of nothing keeps the pattern's meaning and takes its literals away: every line is matched. */
static void test_search_regex__a_plan_finds_what_no_plan_finds(void **state) {
    fixture *f = *state;
    static const char *const patterns[] = {
        "parse",         "PARSE_\\w+",  "(header|server)",      "def \\w+\\(", "self\\.",
        "return|import", "^class \\w+", "parse.*(header|\\))$", "no such text"};
    size_t total = 0;
    for (size_t i = 0; i < CM_COUNT(patterns); i++) {
        cm_search_result with, without;
        cm_search_query query = {.text = cm_str_from(patterns[i]), .regex = true, .limit = 200};
        assert_int_equal(cm_search_run(f->snapshot, &query, f->arena, &with, NULL), CM_OK);
        query.text = cm_arena_fmt(f->arena, "(?=)(?:%s)", patterns[i]);
        assert_int_equal(cm_search_run(f->snapshot, &query, f->arena, &without, NULL), CM_OK);
        assert_int_equal(with.count, without.count);
        for (size_t k = 0; k < with.count; k++) {
            const cm_search_hit *a = &with.hits[k], *b = &without.hits[k];
            assert_int_equal(a->chunk, b->chunk);
            assert_int_equal(a->highlight_count, b->highlight_count);
            if (a->highlight_count > 0) {
                assert_memory_equal(a->highlights, b->highlights,
                                    a->highlight_count * sizeof(*a->highlights));
            }
        }
        total += with.count;
    }
    assert_true(total > 10);
}

static void test_search_symbols__nearest_definition_comes_first(void **state) {
    fixture *f = *state;
    cm_symbol_query query = {.name = CM_STR("parse_header"), .from_path = CM_STR("net/server.py")};
    cm_symbol_result r;
    assert_int_equal(cm_symbols_definitions(f->snapshot, &query, f->arena, &r, NULL), CM_OK);
    assert_int_equal(r.count, 2);
    assert_true(cm_str_eq_c(r.hits[0].path, "net/request.py"));
    assert_int_equal(r.hits[0].symbol.start_line, 4);
    query.from_path = CM_STR("vendor/lib/header.py");
    assert_int_equal(cm_symbols_definitions(f->snapshot, &query, f->arena, &r, NULL), CM_OK);
    assert_true(cm_str_eq_c(r.hits[0].path, "vendor/lib/header.py"));
}

static void test_search_symbols__qualified_name_asks_for_the_parent(void **state) {
    fixture *f = *state;
    cm_symbol_query query = {.name = CM_STR("Server.handle")};
    cm_symbol_result r;
    assert_int_equal(cm_symbols_definitions(f->snapshot, &query, f->arena, &r, NULL), CM_OK);
    assert_int_equal(r.count, 1);
    assert_true(r.hits[0].confidence >= 0.9);
    query = (cm_symbol_query){.name = CM_STR("par"), .prefix = true};
    assert_int_equal(cm_symbols_definitions(f->snapshot, &query, f->arena, &r, NULL), CM_OK);
    assert_int_equal(r.count, 2);
}

static void test_search_symbols__call_sites_name_their_function(void **state) {
    fixture *f = *state;
    cm_symbol_query query = {.name = CM_STR("parse_header"), .from_path = CM_STR("net/server.py")};
    cm_reference_result r;
    assert_int_equal(
        cm_symbols_references(f->snapshot, &query, 1u << CM_REFERENCE_CALL, f->arena, &r, NULL),
        CM_OK);
    assert_int_equal(r.count, 2);
    assert_true(cm_str_eq_c(r.hits[0].path, "net/server.py"));
    assert_true(cm_str_eq_c(r.hits[0].scope_name, "handle"));
    assert_int_equal(r.hits[0].reference.line, 7);
}

static void test_search_fuse__two_middling_ranks_beat_one_first(void **state) {
    fixture *f = *state;
    const uint64_t a[] = {1, 2, 3}, b[] = {4, 2, 5};
    const cm_fuse_list lists[] = {{a, 3, 1}, {b, 3, 1}};
    size_t count;
    const cm_fused *r = cm_fuse_run(lists, 2, CM_FUSE_K, f->arena, &count);
    assert_int_equal(count, 5);
    assert_int_equal(r[0].id, 2);
    assert_int_equal(r[1].id, 1);
    assert_int_equal(r[1].best_list, 0);
    assert_int_equal(r[2].id, 4);
    assert_int_equal(r[2].best_list, 1);
    assert_null(cm_fuse_run(NULL, 0, CM_FUSE_K, f->arena, &count));
    assert_int_equal(count, 0);
}

static uint32_t document_of(fixture *f, const char *path) {
    cm_index_document d;
    assert_true(cm_snapshot_find_document(f->snapshot, cm_str_from(path), &d));
    return d.id;
}

static void test_index_graph__imports_and_uses_become_edges(void **state) {
    fixture *f = *state;
    const cm_graph *graph;
    const cm_graph_edge *edges;
    assert_int_equal(cm_snapshot_graph(f->snapshot, NULL, &graph, NULL), CM_OK);
    uint32_t server = document_of(f, "net/server.py"), request = document_of(f, "net/request.py");
    size_t count = cm_graph_edges(graph, server, &edges);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found =
            found || (edges[i].document == request && edges[i].imports > 0 && edges[i].weight > 2);
    }
    assert_true(found);
    assert_int_equal(cm_graph_import_target(graph, server, 0), request);
    assert_int_equal(cm_graph_import_target(graph, server, 99), CM_ID_NONE);
    assert_int_equal(cm_graph_edges(graph, document_of(f, "notes.txt"), &edges), 0);
}

static void test_index_graph__ranks_add_up_and_favour_what_is_used(void **state) {
    fixture *f = *state;
    const cm_graph *graph;
    double sum = 0;
    cm_index_document d;
    assert_int_equal(cm_snapshot_graph(f->snapshot, NULL, &graph, NULL), CM_OK);
    for (uint32_t cursor = 0; cm_snapshot_next_document(f->snapshot, &cursor, &d);) {
        sum += cm_graph_rank(graph, d.id);
    }
    assert_true(sum > 0.999 && sum < 1.001);
    assert_true(cm_graph_rank(graph, document_of(f, "net/request.py")) >
                cm_graph_rank(graph, document_of(f, "net/server.py")));
}

static void edit(fixture *f, const char *path, const char *text) {
    cm_str paths[] = {cm_str_from(path)};
    tree_write(&f->source, path, cm_str_from(text));
    assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){paths, 1}, NULL), CM_OK);
    cm_snapshot_unref(f->snapshot);
    f->snapshot = cm_repository_snapshot(f->repository);
}

static const cm_graph_edge *edge_of(fixture *f, const char *from, const char *to) {
    const cm_graph *graph;
    const cm_graph_edge *edges;
    assert_int_equal(cm_snapshot_graph(f->snapshot, NULL, &graph, NULL), CM_OK);
    size_t count = cm_graph_edges(graph, document_of(f, from), &edges);
    for (size_t i = 0; i < count; i++) {
        if (edges[i].document == document_of(f, to)) {
            return &edges[i];
        }
    }
    return NULL;
}

static bool is_defined_in(fixture *f, const char *name, const char *path) {
    cm_symbol_result found;
    cm_symbol_query query = {.name = cm_str_from(name), .from_path = CM_STR("net/server.py")};
    assert_int_equal(cm_symbols_definitions(f->snapshot, &query, f->arena, &found, NULL), CM_OK);
    for (size_t i = 0; i < found.count; i++) {
        if (cm_str_eq_c(found.hits[i].path, path)) {
            return true;
        }
    }
    return false;
}

static bool is_called_in(fixture *f, const char *name, const char *path) {
    cm_reference_result found;
    cm_symbol_query query = {.name = cm_str_from(name)};
    assert_int_equal(
        cm_symbols_references(f->snapshot, &query, 1u << CM_REFERENCE_CALL, f->arena, &found, NULL),
        CM_OK);
    for (size_t i = 0; i < found.count; i++) {
        if (cm_str_eq_c(found.hits[i].path, path)) {
            return true;
        }
    }
    return false;
}

static bool is_offered_to_server(fixture *f, const char *name) {
    cm_symbol_result found;
    cm_str wanted[] = {cm_str_from(name)};
    assert_int_equal(cm_symbols_imported(f->snapshot, CM_STR("net/server.py"),
                                         (cm_str_list){wanted, 1}, 12, f->arena, &found, NULL),
                     CM_OK);
    for (size_t i = 0; i < found.count; i++) {
        if (cm_str_eq_c(found.hits[i].symbol.name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_mapped(fixture *f, const char *path, const char *name) {
    cm_outline outline;
    cm_outline_query query = {.tokens = 2000};
    assert_int_equal(cm_outline_run(f->snapshot, &query, f->arena, &outline, NULL), CM_OK);
    for (size_t i = 0; i < outline.count; i++) {
        for (size_t k = 0; k < outline.files[i].symbol_count; k++) {
            cm_index_symbol s;
            if (cm_str_eq_c(outline.files[i].document.path, path) &&
                cm_snapshot_symbol(f->snapshot, outline.files[i].symbols[k], &s) &&
                cm_str_eq_c(s.name, name)) {
                return true;
            }
        }
    }
    return false;
}

/* The dependent was not touched: what is known of it changes with the file it depends on. */
static void test_index_graph__renamed_function_reaches_its_dependents_at_once(void **state) {
    fixture *f = *state;
    const char *request = "net/request.py", *server = "net/server.py";
    uint32_t names_before = edge_of(f, server, request)->names;
    assert_true(names_before > 0);
    assert_true(is_offered_to_server(f, "parse_header"));
    edit(f, request, "def split_header(line):\n    return line.split(':', 1)\n");
    assert_true(is_defined_in(f, "split_header", request));
    assert_false(is_defined_in(f, "parse_header", request));
    assert_true(is_mapped(f, request, "split_header"));
    assert_false(is_mapped(f, request, "parse_header"));
    assert_true(is_offered_to_server(f, "split_header"));
    assert_int_equal(edge_of(f, server, request)->names, 0); /* it still imports the file */
    assert_int_equal(edge_of(f, server, request)->imports, 1);
    edit(f, server,
         "from net.request import split_header\n\n\ndef run(line):\n"
         "    return split_header(line)\n");
    assert_true(is_called_in(f, "split_header", server));
    assert_false(is_called_in(f, "parse_header", server));
    assert_true(edge_of(f, server, request)->names > 0);
}

static void test_index_graph__push_stays_in_the_neighbourhood(void **state) {
    fixture *f = *state;
    const cm_graph *graph;
    const cm_graph_near *near;
    size_t count;
    uint32_t server = document_of(f, "net/server.py");
    assert_int_equal(cm_snapshot_graph(f->snapshot, NULL, &graph, NULL), CM_OK);
    assert_int_equal(cm_graph_push(graph, &server, 1, f->arena, &near, &count, NULL), CM_OK);
    bool request = false;
    for (size_t i = 0; i < count; i++) {
        request = request || near[i].document == document_of(f, "net/request.py");
        assert_int_not_equal(near[i].document, document_of(f, "store/cache.go"));
    }
    assert_true(request);
}

static void test_search_outline__fits_its_budget_and_names_the_best_first(void **state) {
    fixture *f = *state;
    cm_outline outline;
    cm_str focus[] = {CM_STR("store/cache.go")};
    cm_outline_query query = {.tokens = 200};
    assert_int_equal(cm_outline_run(f->snapshot, &query, f->arena, &outline, NULL), CM_OK);
    assert_true(outline.tokens <= 200 && outline.count > 0);
    assert_true(cm_str_eq_c(outline.files[0].document.path, "net/request.py"));
    assert_true(cm_str_find(outline.text, CM_STR("net/request.py:\n")) != SIZE_MAX);
    assert_true(cm_str_find(outline.text, CM_STR("parse_header")) != SIZE_MAX);
    query.focus = (cm_str_list){focus, 1};
    assert_int_equal(cm_outline_run(f->snapshot, &query, f->arena, &outline, NULL), CM_OK);
    assert_true(cm_str_eq_c(outline.files[0].document.path, "store/cache.go"));
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_lexical__question_in_prose_finds_the_function),
        cmocka_unit_test(test_search_lexical__symbol_finds_its_definition_before_uses),
        cmocka_unit_test(test_search_lexical__last_word_of_a_sentence_is_no_symbol),
        cmocka_unit_test(test_search_lexical__order_does_not_depend_on_the_limit),
        cmocka_unit_test(test_search_rank__a_file_gains_by_what_else_it_says),
        cmocka_unit_test(test_search_lexical__scores_never_rise_down_the_list),
        cmocka_unit_test(test_search_filters__language_path_kind_and_excluded_file),
        cmocka_unit_test(test_search_run__limit_says_that_there_is_more),
        cmocka_unit_test(test_search_run__empty_and_stop_word_questions_are_harmless),
        cmocka_unit_test(test_search_run__long_question_is_refused),
        cmocka_unit_test(test_search_run__cancelled_question_stops),
        cmocka_unit_test(test_search_regex__matches_line_by_line_with_places),
        cmocka_unit_test(test_search_regex__bad_pattern_says_where),
        cmocka_unit_test(test_search_regex__hostile_pattern_ends),
        cmocka_unit_test(test_search_regex__literals_are_those_every_match_has),
        cmocka_unit_test(test_search_regex__a_plan_finds_what_no_plan_finds),
        cmocka_unit_test(test_search_symbols__nearest_definition_comes_first),
        cmocka_unit_test(test_search_symbols__qualified_name_asks_for_the_parent),
        cmocka_unit_test(test_search_symbols__call_sites_name_their_function),
        cmocka_unit_test(test_index_graph__imports_and_uses_become_edges),
        cmocka_unit_test(test_index_graph__ranks_add_up_and_favour_what_is_used),
        cmocka_unit_test(test_index_graph__renamed_function_reaches_its_dependents_at_once),
        cmocka_unit_test(test_index_graph__push_stays_in_the_neighbourhood),
        cmocka_unit_test(test_search_outline__fits_its_budget_and_names_the_best_first),
        cmocka_unit_test(test_search_fuse__two_middling_ranks_beat_one_first),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
