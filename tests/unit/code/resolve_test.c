#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/resolve.h"

static const char *const files[] = {
    "main.c",
    "src/net/http.c",
    "src/net/http.h",
    "include/proj/http.h",
    "app/__init__.py",
    "app/models.py",
    "app/views/__init__.py",
    "app/views/home.py",
    "app/util.py",
    "other/app/util.py",
    "web/src/index.ts",
    "web/src/lib/util.ts",
    "web/src/lib/index.ts",
    "web/src/components/Button.tsx",
    "web/tsconfig.json",
    "packages/ui/package.json",
    "packages/ui/src/index.ts",
    "packages/ui/src/button.tsx",
    "vendor/github.com/lib/pq/conn.go",
    "php/tests/UserTest.php",
    "php/more/Extra.php",
    "go.mod",
    "cmd/server/main.go",
    "internal/store/a_store.go",
    "internal/store/z.go",
    "root.go",
    "java/src/com/acme/Foo.java",
    "java/src/com/acme/util/Strings.java",
    "rs/Cargo.toml",
    "rs/src/lib.rs",
    "rs/src/net/mod.rs",
    "rs/src/net/tcp.rs",
    "rs/src/util.rs",
    "rs/src/util/deep.rs",
    "lib/foo.rb",
    "lib/foo/bar.rb",
    "php/src/Models/User.php",
    "hs/Data/Tree.hs",
    "scss/_x.scss",
    "scss/main.scss",
    "scss/colors.scss",
};

static const struct {
    const char *language, *importer, *module, *name, *file; /* file NULL: none */
} cases[] = {
    {"typescript", "web/src/index.ts", "@acme/ui", "Button", "packages/ui/src/index.ts"},
    {"typescript", "web/src/index.ts", "@acme/ui/button", "", "packages/ui/src/button.tsx"},
    {"typescript", "web/src/index.ts", "@acme/uix", "", NULL},
    {"go", "cmd/server/main.go", "github.com/lib/pq", "", "vendor/github.com/lib/pq/conn.go"},
    {"php", "php/src/Models/User.php", "App\\Tests\\UserTest", "", "php/tests/UserTest.php"},
    {"php", "php/src/Models/User.php", "More\\Extra", "", "php/more/Extra.php"},
    {"c", "src/net/http.c", "http.h", "", "src/net/http.h"},
    {"c", "main.c", "net/http.h", "", "src/net/http.h"},
    {"c", "main.c", "proj/http.h", "", "include/proj/http.h"},
    {"c", "main.c", "stdio.h", "", NULL},
    {"c", "main.c", "../../../etc/passwd", "", NULL},
    {"c", "src/net/http.c", "../../main.c", "", "main.c"},
    {"python", "app/views/home.py", ".", "x", "app/views/__init__.py"},
    {"python", "app/views/home.py", "..models", "User", "app/models.py"},
    {"python", "app/views/home.py", "..", "util", "app/util.py"},
    {"python", "app/models.py", "app.views.home", "", "app/views/home.py"},
    {"python", "app/models.py", "app.views", "home", "app/views/home.py"},
    {"python", "app/models.py", "app.util", "*", "app/util.py"},
    {"python", "other/app/x.py", "app.util", "", "other/app/util.py"},
    {"python", "app/models.py", "os.path", "", NULL},
    {"python", "app/models.py", "....x", "", NULL},
    {"typescript", "web/src/index.ts", "./lib/util", "", "web/src/lib/util.ts"},
    {"typescript", "web/src/index.ts", "./lib/util.js", "", "web/src/lib/util.ts"},
    {"typescript", "web/src/index.ts", "./lib", "", "web/src/lib/index.ts"},
    {"typescript", "web/src/index.ts", "@/components/Button", "", "web/src/components/Button.tsx"},
    {"typescript", "web/src/index.ts", "react", "", NULL},
    {"go", "cmd/server/main.go", "example.com/proj/internal/store", "",
     "internal/store/a_store.go"},
    {"go", "cmd/server/main.go", "example.com/proj", "", "root.go"},
    {"go", "cmd/server/main.go", "example.com/projector", "", NULL},
    {"go", "cmd/server/main.go", "fmt", "", NULL},
    {"java", "java/src/com/acme/Foo.java", "com.acme.util.Strings", "",
     "java/src/com/acme/util/Strings.java"},
    {"java", "java/src/com/acme/Foo.java", "com.acme.util.Strings.join", "",
     "java/src/com/acme/util/Strings.java"},
    {"java", "java/src/com/acme/Foo.java", "java.util.List", "", NULL},
    {"rust", "rs/src/lib.rs", "net", "", "rs/src/net/mod.rs"},
    {"rust", "rs/src/net/mod.rs", "tcp", "", "rs/src/net/tcp.rs"},
    {"rust", "rs/src/net/tcp.rs", "crate::util", "helper", "rs/src/util.rs"},
    {"rust", "rs/src/net/tcp.rs", "crate::util", "deep", "rs/src/util/deep.rs"},
    {"rust", "rs/src/net/tcp.rs", "super", "x", NULL},
    {"rust", "rs/src/util.rs", "self::deep", "X", "rs/src/util/deep.rs"},
    {"rust", "rs/tests/a.rs", "my_crate::net", "Tcp", "rs/src/net/mod.rs"},
    {"rust", "rs/tests/a.rs", "my_crate", "Thing", "rs/src/lib.rs"},
    {"rust", "rs/src/lib.rs", "std::io", "Read", NULL},
    {"ruby", "lib/foo.rb", "./foo/bar", "", "lib/foo/bar.rb"},
    {"ruby", "main.rb", "foo/bar", "", "lib/foo/bar.rb"},
    {"php", "php/index.php", "App\\Models", "User", "php/src/Models/User.php"},
    {"haskell", "hs/Main.hs", "Data.Tree", "", "hs/Data/Tree.hs"},
    {"scss", "scss/main.scss", "colors", "", "scss/colors.scss"},
    {"c", "main.c", "", "", NULL},
};

static cm_resolver *make_resolver(cm_str *paths) {
    cm_resolver *resolver;
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        paths[i] = cm_str_from(files[i]);
    }
    assert_int_equal(cm_resolver_new(paths, CM_COUNT(files), &resolver, NULL), CM_OK);
    cm_resolver_add_config(resolver, CM_STR("go.mod"),
                           CM_STR("// comment\nmodule example.com/proj\n\ngo 1.22\n"));
    cm_resolver_add_config(
        resolver, CM_STR("web/tsconfig.json"),
        CM_STR("// a comment\n{\"compilerOptions\": { /* and \"one\" */ \"paths\": "
               "{\"@/*\": [\"src/*\",], // why\n}}, \"note\": \"a, // ]\"}"));
    cm_resolver_add_config(resolver, CM_STR("packages/ui/package.json"),
                           CM_STR("{\"name\": \"@acme/ui\"}"));
    cm_resolver_add_config(resolver, CM_STR("web/broken/tsconfig.json"), CM_STR("{ // no"));
    cm_resolver_add_config(resolver, CM_STR("rs/Cargo.toml"),
                           CM_STR("[package]\nname = \"my-crate\"\n"));
    cm_resolver_add_config(
        resolver, CM_STR("php/composer.json"),
        CM_STR("{\"autoload\": {\"psr-4\": {\"App\\\\\": \"src/\", \"More\\\\\": "
               "[\"none/\", \"more/\"]}}, \"autoload-dev\": {\"psr-4\": "
               "{\"App\\\\Tests\\\\\": \"tests/\"}}}"));
    return resolver;
}

static void test_code_resolve__imports_lead_to_the_files_they_mean(void **state) {
    (void)state;
    cm_str paths[CM_COUNT(files)];
    cm_resolver *resolver = make_resolver(paths);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_import import = {.module = cm_str_from(cases[i].module),
                            .name = cm_str_from(cases[i].name)};
        size_t found = cm_resolver_find(resolver, cm_language_find(cm_str_from(cases[i].language)),
                                        cm_str_from(cases[i].importer), &import);
        const char *file = found == CM_RESOLVE_NONE ? NULL : files[found];
        if ((file == NULL) != (cases[i].file == NULL) ||
            (file && strcmp(file, cases[i].file) != 0)) {
            print_message("case %zu: %s in %s gave %s\n", i, cases[i].module, cases[i].importer,
                          file ? file : "nothing");
            fail();
        }
    }
    cm_resolver_free(resolver);
}

static void test_code_resolve__a_thousand_files_of_one_name_are_found_quickly(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    cm_arena *arena = cm_arena_new(0);
    cm_str *paths = CM_ARENA_ARRAY(arena, cm_str, COUNT);
    for (int i = 0; i < COUNT; i++) {
        paths[i] = cm_arena_fmt(arena, "p%05d/util.py", i);
    }
    cm_resolver *resolver;
    assert_int_equal(cm_resolver_new(paths, COUNT, &resolver, NULL), CM_OK);
    cm_import import = {.module = CM_STR("p00777.util")};
    size_t found =
        cm_resolver_find(resolver, cm_language_find(CM_STR("python")), CM_STR("a/b.py"), &import);
    assert_int_equal(found, 777);
    cm_resolver_free(resolver);
    cm_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_resolve__imports_lead_to_the_files_they_mean),
        cmocka_unit_test(test_code_resolve__a_thousand_files_of_one_name_are_found_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
