/* cron.h - when recurring work is due: the expressions of job_schedules.cron.
 *
 *     every 15m                 s, m, h or d, from 1 s to 366 d, counted from 1970 so that all servers agree
 *     30 3 * * 1-5              minute hour day month weekday (0 and 7 are Sunday), UTC
 *
 * A field is a list of `*`, numbers and ranges, each with an optional step: `0,30`, `8-18/2`. Days are as in Vixie
 * cron: when day and weekday are both given (neither begins with `*`), either one will do. No names, no @daily, no
 * seconds, no time zones: what is not here is refused with the reason, not guessed at.
 *
 * Thread: any (values). */
#ifndef CM_STORE_JOBS_CRON_H
#define CM_STORE_JOBS_CRON_H

#include "base/err.h"
#include "base/str.h"

#define CM_CRON_BYTES_MAX 100

typedef struct cm_cron {
    int64_t every_ms; /* 0 = the fields below, bit n for value n */
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool either_day; /* day and weekday are both restricted */
} cm_cron;

/* CM_INVALID names the field; so it does for a date that never comes, such as 30 February. */
cm_rc cm_cron_parse(cm_str text, cm_cron *ret_cron, cm_err *err) cm_must_check;
/* The first moment after `wall_ms`, in milliseconds since 1970. */
int64_t cm_cron_next(const cm_cron *cron, int64_t wall_ms);

#endif
