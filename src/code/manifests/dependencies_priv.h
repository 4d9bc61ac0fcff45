/* dependencies_priv.h - the readers of single manifest formats and what they report to. */
#ifndef CM_CODE_MANIFESTS_DEPENDENCIES_PRIV_H
#define CM_CODE_MANIFESTS_DEPENDENCIES_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "code/manifests/dependencies.h"

typedef struct cm_dependency_sink {
    cm_arena *arena;
    cm_map *seen; /* "manager name kind" -> 1 */
    CM_VEC(cm_dependency) items;
    bool failed; /* out of memory */
} cm_dependency_sink;

/* Copies what it keeps. Empty and overlong names are ignored. */
void cm_dependency_add(cm_dependency_sink *sink, const char *manager, cm_str name, cm_str version,
                       bool is_development, bool is_locked);

typedef void cm_dependency_reader(cm_str text, cm_dependency_sink *sink);

/* dependencies_json.c */
cm_dependency_reader cm_read_package_json, cm_read_package_lock, cm_read_composer,
    cm_read_composer_lock, cm_read_pipfile_lock;
/* dependencies_toml.c */
cm_dependency_reader cm_read_pyproject, cm_read_python_lock, cm_read_pipfile, cm_read_cargo,
    cm_read_cargo_lock;
/* dependencies_text.c */
cm_dependency_reader cm_read_requirements, cm_read_requirements_dev, cm_read_setup_cfg,
    cm_read_go_mod, cm_read_gradle, cm_read_gemfile, cm_read_gemfile_lock, cm_read_yarn_lock,
    cm_read_pnpm_lock, cm_read_cmake, cm_read_pom, cm_read_csproj, cm_read_packages_props;

/* A requirement of PEP 508 such as `Django[argon2] >=4.2,<5 ; python_version > "3.8"`. */
void cm_dependency_add_pep508(cm_dependency_sink *sink, cm_str requirement, bool is_development);

#endif
