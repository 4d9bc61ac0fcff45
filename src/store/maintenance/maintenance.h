/* maintenance.h - the work the database does for itself: which jobs there are, and when they are due.
 *
 * The table `cm_maintenance_jobs` is given to the runner (jobs.h) by `codementor serve` and by the commands
 * `jobs run` and `user`. Each row that has a cron is also a schedule, seeded at the first start and the
 * administrator's from then on.
 *
 * Thread: any that may block. */
#ifndef CM_STORE_MAINTENANCE_MAINTENANCE_H
#define CM_STORE_MAINTENANCE_MAINTENANCE_H

#include "store/jobs/jobs.h"

/* The `argument` of the runner. */
typedef struct cm_maintenance {
    const char *data_dir; /* blobs lie below it, and the index of what an erased person owned */
    /* Rows of repositories went: what is open of them is to be closed, out of memory and off the disk. NULL = nothing
     * is open in this process. */
    cm_rc (*close_deleted)(void *argument, cm_err *err);
    void *argument;
} cm_maintenance;

extern const cm_job_type cm_maintenance_jobs[];
extern const size_t cm_maintenance_job_count;

/* Runner options for these jobs; both arguments must outlive the runner. */
cm_jobs_options cm_maintenance_options(cm_store *store, cm_maintenance *maintenance);

/* Also asked for at each start of a server on PostgreSQL: the setting may have changed. */
#define CM_JOB_VECTOR_INDEX "vector_index"

/* --- What a person asks for ------------------------------------------------------------------- */

#define CM_DATA_REQUEST_DAYS 30 /* the law's month */

enum cm_data_request_kind {
    CM_DATA_REQUEST_EXPORT,
    CM_DATA_REQUEST_ERASE,    /* its job fails (CM_INVALID) while a restriction is in force */
    CM_DATA_REQUEST_RESTRICT, /* keep and do not use (GDPR, article 18), until it is lifted */
};

typedef struct cm_data_request_new {
    cm_uuid person;
    enum cm_data_request_kind kind;
    const char *folder; /* of an export; NULL = one archive, a blob that is removed after a week */
} cm_data_request_new;

/* Writes the request and adds its job in one transaction. */
cm_rc cm_data_request_add(cm_store *store, const cm_data_request_new *request, cm_uuid *ret_request,
                          cm_uuid *ret_job, cm_err *err) cm_must_check;

/* Ends every restriction of that person; the audit log, whose key lies in `data_dir`, says so.
 * CM_NOT_FOUND: none is in force. */
cm_rc cm_restriction_lift(cm_store *store, const char *data_dir, cm_uuid person,
                          cm_err *err) cm_must_check;

#endif
