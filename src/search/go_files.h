/* go_files.h - what names mean in the Go files of one snapshot: package paths, imports, embedded types.
 *
 * A package's path comes from the nearest go.mod above it, so that two packages of one name are told apart.
 *
 * Thread: one question's own. */
#ifndef CM_SEARCH_GO_FILES_H
#define CM_SEARCH_GO_FILES_H

#include "base/map.h"
#include "index/snapshot/snapshot.h"
#include "code/semantics/go/types.h"

typedef struct cm_go_files {
    const cm_snapshot *snapshot;
    cm_arena *arena;      /* for the whole question */
    cm_arena *text_arena; /* for the document read last */
    cm_map *packages;     /* folder -> address of its import path, in the arena */
    cm_map
        *aliases; /* package, line feed, name -> address of the cm_go_token behind it; 0 = none */
    cm_str text;
    uint32_t text_of;
    uint32_t
        line; /* the last one looked for in it, and where it begins: most questions go downwards */
    size_t line_start;
    char qualifier[256];
} cm_go_files;

void cm_go_files_init(cm_go_files *files, const cm_snapshot *snapshot);
void cm_go_files_done(cm_go_files *files);

/* Live, and Go. */
bool cm_go_files_document(const cm_go_files *files, uint32_t id, cm_index_document *ret_document);
/* Text of a symbol's definition; empty when it cannot be read. Valid until the next document is read. */
cm_str cm_go_files_text(cm_go_files *files, const cm_index_symbol *symbol);
/* The word before the dot in front of a place: "io" of `io.Reader`. Valid until it is asked again. */
cm_str cm_go_files_qualifier(cm_go_files *files, const cm_index_reference *reference);
/* Import path of the package in `folder`; empty where no go.mod tells. */
cm_str cm_go_files_package(cm_go_files *files, cm_str folder);

typedef struct cm_go_file {
    cm_go_files *files;
    cm_index_document document;
} cm_go_file;

/* The place of text in `file`; the file must outlive it. */
cm_go_place cm_go_file_place(cm_go_file *file, cm_str_list parameters);
/* Does `name`, written in `file`, mean what the document `target` declares under it? */
bool cm_go_file_means(cm_go_file *file, cm_go_name name, const cm_index_document *target);
/* What `type A = b.B` makes of the name: cm_go_aliases.resolve, with a cm_go_files as its argument. */
bool cm_go_files_alias(void *files, cm_go_token *token);
/* Types that `name` means in `file`; at most `max`. Returns the count. */
size_t cm_go_file_types(cm_go_file *file, cm_go_name name, uint32_t *symbols, size_t max);

#endif
