/* index_config.c - see index_config.h. */
#include "base/base.h"

#include "api/codebase.h"
#include "api/index_config.h"

cm_str cm_index_config_text(const cm_api_index_config *config, cm_arena *arena) {
    return cm_codebase_json(&cm_api_index_config_schema, config, arena);
}

/* Nobody asked for anything: all that git would keep, in files up to the server's own limit. */
static cm_api_index_config server_default(size_t file_bytes_max, cm_arena *arena) {
    cm_str *all = CM_ARENA_NEW(arena, cm_str);
    *all = CM_STR("**/*");
    size_t kb = CM_MIN(CM_MAX(file_bytes_max / 1024, (size_t)1), (size_t)10240);
    return (cm_api_index_config){.include_patterns = {all, 1},
                                 .exclude_patterns = {all, 0},
                                 .max_file_size_kb = (int64_t)kb,
                                 .chunk_strategy = CM_API_INDEX_CONFIG_CHUNK_STRATEGY_AST_AWARE,
                                 .embedding_model = CM_STR("text-embedding-3-small"),
                                 .follow_gitignore = true,
                                 .secrets_policy = CM_API_INDEX_CONFIG_SECRETS_POLICY_SKIP};
}

static cm_str_list copy_list(cm_str_list list, cm_arena *arena) {
    cm_str *items = cm_arena_alloc(arena, (list.count + 1) * sizeof(*items));
    for (size_t i = 0; i < list.count; i++) {
        items[i] = cm_arena_str(arena, list.items[i]);
    }
    return (cm_str_list){items, list.count};
}

cm_api_index_config cm_index_config_parse(cm_str text, size_t file_bytes_max, cm_arena *arena) {
    cm_api_index_config config = {0};
    cm_faults faults;
    json_t *tree = NULL;
    cm_faults_init(&faults, arena);
    bool given =
        text.len > 0 && cm_json_parse(text, &tree, NULL) == CM_OK && json_object_size(tree) > 0 &&
        cm_schema_decode(&cm_api_index_config_schema, tree, false, arena, &config, &faults);
    if (given) { /* the texts point into the tree */
        config.include_patterns = copy_list(config.include_patterns, arena);
        config.exclude_patterns = copy_list(config.exclude_patterns, arena);
        config.embedding_model = cm_arena_str(arena, config.embedding_model);
    }
    json_decref(tree);
    return given ? config : server_default(file_bytes_max, arena);
}

cm_repository_options cm_index_config_options(const cm_api_index_config *config) {
    static const enum cm_chunk_strategy strategies[] = {
        [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_ABSENT] = CM_CHUNKS_AST_AWARE,
        [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_FIXED_LINES] = CM_CHUNKS_FIXED_LINES,
        [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_SEMANTIC] = CM_CHUNKS_SEMANTIC,
        [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_AST_AWARE] = CM_CHUNKS_AST_AWARE};
    cm_str_list include = config->include_patterns;
    bool all = include.count == 1 && cm_str_eq_c(include.items[0], "**/*");
    return (cm_repository_options){.include = all ? (cm_str_list){0} : include,
                                   .exclude = config->exclude_patterns,
                                   .file_bytes_max = (size_t)config->max_file_size_kb * 1024,
                                   .no_ignore_files = !config->follow_gitignore,
                                   .chunk_strategy = strategies[config->chunk_strategy]};
}
