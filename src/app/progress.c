/* progress.c - see progress.h. */
#include "base/base.h"

#include <unistd.h>

#include "app/progress.h"
#include "base/clock.h"

#define BAR_WIDTH   28
#define TERMINAL_NS 100000000ull  /* ten times a second at most */
#define PLAIN_NS    5000000000ull /* elsewhere a line every five seconds */

void cm_progress_init(cm_progress *progress, const char *what, bool quiet) {
    *progress = (cm_progress){.what = what, .quiet = quiet, .shown = -1};
    progress->terminal = isatty(STDERR_FILENO) == 1;
}

void cm_progress_show(cm_progress *progress, double done, const char *detail) {
    uint64_t now = cm_clock_ns();
    uint64_t every = progress->terminal ? TERMINAL_NS : PLAIN_NS;
    bool first = progress->shown < 0, last = done >= 1 && progress->shown < 1;
    if (progress->quiet || (!first && !last && now - progress->shown_ns < every)) {
        return;
    }
    progress->shown = done;
    progress->shown_ns = now;
    if (!progress->terminal) {
        fprintf(stderr, "%s: %3.0f %% %s\n", progress->what, done * 100, detail);
        return;
    }
    char bar[BAR_WIDTH + 1];
    int full = (int)(done * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < full ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %% %s", progress->what, bar, done * 100, detail);
}

void cm_progress_end(cm_progress *progress) {
    if (progress->terminal && !progress->quiet && progress->shown >= 0) {
        fputc('\n', stderr);
    }
}
