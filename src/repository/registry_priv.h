/* registry_priv.h - inside of the registry, for its parts. */
#ifndef CM_REPOSITORY_REGISTRY_PRIV_H
#define CM_REPOSITORY_REGISTRY_PRIV_H

#include "repository/record.h"
#include "repository/repository_priv.h"

#include <pthread.h>

struct cm_repositories {
    cm_repositories_options options;
    cm_recorder recorder;
    cm_repository_witness witness;
    pthread_mutex_t adding; /* who looks a root up and makes its row does both alone */
};

#endif
