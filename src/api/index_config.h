/* index_config.h - a repository's configuration as the wire has it (IndexConfig) and as the rooms below do.
 *
 * Thread: any. */
#ifndef CM_API_INDEX_CONFIG_H
#define CM_API_INDEX_CONFIG_H

#include "api/api_gen.h"
#include "repository/config.h"

/* Texts and lists are borrowed. */
cm_repository_config cm_index_config_read(const cm_api_index_config *wire);
cm_api_index_config cm_index_config_wire(const cm_repository_config *config);

#endif
