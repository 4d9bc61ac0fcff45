/* config.c - see config.h. */
#include "repository/config.h"

#include "base/json.h"
#include "base/mem.h"

#define TEXT_MAX    CM_MIB(1)
#define FILE_KB_MAX 10240

static const char *const strategies[] = {[CM_CHUNKS_AST_AWARE] = "ast_aware",
                                         [CM_CHUNKS_FIXED_LINES] = "fixed_lines",
                                         [CM_CHUNKS_SEMANTIC] = "semantic"};

static void write_list(cm_json_writer *w, const char *key, cm_str_list list) {
    cm_json_key(w, key);
    cm_json_array(w);
    for (size_t i = 0; i < list.count; i++) {
        cm_json_str(w, list.items[i]);
    }
    cm_json_array_end(w);
}

cm_str cm_repository_config_text(const cm_repository_config *config, cm_arena *arena) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    cm_buf_init(&out, TEXT_MAX);
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    write_list(&w, "include_patterns", config->include);
    write_list(&w, "exclude_patterns", config->exclude);
    cm_json_key(&w, "max_file_size_kb");
    cm_json_i64(&w, config->file_kb_max);
    cm_json_key(&w, "chunk_strategy");
    cm_json_c(&w, strategies[config->chunk_strategy]);
    cm_json_key(&w, "embedding_model");
    cm_json_str(&w, config->embedding_model);
    cm_json_key(&w, "follow_gitignore");
    cm_json_bool(&w, config->follow_gitignore);
    cm_json_key(&w, "watch");
    cm_json_bool(&w, config->watch);
    cm_json_key(&w, "secrets_policy");
    cm_json_c(&w, config->redact_secrets ? "redact" : "skip");
    cm_json_object_end(&w);
    return cm_arena_str(arena, cm_buf_str(&out));
}

static cm_repository_config server_default(size_t file_bytes_max, cm_arena *arena) {
    cm_str *all = CM_ARENA_NEW(arena, cm_str);
    *all = CM_STR("**/*");
    size_t kb = CM_MIN(CM_MAX(file_bytes_max / 1024, (size_t)1), (size_t)FILE_KB_MAX);
    return (cm_repository_config){.include = {all, 1},
                                  .exclude = {all, 0},
                                  .file_kb_max = (int64_t)kb,
                                  .chunk_strategy = CM_CHUNKS_AST_AWARE,
                                  .embedding_model = CM_STR("text-embedding-3-small"),
                                  .follow_gitignore = true};
}

static cm_str text_of(const json_t *value, cm_arena *arena) {
    const char *text = json_string_value(value);
    return text ? cm_arena_str(arena, cm_str_make(text, json_string_length(value))) : CM_STR_EMPTY;
}

static void read_list(const json_t *tree, const char *key, cm_arena *arena, cm_str_list *list) {
    const json_t *array = json_object_get(tree, key);
    size_t count = json_array_size(array);
    if (!json_is_array(array)) {
        return;
    }
    cm_str *items = cm_arena_alloc(arena, (count + 1) * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i] = text_of(json_array_get(array, i), arena);
    }
    *list = (cm_str_list){items, count};
}

static void read_bool(const json_t *tree, const char *key, bool *value) {
    const json_t *given = json_object_get(tree, key);
    *value = json_is_boolean(given) ? json_boolean_value(given) : *value;
}

static void read_tree(const json_t *tree, cm_arena *arena, cm_repository_config *config) {
    read_list(tree, "include_patterns", arena, &config->include);
    read_list(tree, "exclude_patterns", arena, &config->exclude);
    const json_t *kb = json_object_get(tree, "max_file_size_kb");
    if (json_is_integer(kb) && json_integer_value(kb) >= 1) {
        config->file_kb_max = CM_MIN(json_integer_value(kb), (json_int_t)FILE_KB_MAX);
    }
    cm_str strategy = text_of(json_object_get(tree, "chunk_strategy"), arena);
    for (size_t i = 0; i < CM_COUNT(strategies); i++) {
        if (cm_str_eq_c(strategy, strategies[i])) {
            config->chunk_strategy = (enum cm_chunk_strategy)i;
        }
    }
    cm_str model = text_of(json_object_get(tree, "embedding_model"), arena);
    config->embedding_model = model.len > 0 ? model : config->embedding_model;
    read_bool(tree, "follow_gitignore", &config->follow_gitignore);
    read_bool(tree, "watch", &config->watch);
    config->redact_secrets =
        cm_str_eq_c(text_of(json_object_get(tree, "secrets_policy"), arena), "redact");
}

cm_repository_config cm_repository_config_parse(cm_str text, size_t file_bytes_max,
                                                cm_arena *arena) {
    cm_repository_config config = server_default(file_bytes_max, arena);
    json_t *tree = NULL;
    if (text.len > 0 && cm_json_parse(text, &tree, NULL) == CM_OK && json_object_size(tree) > 0) {
        read_tree(tree, arena, &config);
    }
    json_decref(tree);
    return config;
}

cm_repository_options cm_repository_config_options(const cm_repository_config *config) {
    cm_str_list include = config->include;
    bool all = include.count == 1 && cm_str_eq_c(include.items[0], "**/*");
    return (cm_repository_options){.include = all ? (cm_str_list){0} : include,
                                   .exclude = config->exclude,
                                   .file_bytes_max = (size_t)config->file_kb_max * 1024,
                                   .no_ignore_files = !config->follow_gitignore,
                                   .chunk_strategy = config->chunk_strategy,
                                   .secrets = config->redact_secrets ? CM_SECRETS_REDACT
                                                                     : CM_SECRETS_DEFAULT};
}
