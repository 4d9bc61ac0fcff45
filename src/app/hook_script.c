/* hook_script.c - see hook_script.h.
 *
 * A hook that was there is renamed and called first: appending our lines to it was rejected, because a
 * hook need not be a shell script and may end in `exit`. */
#include "base/base.h"

#include "app/hook_script.h"

#define MARK "# codementor hook 1: "

const char *const cm_hook_names[] = {"post-commit", "post-checkout", "post-merge", "post-rewrite",
                                     NULL};

/* 'it'\''s' */
static void add_quoted(cm_buf *out, const char *text) {
    cm_buf_add_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            cm_buf_add_c(out, "'\\''");
        } else {
            cm_buf_add_char(out, *text);
        }
    }
    cm_buf_add_char(out, '\'');
}

void cm_hook_script(const char *name, const char *program, const char *data_dir, cm_buf *out) {
    /* post-rewrite learns on its standard input what became what; the last line is the tip. */
    bool rewrite = strcmp(name, "post-rewrite") == 0;
    cm_buf_add_c(out,
                 "#!/bin/sh\n" MARK
                 "tells a running codementor which files changed; see `codementor hook --help`.\n"
                 "# It never fails and never waits. A hook that was here before runs first.\n"
                 "status=0\n"
                 "before=\"$0" CM_HOOK_KEPT "\"\n");
    cm_buf_add_c(out, rewrite ? "input=$(cat)\n"
                                "if [ -x \"$before\" ]; then\n"
                                "    printf '%s\\n' \"$input\" | \"$before\" \"$@\" || status=$?\n"
                                "fi\n"
                                "set -- $(printf '%s\\n' \"$input\" | tail -n 1)\n"
                              : "if [ -x \"$before\" ]; then\n"
                                "    \"$before\" \"$@\" || status=$?\n"
                                "fi\n");
    cm_buf_add_c(out, "codementor=");
    add_quoted(out, program);
    cm_buf_add_c(out, "\n[ -x \"$codementor\" ] || codementor=$(command -v codementor) || exit "
                      "$status\n(nice \"$codementor\" hook run ");
    cm_buf_add_f(out, "%s \"$@\" --data-dir ", name);
    add_quoted(out, data_dir);
    cm_buf_add_c(out, " </dev/null >/dev/null 2>&1 &)\nexit $status\n");
}

bool cm_hook_is_ours(cm_str text) {
    return cm_str_find(text, CM_STR("\n" MARK)) != SIZE_MAX;
}
