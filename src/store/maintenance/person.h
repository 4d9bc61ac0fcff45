/* person.h - what a person may ask of the database: their data, or to be forgotten.
 *
 * Driven by the catalogue: each table's flags say whether its rows are in the export and whether erasing
 * deletes, anonymises or keeps them. A table that names a person without such a rule does not compile
 * (tools/schema.py).
 *
 * All of it can be cancelled between batches (`system->cancel`) and run again.
 *
 * Thread: any that may block; each runs for a while and belongs in a job. */
#ifndef CM_STORE_MAINTENANCE_PERSON_H
#define CM_STORE_MAINTENANCE_PERSON_H

#include "base/buf.h"
#include "store/store.h"

/* One JSON file a table into `folder` (made when missing, 0700). Hashes and sealed values are left out: of keys and
 * credentials the columns `last4` and `api_key_last4` are there. `report` gets {"table": rows, ...}. */
cm_rc cm_person_export(const cm_db *system, cm_uuid person, const char *folder, cm_buf *report,
                       cm_err *err) cm_must_check;
/* The same files in one archive (ustar, 0600) at `path`, which is replaced; not synced. */
cm_rc cm_person_export_archive(const cm_db *system, cm_uuid person, const char *path,
                               cm_buf *report, cm_err *err) cm_must_check;
/* Sign-in first, then every table, the account last. Workspaces of a team go to one of its admins.
 * `report` gets {"table": rows, ...}. Can be run again after it was stopped. */
cm_rc cm_person_erase(const cm_db *system, cm_uuid person, cm_buf *report,
                      cm_err *err) cm_must_check;
/* Deletes what is kept under a consent that its person has withdrawn; `*ret_rows` counts it. */
cm_rc cm_consents_enforce(const cm_db *system, uint64_t *ret_rows, cm_err *err) cm_must_check;

/* Deletes what its retention class says is over, in batches; `*ret_rows` counts them. For a daily job,
 * and every minute for what expires by itself (`caches_only`). */
cm_rc cm_retention_run(const cm_db *system, bool caches_only, uint64_t *ret_rows,
                       cm_err *err) cm_must_check;

#endif
