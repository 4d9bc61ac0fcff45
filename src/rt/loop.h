/* loop.h - N event loops (libuv), one thread each.
 *
 * A loop owns sockets and timers and never blocks. Other threads reach it in one way only: they post
 * a function with an argument, which runs on the loop's thread in order of posting. Posting wakes the
 * loop at most once per batch.
 *
 * Thread: named at each call. */
#ifndef CM_RT_LOOP_H
#define CM_RT_LOOP_H

#include "base/err.h"

struct uv_loop_s;

typedef struct cm_loops cm_loops;
typedef struct cm_loop cm_loop;
typedef void cm_loop_fn(cm_loop *loop, void *argument);

/* Starts `count` threads (0 = one per core). CM_INVALID (too many), CM_IO (the system refuses a loop or thread). */
cm_rc cm_loops_new(unsigned count, cm_loops **ret_loops, cm_err *err) cm_must_check;
/* Runs what was posted, stops all timers, joins the threads. Sockets must be closed before
 * (cm_http_server_free). Not on a loop thread. NULL is allowed. */
void cm_loops_free(cm_loops *loops);
unsigned cm_loops_count(const cm_loops *loops);
cm_loop *cm_loops_get(cm_loops *loops, unsigned index);
cm_loop *cm_loops_next(cm_loops *loops); /* any thread; each in turn */

unsigned cm_loop_index(const cm_loop *loop);
bool cm_loop_is_here(const cm_loop *loop); /* is the caller this loop's thread? */
/* Any thread. False, and `run` is never called, once cm_loops_free has begun. */
bool cm_loop_post(cm_loop *loop, cm_loop_fn *run, void *argument);
/* Any thread but a loop's: runs `run` on the loop and waits until it has returned. */
void cm_loop_call(cm_loop *loop, cm_loop_fn *run, void *argument);
/* Loop thread only: for code that makes its own handles (net/). */
struct uv_loop_s *cm_loop_uv(cm_loop *loop);

/* Timers: made, moved and freed on the loop's thread only. */
typedef struct cm_timer cm_timer;

cm_timer *cm_timer_new(cm_loop *loop, cm_loop_fn *run, void *argument); /* not started */
/* First after `after_ms`, then each `every_ms` (0 = once). Starting again moves it. */
void cm_timer_start(cm_timer *timer, uint64_t after_ms, uint64_t every_ms);
void cm_timer_stop(cm_timer *timer);
void cm_timer_free(cm_timer *timer); /* also inside its own callback; NULL is allowed */

#endif
