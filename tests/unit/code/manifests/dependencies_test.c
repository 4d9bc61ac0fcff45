#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include "code/manifests/dependencies.h"

/* Expected: "manager name version[ dev][ locked]" lines. */
static const struct {
    const char *path, *text, *expected;
} cases[] = {
    {"package.json",
     "{\"dependencies\": {\"react\": \"^18.2.0\", \"@a/b\": \"1\"}, \"devDependencies\": "
     "{\"jest\": \"*\"}}",
     "npm react ^18.2.0\nnpm @a/b 1\nnpm jest * dev\n"},
    {"package.json", "{ broken", ""},
    {"package.json", "[1, 2]", ""},
    {"package-lock.json",
     "{\"packages\": {\"\": {\"name\": \"x\"}, \"node_modules/a\": {\"version\": \"1.0.0\"},"
     " \"node_modules/a/node_modules/@c/d\": {\"version\": \"2.0.0\", \"dev\": true}}}",
     "npm a 1.0.0 locked\nnpm @c/d 2.0.0 dev locked\n"},
    {"yarn.lock",
     "# yarn\n\"@a/b@^1.0\", \"@a/b@^1.2\":\n  version \"1.3.0\"\nc@^2:\n  version \"2.0.1\"\n",
     "npm @a/b 1.3.0 locked\nnpm c 2.0.1 locked\n"},
    {"requirements-dev.txt",
     "# comment\nDjango[argon2] >=4.2,<5 ; python_version > '3.8'\n-r base.txt\nflask==2.0 "
     "--hash=x\n"
     "pkg @ https://example.com/x.zip\n\n",
     "pip Django >=4.2,<5 dev\npip flask 2.0 dev\npip pkg  dev\n"},
    {"requirements.txt", "flask==2.0\n", "pip flask 2.0\n"},
    {"test-requirements.txt", "pytest\n", "pip pytest  dev\n"},
    {"pnpm-lock.yaml",
     "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\npackages:\n\n  react@18.2.0:\n"
     "    resolution: {integrity: x}\n  '@a/b@1.0.0(react@18.2.0)':\n    dev: true\n  /old/1.2.3:\n"
     "  /@c/d@2.0.0:\nsnapshots:\n  gone@1.0.0:\n",
     "npm react 18.2.0 locked\nnpm @a/b 1.0.0 locked\nnpm old 1.2.3 locked\n"
     "npm @c/d 2.0.0 locked\n"},
    {"Pipfile.lock",
     "{\"default\": {\"requests\": {\"version\": \"==2.31.0\"}}, \"develop\": {\"mypy\": {}}}",
     "pip requests 2.31.0 locked\npip mypy  dev locked\n"},
    {"Gemfile",
     "source 'https://x'\ngem 'rails', '~> 7.0' # why\ngem \"pg\"\ngem 'own', path: 'own'\n"
     "group :development, :test do\n  gem 'rspec'\nend\ngem('puma')\n",
     "bundler rails ~> 7.0\nbundler pg \nbundler own \nbundler rspec  dev\nbundler puma \n"},
    {"composer.lock",
     "{\"packages\": [{\"name\": \"a/b\", \"version\": \"v1.2\"}], \"packages-dev\": [{\"name\": "
     "\"c/d\", \"version\": \"2.0\"}, 7]}",
     "composer a/b v1.2 locked\ncomposer c/d 2.0 dev locked\n"},
    {"Directory.Packages.props",
     "<Project><ItemGroup><PackageVersion Include=\"Serilog\" Version=\"3.1.0\" "
     "/></ItemGroup></Project>",
     "nuget Serilog 3.1.0 locked\n"},
    {"B.fsproj", "<PackageReference Include=\"FSharp.Core\" Version=\"8.0\" />",
     "nuget FSharp.Core 8.0\n"},
    {"pyproject.toml",
     "[project]\nname = \"x\"\ndependencies = [\n  \"httpx>=0.2\", # why\n  'rich',\n]\n"
     "[project.optional-dependencies]\ntest = [\"pytest\"]\n"
     "[tool.poetry.dependencies]\npython = \"^3.8\"\nattrs = {version = \"^2\", optional = true}\n"
     "[tool.poetry.group.dev.dependencies]\nblack = \"*\"\n",
     "pip httpx >=0.2\npip rich \npip pytest  dev\npip attrs ^2\npip black * dev\n"},
    {"poetry.lock",
     "[[package]]\nname = \"a\"\nversion = \"1.0\"\n[package.dependencies]\nname = \"no\"\n"
     "[[package]]\nname = \"b\"\nversion = \"2.0\"\n[metadata]\n",
     "pip a 1.0 locked\npip b 2.0 locked\n"},
    {"Pipfile", "[packages]\nrequests = \"*\"\n[dev-packages]\nmypy = {version = \"==1.0\"}\n",
     "pip requests *\npip mypy ==1.0 dev\n"},
    {"setup.cfg",
     "[options]\ninstall_requires =\n    six\n    attrs>=20\npython_requires = >=3\n"
     "[options.extras_require]\ntest =\n    pytest\n",
     "pip six \npip attrs >=20\npip pytest  dev\n"},
    {"go.mod",
     "module x\n\nrequire github.com/a/b v1.0.0\nrequire (\n\tgolang.org/x/y v0.1.0 // "
     "indirect\n)\n"
     "replace a => b\n",
     "go github.com/a/b v1.0.0 locked\ngo golang.org/x/y v0.1.0 locked\n"},
    {"Cargo.toml",
     "[package]\nname = \"x\"\n[dependencies]\nserde = { version = \"1.0\", features = "
     "[\"derive\"] }\n"
     "tokio = \"1\"\n[dev-dependencies]\nrand = \"0.8\"\n[dependencies.log]\nversion = \"0.4\"\n"
     "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
     "cargo serde 1.0\ncargo tokio 1\ncargo rand 0.8 dev\ncargo log 0.4\ncargo libc 0.2\n"},
    {"Cargo.lock", "version = 3\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n",
     "cargo a 1.0.0 locked\n"},
    {"pom.xml",
     "<project><dependencies><dependency>\n<groupId>org.x</groupId><artifactId>y</artifactId>"
     "<version>1.0</version></dependency><dependency><groupId>junit</groupId>"
     "<artifactId>junit</artifactId><scope>test</scope></dependency><dependency><groupId>cut",
     "maven org.x:y 1.0\nmaven junit:junit  dev\n"},
    {"app/build.gradle.kts",
     "dependencies {\n  implementation(\"a.b:c:1.0\")\n  testImplementation 'd:e:2'\n"
     "  implementation(project(\":lib\"))\n  implementations(\"x:y:z\")\n  api \"f:g\"\n}\n",
     "gradle a.b:c 1.0\ngradle d:e 2 dev\ngradle f:g \n"},
    {"Gemfile.lock", "GEM\n  specs:\n    rails (7.0.1)\n      rack (>= 2)\n    rack (2.2)\n",
     "bundler rails 7.0.1 locked\nbundler rack 2.2 locked\n"},
    {"composer.json",
     "{\"require\": {\"php\": \">=8\", \"laravel/framework\": \"^10\"}, \"require-dev\": {\"a/b\": "
     "\"1\"}}",
     "composer laravel/framework ^10\ncomposer a/b 1 dev\n"},
    {"CMakeLists.txt",
     "find_package(Boost 1.70 REQUIRED)\nfind_package (Threads)\nfind_package(${X})\nfind_package(",
     "cmake Boost 1.70\ncmake Threads \n"},
    {"A.csproj",
     "<Project><ItemGroup><PackageReference Include=\"xunit\" Version=\"2.4\" />\n"
     "<PackageReference Include=\"B\"><Version>1.0</Version></PackageReference>"
     "<PackageReference",
     "nuget xunit 2.4\nnuget B 1.0\n"},
};

static void describe(const cm_dependencies *found, cm_buf *out) {
    for (size_t i = 0; i < found->count; i++) {
        const cm_dependency *d = &found->items[i];
        cm_buf_add_f(out, "%.*s %.*s %.*s%s%s\n", CM_STR_ARG(d->manager), CM_STR_ARG(d->name),
                     CM_STR_ARG(d->version), d->is_development ? " dev" : "",
                     d->is_locked ? " locked" : "");
    }
}

static void test_code_dependencies__each_manifest_gives_its_packages(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_arena *arena = cm_arena_new(0);
        cm_dependencies found;
        cm_buf out;
        cm_buf_init(&out, 65536);
        assert_true(cm_dependencies_known(cm_str_from(cases[i].path)));
        assert_int_equal(cm_dependencies_read(cm_str_from(cases[i].path),
                                              cm_str_from(cases[i].text), arena, &found, NULL),
                         CM_OK);
        describe(&found, &out);
        assert_string_equal(cm_buf_c(&out), cases[i].expected);
        cm_buf_done(&out);
        cm_arena_free(arena);
    }
}

static void test_code_dependencies__cut_and_random_manifests_are_harmless(void **state) {
    (void)state;
    uint64_t seed = 99;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);
        for (size_t cut = 0; cut <= len; cut++) {
            cm_arena *arena = cm_arena_new(0);
            cm_dependencies found;
            char *exact = cm_strndup(cases[i].text, len);
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            if (len > 0) {
                exact[(seed >> 33) % len] = "\"[]{}=<>:()@ \n"[(seed >> 20) % 14];
            }
            char *part = cm_strndup(exact, cut);
            assert_int_equal(cm_dependencies_read(cm_str_from(cases[i].path),
                                                  cm_str_make(part, cut), arena, &found, NULL),
                             CM_OK);
            cm_free(part);
            cm_free(exact);
            cm_arena_free(arena);
        }
    }
}

static void test_code_dependencies__other_files_are_refused(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_dependencies found;
    cm_err err;
    assert_false(cm_dependencies_known(CM_STR("main.c")));
    assert_int_equal(cm_dependencies_read(CM_STR("main.c"), CM_STR("x"), arena, &found, &err),
                     CM_NOT_SUPPORTED);
    cm_arena_free(arena);
}

static void test_code_dependencies__frameworks_are_known_by_their_packages(void **state) {
    (void)state;
    cm_dependency items[] = {
        {.manager = CM_STR("npm"), .name = CM_STR("react")},
        {.manager = CM_STR("pip"), .name = CM_STR("Django")},
        {.manager = CM_STR("maven"),
         .name = CM_STR("org.springframework.boot:spring-boot-starter")},
        {.manager = CM_STR("pip"), .name = CM_STR("react")},
        {.manager = CM_STR("maven"), .name = CM_STR("org.junit.jupiter:api")},
        {.manager = CM_STR("maven"), .name = CM_STR("junit:junit")},
    };
    cm_str names[8];
    size_t count = cm_frameworks_of(items, CM_COUNT(items), names, CM_COUNT(names));
    assert_int_equal(count, 4);
    assert_true(cm_str_eq_c(names[0], "React"));
    assert_true(cm_str_eq_c(names[1], "Django"));
    assert_true(cm_str_eq_c(names[2], "Spring Boot"));
    assert_true(cm_str_eq_c(names[3], "JUnit"));
    assert_int_equal(cm_frameworks_of(items, CM_COUNT(items), names, 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_dependencies__each_manifest_gives_its_packages),
        cmocka_unit_test(test_code_dependencies__cut_and_random_manifests_are_harmless),
        cmocka_unit_test(test_code_dependencies__other_files_are_refused),
        cmocka_unit_test(test_code_dependencies__frameworks_are_known_by_their_packages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
