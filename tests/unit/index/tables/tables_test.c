/* The tables follow the index: after any edits, kills and changes of mode the rows are what the snapshot says.
 * Runs on SQLite, and on the PostgreSQL that CODEMENTOR_TEST_POSTGRES names. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/map.h"
#include "code/parser.h"
#include "index/dump.h"
#include "repository/repository_priv.h"
#include "index/tables/tables.h"
#include "store/q/code_chunks.h"
#include "store/q/file_dependencies.h"
#include "store/q/files.h"
#include "store/q/repositories.h"
#include "store/q/symbol_references.h"
#include "store/q/symbols.h"
#include "index/tree.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define FILES    14
#define ROWS_MAX 100000

typedef struct world {
    fixture *f;
    tree source, data;
    cm_parser_pool *parser;
    cm_tables *tables;
    cm_indexer *indexer;
    cm_repository *repository;
    cm_uuid id;
    uint64_t seed;
} world;

/* ---- a world ---- */

static uint32_t pick(world *w, uint32_t below) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % below;
}

static void add_row(world *w) {
    w->id = cm_uuid_v7();
    cm_q_repositories_insert_in in = {.id = w->id,
                                      .workspace_id = w->f->local.workspace_id,
                                      .owner_id = w->f->local.user_id,
                                      .name = CM_STR("demo"),
                                      .root_path = cm_str_from(w->source.root)};
    assert_ok(cm_q_repositories_insert(&w->f->me, &in, err));
}

static void open_world(world *w, enum cm_tables_mode mode) {
    cm_tables_options tables = {.store = w->f->store, .mode = mode};
    assert_ok(cm_tables_open(&tables, &w->tables, err));
    cm_indexer_options options = {.index = {.parser = w->parser,
                                            .on_published = cm_tables_on_published,
                                            .published_argument = w->tables}};
    assert_ok(cm_indexer_open(w->data.root, &options, &w->indexer, err));
    assert_ok(cm_indexer_add(w->indexer, &w->id, w->source.root, NULL, &w->repository, err));
}

static void close_world(world *w) {
    cm_repository_unref(w->repository);
    cm_indexer_close(w->indexer);
    cm_tables_close(w->tables, 0);
}

static void world_new(world *w, fixture *f, bool with_parser) {
    *w = (world){.f = f, .seed = 5};
    tree_new(&w->source);
    tree_new(&w->data);
    if (with_parser) {
        assert_ok(cm_parser_pool_new(NULL, &w->parser, err));
    }
    add_row(w);
}

static void world_free(world *w) {
    cm_parser_pool_free(w->parser);
    tree_free(&w->source);
    tree_free(&w->data);
}

static void run_job(world *w) {
    assert_ok(cm_repository_index(w->repository, CM_INDEX_INCREMENTAL, err));
    assert_ok(cm_repository_wait(w->repository, 60000, err));
}

static void settle(world *w) {
    cm_index *index = cm_repository_index_ref(w->repository);
    cm_tables_on_published(w->tables, index, CM_INDEX_CHANGED);
    cm_index_unref(index);
    assert_ok(cm_tables_wait(w->tables, 60000, err));
}

static void write_one(world *w, uint32_t number) {
    static const char *const words[] = {"alpha", "beta", "gamma", "delta", "open", "close", "run"};
    char path[64], text[4096];
    size_t len = 0;
    for (uint32_t i = pick(w, 4) + 1; i-- > 0;) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "from pkg import m%u\n\n\nclass C%u:\n    \"\"\"About %s.\"\"\"\n\n"
                                "    def %s(self):\n        return %s(%s)\n\n\n"
                                "def %s%u(x):\n    return C%u().%s() + x\n\n",
                                pick(w, FILES), pick(w, 3), words[pick(w, 7)], words[pick(w, 7)],
                                words[pick(w, 7)], words[pick(w, 7)], words[pick(w, 7)], pick(w, 3),
                                pick(w, 3), words[pick(w, 7)]);
    }
    snprintf(path, sizeof(path), "pkg/m%u.py", number);
    tree_write(&w->source, path, cm_str_make(text, len));
}

static void edit(world *w, cm_str *path, char buffer[64]) {
    uint32_t number = pick(w, FILES);
    snprintf(buffer, 64, "pkg/m%u.py", number);
    *path = cm_str_from(buffer);
    if (pick(w, 4) == 0) {
        char full[PATH_MAX];
        (void)unlink(tree_path(&w->source, buffer, full));
    } else {
        write_one(w, number);
    }
}

/* ---- what the snapshot says ---- */

static const char *id_text(const cm_uuid *id, char text[CM_UUID_TEXT]) {
    if (cm_uuid_is_nil(id)) {
        return "-";
    }
    cm_uuid_format(id, text);
    return text;
}

typedef struct definition {
    cm_str name;
    uint32_t document;
    cm_uuid id;
    unsigned uses;
} definition;

typedef struct oracle {
    const cm_snapshot *s;
    CM_VEC(definition) definitions;
    CM_VEC(char *) seen; /* places of references */
    dump references;
} oracle;

static definition *meaning(oracle *o, uint32_t document, cm_str name) {
    definition *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < o->definitions.count; i++) {
        definition *d = &o->definitions.items[i];
        if (!cm_str_eq(d->name, name)) {
            continue;
        }
        if (d->document == document) {
            return d;
        }
        only = d;
        count++;
    }
    return count == 1 ? only : NULL;
}

static void list_definitions(oracle *o) {
    cm_index_document d;
    for (uint32_t cursor = 0; cm_snapshot_next_document(o->s, &cursor, &d);) {
        for (uint32_t i = 0; i < d.symbol_count; i++) {
            cm_index_symbol s;
            assert_true(cm_snapshot_symbol(o->s, d.first_symbol + i, &s));
            definition def = {s.name, d.id, cm_snapshot_symbol_uuid(o->s, s.id), 0};
            if (s.kind != CM_SYMBOL_IMPORT) {
                assert_true(cm_vec_push(&o->definitions, def));
            }
        }
    }
}

static void list_references(oracle *o, const cm_snapshot_segment *in, cm_buf *line) {
    cm_dict_cursor names;
    cm_str name;
    uint64_t offset;
    cm_dict_seek(&in->segment->reference_names, CM_STR_EMPTY, &names);
    while (cm_dict_next(&names, &name, &offset)) {
        cm_reference_cursor c;
        uint32_t document = CM_ID_NONE, at_line = 0, at_column = 0;
        assert_true(cm_reference_cursor_open(in->segment, offset, &c));
        while (cm_reference_cursor_next(&c)) {
            char id[CM_UUID_TEXT];
            if (cm_bitmap_has(in->dead, c.now.document) ||
                (document == c.now.document && at_line == c.now.line &&
                 at_column == c.now.column)) {
                continue; /* one place is one row */
            }
            document = c.now.document;
            at_line = c.now.line;
            at_column = c.now.column;
            definition *d = meaning(o, in->first_document + document, name);
            if (d) {
                d->uses++;
            }
            cm_buf_add_f(line, "reference %.*s:%u:%u %.*s %s",
                         CM_STR_ARG(cm_segment_path(in->segment, document)), at_line, at_column,
                         CM_STR_ARG(name), d ? id_text(&d->id, id) : "-");
            dump_add(&o->references, line);
        }
    }
}

static void expect_symbols(oracle *o, const cm_index_document *d, dump *out, cm_buf *line,
                           cm_arena *arena) {
    for (uint32_t i = 0; i < d->symbol_count; i++) {
        cm_index_symbol s;
        char id[CM_UUID_TEXT], parent_id[CM_UUID_TEXT];
        assert_true(cm_snapshot_symbol(o->s, d->first_symbol + i, &s));
        cm_uuid own = cm_snapshot_symbol_uuid(o->s, s.id);
        cm_uuid parent = cm_snapshot_symbol_uuid(o->s, s.parent);
        unsigned uses = 0;
        for (size_t n = 0; n < o->definitions.count; n++) {
            if (cm_uuid_eq(&o->definitions.items[n].id, &own)) {
                uses = o->definitions.items[n].uses;
            }
        }
        cm_buf_add_f(line, "symbol %.*s %s %.*s %s %u-%u [%.*s] [%.*s] %s %u", CM_STR_ARG(d->path),
                     id_text(&own, id), CM_STR_ARG(cm_snapshot_qualified_name(o->s, s.id, arena)),
                     cm_symbol_kind_name(s.kind), s.start_line, s.end_line, CM_STR_ARG(s.signature),
                     CM_STR_ARG(s.doc), id_text(&parent, parent_id), uses);
        dump_add(out, line);
    }
}

static void expect_parts(oracle *o, const cm_graph *graph, const cm_index_document *d, dump *out,
                         cm_buf *line) {
    cm_map *seen = cm_map_new(0);
    for (uint32_t i = 0; i < d->import_count; i++) {
        cm_index_import import;
        cm_index_document target = {.path = CM_STR("-")};
        assert_true(cm_snapshot_import(o->s, d->id, i, &import));
        (void)cm_snapshot_document(o->s, cm_graph_import_target(graph, d->id, i), &target);
        cm_buf_add_f(line, "dependency %.*s %.*s:%.*s", CM_STR_ARG(d->path),
                     CM_STR_ARG(import.module), CM_STR_ARG(import.name));
        bool added;
        assert_non_null(cm_map_slot(seen, cm_buf_str(line), &added));
        cm_buf_add_f(line, " %.*s %u", CM_STR_ARG(target.path), import.line);
        if (added) {
            dump_add(out, line);
        }
        cm_buf_clear(line);
    }
    for (uint32_t i = 0; i < d->chunk_count; i++) {
        cm_index_chunk c;
        char id[CM_UUID_TEXT];
        assert_true(cm_snapshot_chunk(o->s, d->first_chunk + i, &c));
        cm_uuid own = cm_snapshot_chunk_uuid(o->s, c.id);
        cm_buf_add_f(line, "chunk %.*s %u %s %u-%u %s", CM_STR_ARG(d->path), i, id_text(&own, id),
                     c.start_line, c.end_line, cm_chunk_type_name(c.type));
        dump_add(out, line);
    }
    cm_map_free(seen);
}

static void expect(const cm_snapshot *s, enum cm_tables_mode mode, dump *out) {
    oracle o = {.s = s};
    const cm_graph *graph;
    cm_buf line;
    cm_index_document d;
    cm_arena *arena = cm_arena_new(0);
    *out = (dump){0};
    cm_buf_init(&line, CM_MIB(1));
    assert_ok(cm_snapshot_graph(s, NULL, &graph, err));
    list_definitions(&o);
    for (size_t i = 0; i < s->count; i++) {
        list_references(&o, &s->segments[i], &line);
    }
    for (uint32_t cursor = 0;
         mode != CM_TABLES_NONE && cm_snapshot_next_document(s, &cursor, &d);) {
        char hash[CM_HASH128_TEXT];
        cm_hash128_format(d.hash, hash);
        cm_buf_add_f(&line, "file %.*s %.*s %s %llu %u %s", CM_STR_ARG(d.path),
                     CM_STR_ARG(d.language), hash, (unsigned long long)d.size, d.line_count,
                     cm_document_status_name(d.status));
        dump_add(out, &line);
        if (mode != CM_TABLES_ALL) {
            continue;
        }
        expect_symbols(&o, &d, out, &line, arena);
        expect_parts(&o, graph, &d, out, &line);
    }
    for (size_t i = 0; i < o.references.lines.count; i++) {
        if (mode == CM_TABLES_ALL) {
            assert_true(cm_vec_push(&out->lines, o.references.lines.items[i]));
        } else {
            cm_free(o.references.lines.items[i]);
        }
    }
    cm_vec_done(&o.references.lines);
    cm_vec_done(&o.definitions);
    cm_arena_free(arena);
    cm_buf_done(&line);
}

/* ---- what the tables say ---- */

typedef struct reading {
    const cm_row_files *files;
    size_t file_count;
    dump *out;
    cm_buf line;
    cm_arena *arena;
    const cm_db *db;
} reading;

static cm_str path_of(const reading *r, const cm_uuid *file) {
    for (size_t i = 0; i < r->file_count; i++) {
        if (cm_uuid_eq(&r->files[i].id, file)) {
            return r->files[i].file_path;
        }
    }
    return CM_STR("-");
}

static void read_files(reading *r) {
    assert_ok(cm_q_files_list(r->db, &(cm_q_files_list_in){.limit = ROWS_MAX}, r->arena, &r->files,
                              &r->file_count, err));
    for (size_t i = 0; i < r->file_count; i++) {
        const cm_row_files *f = &r->files[i];
        assert_int_equal(f->projection_hash.len, 16);
        cm_buf_add_f(&r->line, "file %.*s %.*s %.*s %lld %lld %.*s", CM_STR_ARG(f->file_path),
                     CM_STR_ARG(f->language), CM_STR_ARG(f->content_hash), (long long)f->size_bytes,
                     (long long)f->line_count.value, CM_STR_ARG(f->parse_status));
        dump_add(r->out, &r->line);
    }
}

static void read_symbols(reading *r) {
    const cm_row_symbols *rows;
    size_t count;
    assert_ok(cm_q_symbols_list(r->db, &(cm_q_symbols_list_in){.limit = ROWS_MAX}, r->arena, &rows,
                                &count, err));
    for (size_t i = 0; i < count; i++) {
        const cm_row_symbols *s = &rows[i];
        char id[CM_UUID_TEXT], parent[CM_UUID_TEXT];
        cm_buf_add_f(&r->line, "symbol %.*s %s %.*s %.*s %lld-%lld [%.*s] [%.*s] %s %lld",
                     CM_STR_ARG(path_of(r, &s->file_id)), id_text(&s->id, id),
                     CM_STR_ARG(s->qualified_name), CM_STR_ARG(s->kind), (long long)s->start_line,
                     (long long)s->end_line, CM_STR_ARG(s->signature), CM_STR_ARG(s->docstring),
                     id_text(&s->parent_symbol_id, parent), (long long)s->reference_count);
        dump_add(r->out, &r->line);
    }
}

static void read_references(reading *r) {
    const cm_row_symbol_references *rows;
    size_t count;
    assert_ok(cm_q_symbol_references_list(
        r->db, &(cm_q_symbol_references_list_in){.limit = ROWS_MAX}, r->arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        char id[CM_UUID_TEXT];
        cm_buf_add_f(&r->line, "reference %.*s:%lld:%lld %.*s %s",
                     CM_STR_ARG(path_of(r, &rows[i].file_id)), (long long)rows[i].line,
                     (long long)rows[i].column_no, CM_STR_ARG(rows[i].name),
                     id_text(&rows[i].symbol_id, id));
        dump_add(r->out, &r->line);
    }
}

static void read_parts(reading *r) {
    const cm_row_file_dependencies *edges;
    const cm_row_code_chunks *chunks;
    size_t count;
    assert_ok(cm_q_file_dependencies_list(r->db,
                                          &(cm_q_file_dependencies_list_in){.limit = ROWS_MAX},
                                          r->arena, &edges, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool named = cm_str_find_char(edges[i].import_name, ':') != SIZE_MAX;
        cm_buf_add_f(&r->line, "dependency %.*s %.*s%s %.*s %lld",
                     CM_STR_ARG(path_of(r, &edges[i].file_id)), CM_STR_ARG(edges[i].import_name),
                     named ? "" : ":", CM_STR_ARG(path_of(r, &edges[i].target_file_id)),
                     (long long)edges[i].line.value);
        dump_add(r->out, &r->line);
    }
    assert_ok(cm_q_code_chunks_list(r->db, &(cm_q_code_chunks_list_in){.limit = ROWS_MAX}, r->arena,
                                    &chunks, &count, err));
    for (size_t i = 0; i < count; i++) {
        char id[CM_UUID_TEXT];
        cm_buf_add_f(&r->line, "chunk %.*s %lld %s %lld-%lld %.*s",
                     CM_STR_ARG(path_of(r, &chunks[i].file_id)), (long long)chunks[i].chunk_index,
                     id_text(&chunks[i].id, id), (long long)chunks[i].start_line,
                     (long long)chunks[i].end_line, CM_STR_ARG(chunks[i].chunk_type));
        dump_add(r->out, &r->line);
        assert_int_equal(chunks[i].content_hash.len, 32);
        assert_true(chunks[i].content_preview.len > 0);
    }
}

static void read_tables(const cm_db *db, dump *out) {
    reading r = {.out = out, .db = db, .arena = cm_arena_new(0)};
    *out = (dump){0};
    cm_buf_init(&r.line, CM_MIB(1));
    read_files(&r);
    read_symbols(&r);
    read_references(&r);
    read_parts(&r);
    cm_buf_done(&r.line);
    cm_arena_free(r.arena);
}

static void sort_lines(dump *d) {
    if (d->lines.count > 1) {
        qsort(d->lines.items, d->lines.count, sizeof(char *), dump_cmp);
    }
}

static void assert_tables_equal_snapshot(world *w, enum cm_tables_mode mode) {
    cm_snapshot *s = cm_repository_snapshot(w->repository);
    dump wanted, found;
    expect(s, mode, &wanted);
    read_tables(&w->f->system, &found);
    sort_lines(&wanted);
    sort_lines(&found);
    for (size_t i = 0; i < CM_MAX(wanted.lines.count, found.lines.count); i++) {
        assert_string_equal(i < found.lines.count ? found.lines.items[i] : "(end)",
                            i < wanted.lines.count ? wanted.lines.items[i] : "(end)");
    }
    dump_done(&wanted);
    dump_done(&found);
    cm_row_repositories row;
    cm_snapshot_statistics st;
    cm_snapshot_statistics_get(s, &st);
    assert_ok(cm_q_repositories_get(&w->f->me, &(cm_q_repositories_get_in){.id = w->id},
                                    w->f->arena, &row, err));
    assert_int_equal(row.file_count, st.files);
    assert_int_equal(row.symbol_count, st.symbols);
    assert_int_equal(row.index_generation, cm_snapshot_generation(s));
    cm_snapshot_unref(s);
}

/* ---- tests ---- */

static void test_index_tables__random_edits_end_as_the_snapshot_says(void **state) {
    world w;
    world_new(&w, *state, true);
    open_world(&w, CM_TABLES_ALL);
    for (uint32_t i = 0; i < FILES; i++) {
        write_one(&w, i);
    }
    run_job(&w);
    settle(&w);
    assert_tables_equal_snapshot(&w, CM_TABLES_ALL);
    for (unsigned round = 0; round < 40; round++) {
        char buffer[64];
        cm_str path;
        edit(&w, &path, buffer);
        assert_ok(cm_repository_sync(w.repository, (cm_str_list){&path, 1}, err));
        if (round % 4 == 3) {
            settle(&w);
            assert_tables_equal_snapshot(&w, CM_TABLES_ALL);
        }
    }
    close_world(&w);
    world_free(&w);
}

static void test_index_tables__an_unchanged_document_is_not_written_again(void **state) {
    world w;
    cm_tables_stats before, after;
    world_new(&w, *state, true);
    open_world(&w, CM_TABLES_ALL);
    for (uint32_t i = 0; i < FILES; i++) {
        write_one(&w, i);
    }
    run_job(&w);
    settle(&w);
    cm_tables_stats_get(w.tables, &before);
    assert_int_equal(before.written, FILES);
    settle(&w);
    cm_tables_stats_get(w.tables, &after);
    assert_int_equal(after.passes, before.passes + 1);
    assert_int_equal(after.written, before.written);
    assert_int_equal(after.batches, before.batches);
    close_world(&w);
    open_world(&w, CM_TABLES_ALL); /* another process finds nothing to do */
    settle(&w);
    cm_tables_stats_get(w.tables, &after);
    assert_int_equal(after.written + after.removed, 0);
    tree_write(&w.source, "pkg/m0.py", CM_STR("def only_here():\n    return 1\n"));
    cm_str path = CM_STR("pkg/m0.py");
    assert_ok(cm_repository_sync(w.repository, (cm_str_list){&path, 1}, err));
    settle(&w);
    cm_tables_stats_get(w.tables, &after);
    assert_true(after.written >= 1 && after.written <= FILES / 2); /* it, and who imports names */
    assert_tables_equal_snapshot(&w, CM_TABLES_ALL);
    close_world(&w);
    world_free(&w);
}

static void test_index_tables__many_publishes_become_few_passes(void **state) {
    world w;
    cm_tables_stats stats;
    world_new(&w, *state, false);
    open_world(&w, CM_TABLES_FILES);
    run_job(&w);
    for (unsigned i = 0; i < 200; i++) {
        char text[64];
        snprintf(text, sizeof(text), "edit %u\n", i);
        cm_str path = CM_STR("notes.txt");
        assert_ok(cm_repository_sync_text(w.repository, path, cm_str_from(text), err));
    }
    settle(&w);
    cm_tables_stats_get(w.tables, &stats);
    assert_true(stats.passes < 150); /* each rests ten times as long as it takes */
    assert_tables_equal_snapshot(&w, CM_TABLES_FILES);
    close_world(&w);
    world_free(&w);
}

static void test_index_tables__a_change_of_mode_is_a_difference(void **state) {
    static const enum cm_tables_mode modes[] = {CM_TABLES_ALL, CM_TABLES_FILES, CM_TABLES_ALL,
                                                CM_TABLES_NONE, CM_TABLES_FILES};
    world w;
    world_new(&w, *state, true);
    for (uint32_t i = 0; i < FILES; i++) {
        write_one(&w, i);
    }
    for (size_t i = 0; i < CM_COUNT(modes); i++) {
        open_world(&w, modes[i]);
        if (i == 0) {
            run_job(&w);
        }
        settle(&w);
        assert_tables_equal_snapshot(&w, modes[i]);
        close_world(&w);
    }
    world_free(&w);
}

static void test_index_tables__a_deleted_repository_leaves_no_rows(void **state) {
    world w;
    dump found;
    world_new(&w, *state, true);
    open_world(&w, CM_TABLES_ALL);
    for (uint32_t i = 0; i < FILES; i++) {
        write_one(&w, i);
    }
    run_job(&w);
    settle(&w);
    assert_ok(cm_indexer_remove(w.indexer, &w.id, err));
    assert_ok(
        cm_q_repositories_delete(&w.f->system, &(cm_q_repositories_delete_in){.id = w.id}, err));
    settle(&w); /* a late notice of what is gone changes nothing */
    read_tables(&w.f->system, &found);
    assert_int_equal(found.lines.count, 0);
    dump_done(&found);
    close_world(&w);
    world_free(&w);
}

/* Edits and projects until it is killed. */
static void child_run(world *w) {
    assert_ok(cm_store_open(
        &(cm_store_options){.data_dir = w->f->dir, .url = w->f->url[0] ? w->f->url : NULL},
        &w->f->store, err));
    w->f->me.store = w->f->system.store = w->f->store;
    assert_ok(cm_parser_pool_new(NULL, &w->parser, err));
    open_world(w, CM_TABLES_ALL);
    for (;;) {
        char buffer[64];
        cm_str path;
        edit(w, &path, buffer);
        assert_ok(cm_repository_sync(w->repository, (cm_str_list){&path, 1}, err));
        if (pick(w, 3) == 0) {
            settle(w);
        }
    }
}

static void test_index_tables__a_killed_pass_is_caught_up(void **state) {
    fixture *f = *state;
    const char *more = getenv("CODEMENTOR_TEST_ROUNDS");
    unsigned rounds = more ? 40 : 6;
    world w;
    world_new(&w, f, false);
    for (uint32_t i = 0; i < FILES; i++) {
        write_one(&w, i);
    }
    for (unsigned round = 0; round < rounds; round++) {
        cm_store_close(f->store); /* no thread of ours when it forks */
        w.seed += round;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            child_run(&w);
            _exit(1);
        }
        poll(NULL, 0, 100 + (int)pick(&w, 900)); /* the moment of the kill */
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_open(f);
        assert_ok(cm_parser_pool_new(NULL, &w.parser, err));
        open_world(&w, CM_TABLES_ALL);
        run_job(&w);
        settle(&w);
        assert_tables_equal_snapshot(&w, CM_TABLES_ALL);
        close_world(&w);
        cm_parser_pool_free(w.parser);
        w.parser = NULL;
    }
    world_free(&w);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_index_tables__random_edits_end_as_the_snapshot_says),
        TEST(test_index_tables__an_unchanged_document_is_not_written_again),
        TEST(test_index_tables__many_publishes_become_few_passes),
        TEST(test_index_tables__a_change_of_mode_is_a_difference),
        TEST(test_index_tables__a_deleted_repository_leaves_no_rows),
        TEST(test_index_tables__a_killed_pass_is_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
