/* clock.h - time, through one door that tests can turn by hand. Thread: any. */
#ifndef CM_BASE_CLOCK_H
#define CM_BASE_CLOCK_H

#include "base/base.h"
#include "base/str.h"

uint64_t cm_clock_ns(void);        /* monotonic, from an arbitrary start */
uint64_t cm_clock_ms(void);        /* the same in milliseconds */
int64_t cm_clock_wall_ms(void);    /* milliseconds since 1970 UTC; may jump */
uint64_t cm_clock_thread_ns(void); /* CPU time of the calling thread */

/* Tests: from now on all clocks stand still at these values until moved (both NULL-safe to repeat). */
void cm_clock_fake(uint64_t monotonic_ns, int64_t wall_ms);
void cm_clock_fake_advance(uint64_t ns);
void cm_clock_real(void);

#define CM_TIME_TEXT_MAX 32
/* "2026-11-22T10:00:00.000Z" (RFC 3339, UTC). */
cm_str cm_time_format(int64_t wall_ms, char text[CM_TIME_TEXT_MAX]);
/* Any RFC 3339 time, with offset; false when it is not one. */
bool cm_time_parse(cm_str text, int64_t *ret_wall_ms);

#endif
