/* What runs inside the server over any file without a worker: macro masking, chunks by lines, scope ends by
 * brackets, style votes and manifests. The first byte picks the language, the rest is the text. */
#include "code/chunk_text.h"
#include "code/manifests/dependencies.h"
#include "code/resolve.h"
#include "code/scope_end.h"
#include "code/style.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chunks(cm_str text, enum cm_chunk_strategy strategy) {
    cm_cuts cuts = {0};
    cm_assert(cm_chunk_text(text, strategy, &cuts));
    for (size_t i = 0; i < cuts.count; i++) {
        uint32_t end = i + 1 < cuts.count ? cuts.items[i + 1] : (uint32_t)text.len;
        cm_assert(cuts.items[i] < end && end - cuts.items[i] <= CM_CHUNK_BYTES_MAX);
    }
    cm_vec_done(&cuts);
}

static void check_scope(const cm_language *language, cm_str text) {
    size_t half = text.len / 2;
    cm_scope_end end = cm_scope_end_by_brackets(language, cm_str_sub(text, 0, half),
                                                cm_str_from_offset(text, half));
    cm_assert(end.statement <= text.len - half && end.block <= text.len - half &&
              end.unit <= text.len - half);
}

static void read_manifests(cm_str text) {
    static const char *const names[] = {"package.json",
                                        "yarn.lock",
                                        "requirements.txt",
                                        "pom.xml",
                                        "Cargo.toml",
                                        "go.mod",
                                        "build.gradle",
                                        "a.csproj",
                                        "Gemfile.lock",
                                        "uv.lock",
                                        "setup.cfg",
                                        "CMakeLists.txt",
                                        "Gemfile",
                                        "pnpm-lock.yaml",
                                        "Pipfile.lock",
                                        "composer.lock",
                                        "Directory.Packages.props"};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        cm_arena *arena = cm_arena_new(0);
        cm_dependencies found;
        cm_assert(cm_dependencies_read(cm_str_from(names[i]), text, arena, &found, NULL) == CM_OK);
        cm_arena_free(arena);
    }
}

static void read_import_rules(cm_str text) {
    static const char *const names[] = {"tsconfig.json", "package.json", "go.mod", "Cargo.toml",
                                        "composer.json"};
    cm_str paths[] = {CM_STR("src/index.ts"), CM_STR("tsconfig.json")};
    cm_resolver *resolver;
    cm_assert(cm_resolver_new(paths, CM_COUNT(paths), &resolver, NULL) == CM_OK);
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        cm_resolver_add_config(resolver, cm_str_from(names[i]), text);
    }
    cm_import import = {.module = cm_str_sub(text, 0, 64)};
    cm_resolver_find(resolver, cm_language_find(CM_STR("typescript")), CM_STR("a.ts"), &import);
    cm_resolver_free(resolver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    cm_str text = cm_str_make((const char *)data + 1, size - 1);
    size_t count;
    cm_language_all(&count);
    const cm_language *language = cm_language_at(data[0] % count);
    cm_style_votes votes;
    check_chunks(text, CM_CHUNKS_SEMANTIC);
    check_chunks(text, CM_CHUNKS_FIXED_LINES);
    check_scope(language, text);
    cm_style_vote(language, text, NULL, &votes);
    cm_style style = cm_style_decide(&votes);
    cm_style_apply_editorconfig(&style, text, CM_STR("src/a.py"));
    cm_language_detect(CM_STR("a.h"), text);
    cm_language_detect(CM_STR("tool"), text);
    read_manifests(text);
    read_import_rules(text);
    return 0;
}
