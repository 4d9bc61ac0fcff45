/* resolve.h - which file of the repository an import means.
 *
 * By the rules of each language as far as paths alone can tell: relative and package paths (Python,
 * JavaScript, TypeScript with path aliases and packages of a workspace), Go modules and vendored
 * packages, Java and Kotlin packages, C includes (beside the file, then any directory whose tail fits),
 * Rust modules, Ruby, PHP (PSR-4 by tail), Dart, Lua, Bash. C# and Swift import name spaces and modules,
 * not files: theirs are not resolved. What lies outside the repository is not either; of several fitting
 * files the one nearest to the importer wins.
 *
 * Build once for a snapshot's list of paths; immutable afterwards. Thread: any for reading. */
#ifndef CM_CODE_RESOLVE_H
#define CM_CODE_RESOLVE_H

#include "base/arena.h"
#include "code/languages.h"
#include "code/parse.h"

typedef struct cm_resolver cm_resolver;

/* Repository-relative paths; borrowed for the life of the resolver. CM_NOMEM. */
cm_rc cm_resolver_new(const cm_str *paths, size_t count, cm_resolver **ret_resolver,
                      cm_err *err) cm_must_check;
void cm_resolver_free(cm_resolver *resolver);

/* Tells rules that stand in files: go.mod (module path), tsconfig.json (baseUrl, paths), package.json (name),
 * Cargo.toml (crate name), composer.json (psr-4). Other files are ignored; so is what cannot be read. Call before
 * the first resolve. */
void cm_resolver_add_config(cm_resolver *resolver, cm_str path, cm_str text);

#define CM_RESOLVE_NONE SIZE_MAX
/* Index into the paths, or CM_RESOLVE_NONE. */
size_t cm_resolver_find(const cm_resolver *resolver, const cm_language *language, cm_str importer,
                        const cm_import *import);

#endif
