/* What implements what, in each language that can say it and in Go, which does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "code/parser.h"
#include "repository/indexer.h"
#include "search/symbols.h"
#include "unit/index/tree.h"

typedef struct file {
    const char *path, *text;
} file;

typedef struct world {
    tree source, data;
    cm_indexer *indexer;
    cm_repository *repository;
    cm_snapshot *snapshot;
    cm_arena *arena;
} world;

static const cm_uuid some_id = {{6}};
static cm_parser_pool *parser;

static void world_open(world *w, const file *files, size_t count) {
    cm_index_progress progress;
    tree_new(&w->source);
    tree_new(&w->data);
    w->arena = cm_arena_new(0);
    for (size_t i = 0; i < count; i++) {
        tree_write(&w->source, files[i].path, cm_str_from(files[i].text));
    }
    cm_indexer_options options = {.index = {.parser = parser}};
    assert_int_equal(cm_indexer_open(w->data.root, &options, &w->indexer, NULL), CM_OK);
    assert_int_equal(
        cm_indexer_add(w->indexer, &some_id, w->source.root, NULL, &w->repository, NULL), CM_OK);
    assert_int_equal(cm_repository_index(w->repository, CM_INDEX_INCREMENTAL, NULL), CM_OK);
    assert_int_equal(cm_repository_wait(w->repository, 60000, NULL), CM_OK);
    cm_repository_progress(w->repository, &progress);
    assert_int_equal(progress.status, CM_INDEX_READY);
    w->snapshot = cm_repository_snapshot(w->repository);
}

static void world_close(world *w) {
    cm_snapshot_unref(w->snapshot);
    cm_repository_unref(w->repository);
    cm_indexer_close(w->indexer);
    cm_arena_free(w->arena);
    tree_free(&w->source);
    tree_free(&w->data);
}

static int text_cmp(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static cm_symbol_result ask(world *w, const char *name, const char *from) {
    cm_symbol_result found;
    cm_err err = {0};
    cm_symbol_query query = {.name = cm_str_from(name), .from_path = cm_str_from(from)};
    if (cm_symbols_implementers(w->snapshot, &query, w->arena, &found, &err) != CM_OK) {
        fail_msg("%s", err.text);
    }
    return found;
}

/* Names of the implementers in order of the alphabet, with a blank between. */
static const char *implementers(world *w, const char *name, const char *from) {
    cm_symbol_result found = ask(w, name, from);
    const char **names = cm_arena_alloc(w->arena, (found.count + 1) * sizeof(*names));
    char *line = cm_arena_alloc(w->arena, 4096);
    for (size_t i = 0; i < found.count; i++) {
        names[i] = cm_arena_c(w->arena, found.hits[i].symbol.name);
    }
    if (found.count > 1) {
        qsort(names, found.count, sizeof(*names), text_cmp);
    }
    for (size_t i = 0; i < found.count; i++) {
        strncat(strncat(line, i > 0 ? " " : "", 2), names[i], 256);
    }
    return line;
}

/* ---- languages that say it ---- */

static const struct {
    const char *path, *text, *name, *expected;
} said[] = {
    {"a.java",
     "interface Shape<T> {}\nclass Base implements Shape<String> {}\n"
     "class Circle extends Base {}\nclass Far implements a.b.Shape<Integer>, Other {}\n"
     "interface Solid extends Shape<Long> {}\nrecord Dot(int x) implements Shape<Dot> {}\n"
     "enum Kind implements lib.Shape { A }\nclass Ball extends geo.Circle {}\nclass None {}\n",
     "Shape", "Ball Base Circle Dot Far Kind Solid"},
    {"a.ts",
     "interface Shape<T> { a(): T }\nclass Base implements Shape<string> {}\n"
     "class Circle extends Base {}\nclass Far implements ns.Shape<number>, Other {}\n"
     "interface Solid extends Shape<Date> {}\ninterface Wide extends ns.Shape<Date> {}\n"
     "abstract class Odd extends ns.Base<string> implements Other {}\n"
     "class Alike { a(): string { return '' } }\n",
     "Shape", "Base Circle Far Odd Solid Wide"},
    {"a.tsx", "class Base {}\nclass Circle extends Base {}\n", "Base", "Circle"},
    {"a.js", "class Base {}\nclass Circle extends Base {}\nclass Far extends ns.Base {}\n", "Base",
     "Circle Far"},
    {"a.cs",
     "interface IShape<T> {}\nclass Base : IShape<string> {}\nclass Circle : Base {}\n"
     "class Far : A.B.IShape<int> {}\nclass Further : A.B.Base {}\nstruct Dot : IShape<Dot> {}\n"
     "record Point(int X) : IShape<Point>;\ninterface ISolid : IShape<int> {}\nclass None {}\n",
     "IShape", "Base Circle Dot Far Further ISolid Point"},
    {"a.kt",
     "interface Shape<T>\nopen class Base : Shape<String>\nclass Circle : Base()\n"
     "class Far : a.b.Shape<Int>\nobject One : Shape<Int>\ninterface Solid : Shape<Long>\n"
     "class Made(s: Shape<Int>) : Shape<Int> by s\nclass None\n",
     "Shape", "Base Circle Far Made One Solid"},
    {"a.swift",
     "protocol Shape {}\nclass Base: Shape {}\nclass Circle: Base {}\nstruct Dot: Geo.Shape {}\n"
     "enum Kind: Shape { case a }\nprotocol Solid: Shape {}\nstruct Late {}\n"
     "extension Late: Shape {}\nclass Box<T>: Holder<T>, Shape {}\n",
     "Shape", "Base Box Circle Dot Kind Late Solid"},
    {"a.php",
     "<?php\ninterface Shape {}\nclass Base implements Shape {}\nclass Circle extends Base {}\n"
     "class Far implements \\A\\B\\Shape, Other {}\ninterface Solid extends Shape {}\n"
     "enum Kind implements Shape { case A; }\nclass None {}\n",
     "Shape", "Base Circle Far Kind Solid"},
    {"a.cpp",
     "struct Shape {};\nclass Base : public Shape {};\nclass Circle : public virtual Base {};\n"
     "class Far : private geo::Shape, Other {};\ntemplate <class T> struct Box : Holder<T>, Shape "
     "{};\n"
     "namespace geo { struct Inner : ::Shape {}; }\nclass None {};\n",
     "Shape", "Base Box Circle Far Inner"},
    {"b.cpp",
     "template <class T> struct Holder {};\nstruct Ints : Holder<int> {};\n"
     "struct Longs : a::b::Holder<long> {};\n",
     "Holder", "Ints Longs"},
    {"a.rs",
     "pub trait Shape<T> {}\npub struct Circle;\npub struct Pair<A, B>(A, B);\npub enum Kind { A "
     "}\n"
     "impl Shape<u8> for Circle {}\nimpl<A, B> geo::Shape<A> for Pair<A, B>\nwhere A: Clone {}\n"
     "impl Shape<u8>\n    for crate::kinds::Kind {}\npub trait Solid: Shape<u8> {}\n"
     "pub struct Far;\nimpl<'a> Shape<u8> for &'a mut Far {}\npub struct Bound<T: Shape<u8>>(T);\n"
     "fn uses<T: Shape<u8>>(t: T) {}\npub struct Deep;\nimpl Solid for Deep {}\n",
     "Shape", "Circle Deep Far Kind Pair Solid"},
    {"a.py",
     "class Shape: pass\nclass Base(Shape): pass\nclass Circle(Base): pass\n"
     "class Far(geo.flat.Shape, Other): pass\nclass Box(Holder[int], Shape): pass\n"
     "class Odd(geo.Base[str]): pass\nclass None_(metaclass=Shape): pass\n",
     "Shape", "Base Box Circle Far Odd"},
    {"a.scala",
     "trait Shape[T]\nclass Base extends Shape[Int]\nclass Circle extends Base with Other\n"
     "object One extends Other with Shape[Int]\nclass Far extends a.b.Shape[Int]\n"
     "case class Dot(x: Int) extends Shape[Int]\n",
     "Shape", "Base Circle Dot Far One"},
    {"a.rb",
     "class Shape; end\nclass Base < Shape; end\nclass Circle < Base; end\n"
     "class Far < Geo::Shape; end\n",
     "Shape", "Base Circle Far"},
    {"a.dart",
     "class Shape<T> {}\nclass Base extends Shape<int> {}\nclass Circle extends Base {}\n"
     "class Far implements geo.Shape<int>, Other {}\nclass Box extends Other with Shape<int> {}\n",
     "Shape", "Base Box Circle Far"},
};

static void test_search_implementers__of_languages_that_say_it(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(said); i++) {
        world w;
        world_open(&w, &(file){said[i].path, said[i].text}, 1);
        const char *found = implementers(&w, said[i].name, "");
        if (strcmp(found, said[i].expected) != 0) {
            fail_msg("%s: expected '%s', found '%s'", said[i].path, said[i].expected, found);
        }
        world_close(&w);
    }
}

/* ---- Go, which does not ---- */

static const file go_files[] = {
    {"go.mod", "module example.com/shop // the shop\n\ngo 1.22\n"},
    {"store/store.go",
     "package store\n\nimport (\n\t\"context\"\n\t\"io\"\n)\n\ntype Key string\n\n"
     "// Store keeps things.\ntype Store interface {\n"
     "\tGet(ctx context.Context, key Key) (value []byte, err error)\n"
     "\tPut(context.Context, Key, []byte) error // with a comment\n"
     "\tRange(\n\t\tfrom, to Key,\n\t\tvisit func(k Key, v any) bool,\n\t)\n}\n\n"
     "type Named interface{ Name() string }\n\n"
     "type Full interface {\n\tStore\n\tNamed\n\tio.Closer\n}\n\n"
     "type hidden interface{ secret() }\n\ntype Empty interface{}\n\n"
     "type Number interface{ ~int | ~float64 }\n\n"
     "type Keeper[T any] interface {\n\tKeep(item T) bool\n\tAll() []T\n}\n"},
    {"store/memory.go",
     "package store\n\nimport \"context\"\n\ntype Memory struct {\n\tbase\n\titems "
     "map[Key][]byte\n}\n\n"
     "func (m *Memory) Get(_ context.Context, k Key) ([]byte, error) { return m.items[k], nil }\n"
     "func (m *Memory) Put(ctx context.Context, k Key, v []uint8) error { return nil }\n\n"
     "type base struct{ name string }\n\n"
     "func (base) Range(from, to Key, visit func(Key, interface{}) bool) {}\n"
     "func (b base) Name() string { return b.name }\nfunc (base) secret() {}\n"},
    {"disk/disk.go",
     "package disk\n\nimport (\n\t\"context\"\n\n\tst \"example.com/shop/store\"\n)\n\n"
     "type Disk struct{ *st.Memory }\n\nfunc (d Disk) Close() error { return nil }\n\n"
     "// Key is another one.\ntype Key string\n\ntype Wrong struct{}\n\n"
     "func (Wrong) Get(ctx context.Context, key Key) ([]byte, error) { return nil, nil }\n"
     "func (Wrong) Put(context.Context, Key, []byte) error { return nil }\n"
     "func (Wrong) Range(from, to Key, visit func(k Key, v any) bool) {}\n\n"
     "type Fewer struct{}\n\nfunc (Fewer) Get(ctx context.Context, key st.Key) ([]byte, error) { "
     "return nil, nil }\n"
     "func (Fewer) secret() {}\n\n"
     "type Arity struct{ st.Store }\n\nfunc (Arity) Put(ctx context.Context, k st.Key) error { "
     "return nil }\n\n"
     "type Files[K any] struct{}\n\n"
     "func (f *Files[K]) Get(ctx context.Context,\n\tkey st.Key) (v []byte, err error) { return }\n"
     "func (f *Files[K]) Put(a context.Context, b st.Key, c []byte) (err error) { return }\n"
     "func (f *Files[K]) Range(a st.Key, b st.Key, visit func(st.Key, any) (ok bool)) {}\n"},
    {"use/use.go",
     "package use\n\nimport \"example.com/shop/disk\"\n\n"
     "type Mixed struct {\n\tdisk.Disk\n}\n\ntype Shelf struct{}\n\n"
     "func (s *Shelf) Keep(item string) bool { return true }\nfunc (s *Shelf) All() []string { "
     "return nil }\n\n"
     "type Half struct{}\n\nfunc (Half) Keep(item string, n int) bool { return true }\n"
     "func (Half) All() []string { return nil }\n\n"
     "type failure struct{}\n\nfunc (failure) Error() string { return \"\" }\n\n"
     "type Memory struct{}\n\nfunc (Memory) Read(p []byte) (n int, err error) { return 0, nil }\n"
     "func (Memory) Close() error { return nil }\n"},
    {"alias/alias.go",
     "package alias\n\nimport (\n\t\"context\"\n\n\t\"example.com/shop/store\"\n)\n\n"
     "type Key = store.Key\n\ntype Own = Key // twice\n\ntype Aliased struct{}\n\n"
     "func (Aliased) Get(ctx context.Context, key Own) ([]byte, error) { return nil, nil }\n"
     "func (Aliased) Put(context.Context, Key, []byte) error { return nil }\n"
     "func (Aliased) Range(from, to Key, visit func(k Own, v any) bool) {}\n"},
    {"other/store.go", "package other\n\ntype Store interface{ Read([]byte) (int, error) }\n"},
};

static const struct {
    const char *name, *from, *expected;
} implicit[] = {
    {"store.Store", "", "Aliased Arity Disk Files Full Memory Mixed"},
    {"Store", "store/memory.go",
     "Aliased Arity Disk Files Full Memory Mixed"}, /* and not the other one */
    {"st.Store", "disk/disk.go", "Aliased Arity Disk Files Full Memory Mixed"},
    {"other.Store", "", "Memory"},
    {"alias.Keeper", "", "Shelf"}, /* no package of that name: some file calls it so */
    {"Named", "", "Disk Full Memory Mixed base"},
    {"Full", "", "Disk Mixed"},
    {"hidden", "", "Disk Memory Mixed base"}, /* Fewer's is another package's own */
    {"Empty", "", ""},
    {"Number", "", ""},
    {"Keeper", "", "Shelf"},
    {"error", "", "failure"},
    {"io.Closer", "", "Disk Full Memory Mixed"},
    {"io.ReadCloser", "", "Memory"},
    {"base", "", "Disk Memory Mixed"}, /* a struct: who embeds it */
};

static void test_search_implementers__of_go_by_its_methods(void **state) {
    (void)state;
    world w;
    world_open(&w, go_files, CM_COUNT(go_files));
    for (size_t i = 0; i < CM_COUNT(implicit); i++) {
        const char *found = implementers(&w, implicit[i].name, implicit[i].from);
        if (strcmp(found, implicit[i].expected) != 0) {
            fail_msg("%s: expected '%s', found '%s'", implicit[i].name, implicit[i].expected,
                     found);
        }
    }
    world_close(&w);
}

static double confidence(world *w, const char *interface, const char *type) {
    cm_symbol_result found = ask(w, interface, "");
    for (size_t i = 0; i < found.count; i++) {
        if (cm_str_eq_c(found.hits[i].symbol.name, type)) {
            return found.hits[i].confidence;
        }
    }
    return 0;
}

static void test_search_implementers__what_the_text_cannot_tell_is_less_certain(void **state) {
    (void)state;
    world w;
    world_open(&w, go_files, CM_COUNT(go_files));
    assert_true(confidence(&w, "store.Store", "Files") > 0);
    assert_true(confidence(&w, "Keeper", "Shelf") < confidence(&w, "other.Store", "Memory"));
    assert_true(confidence(&w, "Keeper", "Shelf") > 0);
    world_close(&w);
}

/* The answer follows an edit of either side: nothing is kept between questions. */
static void test_search_implementers__follow_edits(void **state) {
    (void)state;
    world w;
    cm_str paths[] = {CM_STR("use/use.go")};
    world_open(&w, go_files, CM_COUNT(go_files));
    tree_write(&w.source, "use/use.go",
               CM_STR("package use\n\ntype Drawer struct{}\n\n"
                      "func (Drawer) Keep(item int) bool { return true }\n"
                      "func (Drawer) All() []int { return nil }\n"));
    assert_int_equal(cm_repository_sync(w.repository, (cm_str_list){paths, 1}, NULL), CM_OK);
    cm_snapshot_unref(w.snapshot);
    w.snapshot = cm_repository_snapshot(w.repository);
    assert_string_equal(implementers(&w, "Keeper", ""), "Drawer");
    assert_string_equal(implementers(&w, "error", ""), "");
    world_close(&w);
}

/* Interfaces that embed each other, structs that embed each other, thousands of methods of one name. */
static void test_search_implementers__odd_go_ends(void **state) {
    (void)state;
    cm_buf text;
    cm_buf_init(&text, CM_MIB(1));
    cm_buf_add_c(&text, "package odd\n\ntype A interface {\n\tB\n\tRun()\n}\n\n"
                        "type B interface {\n\tA\n\tStop()\n}\n\n"
                        "type S struct{ *T }\n\ntype T struct{ *S }\n\nfunc (S) Run() {}\n\n");
    for (int i = 0; i < 3000; i++) {
        cm_buf_add_f(&text, "type R%d struct{}\n\nfunc (R%d) Run() {}\n\n", i, i);
    }
    cm_buf_add_c(&text, "func (R7) Stop() {}\n\nfunc (T) Stop() {}\n\n"
                        "type Broken interface {\n\tRun(\n");
    const file files[] = {{"odd/odd.go", cm_buf_c(&text)}};
    world w;
    world_open(&w, files, 1);
    assert_string_equal(implementers(&w, "A", ""), "A B R7 S T"); /* A embeds B, which embeds A */
    assert_true(ask(&w, "Broken", "").count <= CM_COUNT(files) * 50);
    world_close(&w);
    cm_buf_done(&text);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &parser, NULL), CM_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_implementers__of_languages_that_say_it),
        cmocka_unit_test(test_search_implementers__of_go_by_its_methods),
        cmocka_unit_test(test_search_implementers__what_the_text_cannot_tell_is_less_certain),
        cmocka_unit_test(test_search_implementers__follow_edits),
        cmocka_unit_test(test_search_implementers__odd_go_ends),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cm_parser_pool_free(parser);
    return failed;
}
