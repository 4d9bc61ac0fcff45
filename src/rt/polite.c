/* polite.c - see polite.h. */
#include "rt/polite.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE \
    10 /* a tenth of the share of an ordinary thread, yet never starved as SCHED_IDLE may be */

/* linux/ioprio.h is not on every machine. */
#define IO_WHO_THREAD    1
#define IO_BEST_EFFORT   2
#define IO_CLASS_SHIFT   13
#define IO_LOWEST        7
#define IO_PRIORITY_LAST (IO_BEST_EFFORT << IO_CLASS_SHIFT | IO_LOWEST)

void cm_thread_make_polite(void) {
    id_t thread = (id_t)gettid();
    if (getpriority(PRIO_PROCESS, thread) < NICE) { /* Linux takes a thread's id here */
        (void)!setpriority(PRIO_PROCESS, thread, NICE);
    }
    (void)!syscall(SYS_ioprio_set, IO_WHO_THREAD, thread, IO_PRIORITY_LAST);
}
