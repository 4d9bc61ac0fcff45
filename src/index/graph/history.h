/* history.h - which files change together, as the commits of a git repository tell.
 *
 * Kept is a log of the newest commits (20,000 by default): of each the files it changed, renames by both
 * names. A commit's part of the log depends on that commit alone, so the log of any HEAD is made of
 * what is known of its commits and of those read anew: new commits, a rewritten history and a
 * checked out branch are one case, and the result is the same as if all had been read. (Counts of
 * pairs, added to and subtracted from, were rejected: with renames they depend on the order.) Pairs are
 * counted from the log when asked, in well under a millisecond for a file.
 *
 * Left out: merges; commits that change more than CM_HISTORY_FILES_MAX files, of which only the renames
 * count; deletions; submodules. A file is followed back through its renames, so it is known by the
 * name it has now.
 *
 * A change counts the less the older it is: half after CM_HISTORY_HALF_LIFE_S, by time of commit, seen from
 * HEAD's. So the figures of a history do not change by waiting.
 *
 * The bytes are in docs/design/index-format.md, written and checked like other parts. Thread: any; immutable, but
 * for what is worked out when first asked for. */
#ifndef CM_INDEX_GRAPH_HISTORY_H
#define CM_INDEX_GRAPH_HISTORY_H

#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

#define CM_HISTORY_FILES_MAX   32    /* a commit of more says nothing about any two of them */
#define CM_HISTORY_COMMITS     20000 /* looked at when nothing else is asked for */
#define CM_HISTORY_COMMITS_MAX 200000
#define CM_HISTORY_SUPPORT_MIN 3 /* commits that two files must share to be named */
#define CM_HISTORY_HALF_LIFE_S (180 * 86400)
#define CM_HISTORY_OID_BYTES   20
#define CM_HISTORY_NEAR_MAX    16 /* neighbours of a file that the dependency graph takes */

typedef struct cm_history cm_history;

enum cm_history_state {
    CM_HISTORY_READ,
    CM_HISTORY_NO_GIT,     /* the tree lies in no git repository that may be read */
    CM_HISTORY_NO_COMMITS, /* of this branch */
    CM_HISTORY_DAMAGED,    /* the file is; the next job makes it again */
};

/* Of the repository when the snapshot was made; borrowed from it. NULL: none was read yet. */
const cm_history *cm_snapshot_history(const cm_snapshot *snapshot);

cm_history *cm_history_ref(cm_history *history);
void cm_history_unref(cm_history *history); /* NULL is allowed */
/* The snapshot, new and nobody else's yet, keeps a reference. NULL is allowed. */
void cm_history_attach(cm_history *history, cm_snapshot *snapshot);

typedef struct cm_history_facts {
    enum cm_history_state state;
    uint32_t commits; /* in the log; merges are not */
    uint32_t counted; /* of them: neither too large nor unreadable */
    uint32_t files;   /* under the names they have now, deleted ones included */
    bool is_cut; /* there are older commits than the log has: its bounds, a shallow clone, damage */
    uint8_t head[CM_HISTORY_OID_BYTES];
} cm_history_facts;

/* The first call for a history reads and checks all of it, some 10 ms for 20,000 commits. */
void cm_history_facts_get(const cm_history *history, cm_history_facts *ret_facts);

/* Number of the file now called `path`; CM_ID_NONE when no commit of the log changed it. */
uint32_t cm_history_find(const cm_history *history, cm_str path);
cm_str cm_history_path(const cm_history *history, uint32_t file); /* borrowed */
/* Commits of the log that count and changed the file. */
uint32_t cm_history_commits(const cm_history *history, uint32_t file);

typedef struct cm_cochange {
    uint32_t file;
    uint32_t support;  /* commits that changed both */
    double confidence; /* support / commits of the file asked about */
    double weight;     /* decayed support / decayed commits of the file asked about: 0..1 */
    int64_t last_s;    /* of the newest such commit, seconds since 1970 */
} cm_cochange;

/* Files that changed together with `file` in CM_HISTORY_SUPPORT_MIN commits or more, the greatest weight first.
 * CM_NOMEM. */
cm_rc cm_history_together(const cm_history *history, uint32_t file, cm_arena *arena,
                          const cm_cochange **ret_items, size_t *ret_count,
                          cm_err *err) cm_must_check;

typedef struct cm_history_near {
    uint32_t file;
    float weight; /* as above */
} cm_history_near;

/* The CM_HISTORY_NEAR_MAX best of the same, for all files at once: worked out by the first call, looked up
 * afterwards. Returns the count. */
size_t cm_history_nearest(const cm_history *history, uint32_t file,
                          const cm_history_near **ret_near);

#endif
