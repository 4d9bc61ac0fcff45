/* index_config.c - see index_config.h. */
#include "base/base.h"

#include "api/index_config.h"

static const enum cm_chunk_strategy strategies[] = {
    [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_ABSENT] = CM_CHUNKS_AST_AWARE,
    [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_FIXED_LINES] = CM_CHUNKS_FIXED_LINES,
    [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_SEMANTIC] = CM_CHUNKS_SEMANTIC,
    [CM_API_INDEX_CONFIG_CHUNK_STRATEGY_AST_AWARE] = CM_CHUNKS_AST_AWARE};

static const enum cm_api_index_config_chunk_strategy wire_strategies[] = {
    [CM_CHUNKS_AST_AWARE] = CM_API_INDEX_CONFIG_CHUNK_STRATEGY_AST_AWARE,
    [CM_CHUNKS_FIXED_LINES] = CM_API_INDEX_CONFIG_CHUNK_STRATEGY_FIXED_LINES,
    [CM_CHUNKS_SEMANTIC] = CM_API_INDEX_CONFIG_CHUNK_STRATEGY_SEMANTIC};

cm_repository_config cm_index_config_read(const cm_api_index_config *wire) {
    return (cm_repository_config){.include = wire->include_patterns,
                                  .exclude = wire->exclude_patterns,
                                  .file_kb_max = wire->max_file_size_kb,
                                  .chunk_strategy = strategies[wire->chunk_strategy],
                                  .embedding_model = wire->embedding_model,
                                  .follow_gitignore = wire->follow_gitignore,
                                  .watch = wire->watch,
                                  .redact_secrets = wire->secrets_policy ==
                                                    CM_API_INDEX_CONFIG_SECRETS_POLICY_REDACT};
}

cm_api_index_config cm_index_config_wire(const cm_repository_config *config) {
    return (cm_api_index_config){.include_patterns = config->include,
                                 .exclude_patterns = config->exclude,
                                 .max_file_size_kb = config->file_kb_max,
                                 .chunk_strategy = wire_strategies[config->chunk_strategy],
                                 .embedding_model = config->embedding_model,
                                 .follow_gitignore = config->follow_gitignore,
                                 .watch = config->watch,
                                 .secrets_policy = config->redact_secrets
                                                       ? CM_API_INDEX_CONFIG_SECRETS_POLICY_REDACT
                                                       : CM_API_INDEX_CONFIG_SECRETS_POLICY_SKIP};
}
