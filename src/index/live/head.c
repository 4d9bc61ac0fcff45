/* head.c - see head.h. */
#include "index/live/head.h"

#include "base/file.h"
#include "base/mem.h"

#include <sys/stat.h>

/* By hand: whoever watches asks before anything of git is opened. A linked work tree has a file that names the
 * place. */
bool cm_head_log_folder(const char *root, char ret_folder[2 * CM_PATH_BYTES_MAX]) {
    char git[CM_PATH_BYTES_MAX];
    struct stat st;
    if (snprintf(git, sizeof(git), "%s/.git", root) >= (int)sizeof(git) || lstat(git, &st) != 0) {
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        return snprintf(ret_folder, 2 * CM_PATH_BYTES_MAX, "%s/logs", git) <
               (int)(2 * CM_PATH_BYTES_MAX);
    }
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_PATH_BYTES_MAX);
    if (!S_ISREG(st.st_mode) || cm_file_read(git, CM_PATH_BYTES_MAX, &text, NULL) != CM_OK) {
        return false;
    }
    cm_str line = cm_str_trim(cm_buf_str(&text));
    cm_str named = cm_str_from_offset(line, CM_MIN(line.len, strlen("gitdir: ")));
    if (!cm_str_starts(line, CM_STR("gitdir: ")) || named.len == 0) {
        return false;
    }
    bool absolute = named.ptr[0] == '/';
    return snprintf(ret_folder, 2 * CM_PATH_BYTES_MAX, "%s%s" CM_STR_FMT "/logs",
                    absolute ? "" : root, absolute ? "" : "/",
                    CM_STR_ARG(named)) < (int)(2 * CM_PATH_BYTES_MAX);
}
