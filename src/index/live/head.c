/* head.c - HEAD's commit by libgit2. */
#include "index/live/head.h"

#include <git2.h>

bool cm_head_commit(const char *root, char ret_text[CM_HEAD_TEXT]) {
    git_repository *git = NULL;
    git_oid oid;
    git_libgit2_init();
    bool found = git_repository_open_ext(&git, root, 0, NULL) == 0 &&
                 git_reference_name_to_id(&oid, git, "HEAD") == 0;
    if (found) {
        git_oid_tostr(ret_text, CM_HEAD_TEXT, &oid);
    }
    git_repository_free(git);
    git_libgit2_shutdown();
    return found;
}
