/* index_config.h - a repository's configuration (S0 IndexConfig) as text in its row, and what the indexer makes of it.
 *
 * Thread: any. */
#ifndef CM_API_INDEX_CONFIG_H
#define CM_API_INDEX_CONFIG_H

#include "api/api_gen.h"
#include "index/live/repository.h"

/* For the column `repositories.config`. */
cm_str cm_index_config_text(const cm_api_index_config *config, cm_arena *arena);
/* What the column says; "{}", or what cannot be read, gives the defaults of the server. Texts live in `arena`. */
cm_api_index_config cm_index_config_parse(cm_str text, size_t file_bytes_max, cm_arena *arena);
/* Lists are borrowed from `config`. */
cm_repository_options cm_index_config_options(const cm_api_index_config *config);

#endif
