/* config.h - what somebody wants indexed of one repository: as text in its row, and what the index makes of it.
 *
 * The text is the JSON of IndexConfig in spec/openapi.yaml; the values here are plain.
 *
 * Thread: any. */
#ifndef CM_REPOSITORY_CONFIG_H
#define CM_REPOSITORY_CONFIG_H

#include "index/live/index.h"

typedef struct cm_repository_config {
    cm_str_list include, exclude; /* globs; one that matches everything = all */
    int64_t file_kb_max;
    enum cm_chunk_strategy chunk_strategy;
    cm_str embedding_model;
    bool follow_gitignore;
    bool watch;
    bool redact_secrets; /* else what index.secrets says; its default leaves such files out */
} cm_repository_config;

/* For the column `repositories.config`. */
cm_str cm_repository_config_text(const cm_repository_config *config, cm_arena *arena);
/* What the column says; "{}", or what cannot be read, gives the defaults of the server: all that git would keep, in
 * files up to `file_bytes_max`. Texts live in `arena`. */
cm_repository_config cm_repository_config_parse(cm_str text, size_t file_bytes_max,
                                                cm_arena *arena);
/* Lists are borrowed from `config`. */
cm_repository_options cm_repository_config_options(const cm_repository_config *config);

#endif
