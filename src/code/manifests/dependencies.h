/* dependencies.h - packages that a repository declares, read from its manifests and lock files.
 *
 * Known: package.json, package-lock.json, yarn.lock, pnpm-lock.yaml, requirements*.txt (for development by their
 * name), pyproject.toml, poetry.lock, uv.lock, Pipfile(.lock), setup.cfg, go.mod, Cargo.toml, Cargo.lock, pom.xml,
 * build.gradle(.kts), Gemfile(.lock), composer.json, composer.lock, CMakeLists.txt (find_package),
 * *.csproj, *.fsproj, *.vbproj, Directory.Packages.props. A lock file gives exact versions, a manifest
 * the wanted ones; who reads both lets the lock win (cm_dependency.is_locked).
 *
 * A broken manifest gives what was readable in front of the fault. Thread: any. */
#ifndef CM_CODE_MANIFESTS_DEPENDENCIES_H
#define CM_CODE_MANIFESTS_DEPENDENCIES_H

#include "base/arena.h"
#include "base/err.h"

#define CM_DEPENDENCIES_MAX 20000 /* of one file */

typedef struct cm_dependency {
    cm_str
        manager; /* "npm", "pip", "go", "cargo", "maven", "gradle", "bundler", "composer", "cmake", "nuget" */
    cm_str name;    /* as the manager writes it; Maven's is "group:artifact" */
    cm_str version; /* as written; empty when none */
    bool is_development;
    bool is_locked; /* from a lock file: the version that is really used */
} cm_dependency;

typedef struct cm_dependencies {
    const cm_dependency *items; /* in order of appearance, no duplicates */
    size_t count;
} cm_dependencies;

/* Whether a file of this name is one that cm_dependencies_read understands. */
bool cm_dependencies_known(cm_str path);
/* Names and versions live in `arena`. CM_NOT_SUPPORTED for other files, CM_NOMEM. */
cm_rc cm_dependencies_read(cm_str path, cm_str text, cm_arena *arena, cm_dependencies *ret,
                           cm_err *err) cm_must_check;

/* Frameworks and tools known by the packages they come in ("React", "Django", "Spring Boot"), at most
 * `max` names into `ret_names`; returns how many. Static strings. */
size_t cm_frameworks_of(const cm_dependency *items, size_t count, cm_str *ret_names, size_t max);

#endif
