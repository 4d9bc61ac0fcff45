/* ignore.h - git's ignore rules (gitignore(5)), also for trees that are no git repository.
 *
 * A stack of rule files, one level for each directory on the way down; the last rule that matches
 * decides, deeper files win. As in git, nothing below an ignored directory is looked at. libgit2's
 * own matcher is not used: it needs a repository and reads rule files again for each question.
 *
 * A pattern is matched segment by segment with a table of pattern segments by path segments, so
 * that no pattern takes more than their product.
 *
 * Thread: owner. */
#ifndef CM_INDEX_LIVE_IGNORE_H
#define CM_INDEX_LIVE_IGNORE_H

#include "base/err.h"
#include "base/str.h"

#define CM_IGNORE_FILE_MAX ((size_t)1 << 20) /* bytes of one rule file; more is not read */

typedef struct cm_ignore cm_ignore;

cm_ignore *cm_ignore_new(void);
void cm_ignore_free(cm_ignore *ignore);

/* Adds the rules of `contents`, a file in `directory` (relative to the root, empty = the root), on top.
 * CM_NOMEM. */
cm_rc cm_ignore_push(cm_ignore *ignore, cm_str directory, cm_str contents,
                     cm_err *err) cm_must_check;
/* Forgets the rules of the last push. */
void cm_ignore_pop(cm_ignore *ignore);

/* Does a rule exclude `path` itself? The caller has asked for its parents before. */
bool cm_ignore_match(const cm_ignore *ignore, cm_str path, bool is_directory);

/* One gitignore pattern without '!' and slashes at its ends against a whole path. */
bool cm_ignore_pattern_match(cm_str pattern, cm_str path);

#endif
