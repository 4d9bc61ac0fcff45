/* go_implement.h - which Go types implement an interface, though none says so.
 *
 * The interface's methods, with those of the interfaces it embeds, are asked for in all method definitions
 * of the snapshot, the rarest name first: only types that have it, or embed one that has, can implement the
 * interface, however large the tree. Methods of embedded types count, as in the language.
 *
 * Exact as far as the text tells (go_types.h). What it cannot tell lowers the confidence: an embedded interface
 * outside the repository, a package whose path is not known, a type parameter.
 *
 * Thread: any. */
#ifndef CM_SEARCH_GO_IMPLEMENT_H
#define CM_SEARCH_GO_IMPLEMENT_H

#include "base/map.h"
#include "search/go_files.h"
#include "search/symbols_priv.h"

/* Adds the types that implement the interface with the number `symbol`, but those in `seen`. */
void cm_go_implement(cm_go_files *files, uint32_t symbol, cm_map64 *seen, cm_symbol_hits *hits);
/* The same for an interface of the standard library: package "io", name "Reader". */
void cm_go_implement_known(cm_go_files *files, cm_str package, cm_str name, cm_map64 *seen,
                           cm_symbol_hits *hits);

#endif
