/* settings.h - what a job or a sync reads of a tree: its root and which files are in. Immutable and counted, so that
 * new settings never pull the old ones from under somebody at work.
 *
 * Thread: any. */
#ifndef CM_INDEX_LIVE_SETTINGS_H
#define CM_INDEX_LIVE_SETTINGS_H

#include "index/git/git.h"
#include "index/live/index.h"

#include <stdatomic.h>

#define CM_FILE_BYTES_DEFAULT ((size_t)500 * 1000)

typedef struct cm_index_settings {
    atomic_uint refs;
    cm_arena *arena;
    const char *root;              /* absolute; "" = no tree */
    cm_repository_options options; /* file_bytes_max is never 0 */
    cm_git *git;                   /* of the root; NULL = no tree */
    uint64_t hash;                 /* of the options, and of the rules that files are read by */
} cm_index_settings;

/* Copies both; `options` NULL = the defaults. What they leave open, `environment` says; where it has a parser, the
 * parser's rules count. */
cm_index_settings *cm_index_settings_new(const char *root, const cm_repository_options *options,
                                         const cm_index_environment *environment);
/* What becomes of a file that holds secrets; KEEP when the options name it. */
enum cm_secret_policy cm_index_settings_secrets(const cm_repository_options *options, cm_str path);
cm_index_settings *cm_index_settings_ref(cm_index_settings *settings);
void cm_index_settings_unref(cm_index_settings *settings); /* NULL is allowed */
bool cm_index_settings_eq(const cm_index_settings *a, const cm_index_settings *b);

/* Whether the file is left out whatever it holds. A walk does so; a list of uploaded files may still have it. */
bool cm_index_settings_withhold(const cm_repository_options *options, cm_str path);
/* The text of an uploaded file as it may be kept: itself, or a copy in `arena` without its secrets.
 * False: not at all. */
bool cm_index_settings_show(const cm_repository_options *options, cm_str path, cm_str text,
                            cm_arena *arena, cm_str *ret_text);

/* The commit that is checked out; false without one. Asks git: any thread that may block. */
bool cm_index_head(cm_index *index, char ret_text[CM_GIT_HEAD_TEXT]);

/* Those of the next job or sync: a reference. */
cm_index_settings *cm_index_settings_get(cm_index *index);

#endif
