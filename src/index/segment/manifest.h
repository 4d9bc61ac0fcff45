/* manifest.h - which segments of a repository are live, written so that a crash leaves the old list
 * or the new one.
 *
 *   codementor-index 2
 *   generation 12
 *   next 5                         the number the next segment folder gets
 *   root /home/ada/project         percent-encoded: no control characters, no '%'
 *   options 00c0ffee00c0ffee       hash of the options the segments were made with
 *   segment 3 120                  folder seg-3 with 120 documents
 *   dead 3 0-4,9                   documents of segment 3 that have been replaced or removed
 *   end 8badf00d8badf00d           XXH3 of all bytes above
 *
 * Text, because it is small, read once, and a person must be able to see what is wrong.
 * Thread: owner. */
#ifndef CM_INDEX_SEGMENT_MANIFEST_H
#define CM_INDEX_SEGMENT_MANIFEST_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "index/segment/bitmap.h"

typedef struct cm_manifest_segment {
    uint64_t number;
    uint32_t documents;
    cm_bitmap *dead; /* NULL = none */
} cm_manifest_segment;

typedef struct cm_manifest {
    uint64_t generation;
    uint64_t next_segment;
    uint64_t options;
    char *root;
    CM_VEC(cm_manifest_segment) segments;
} cm_manifest;

void cm_manifest_done(cm_manifest *manifest);
/* Writes `<folder>/MANIFEST-<generation>` and removes older ones. CM_STORAGE_FULL, CM_IO. */
cm_rc cm_manifest_write(const char *folder, const cm_manifest *manifest, cm_err *err) cm_must_check;
/* The newest that is whole. CM_NOT_FOUND: there is none; CM_CORRUPT: all are damaged. */
cm_rc cm_manifest_read(const char *folder, cm_manifest *ret_manifest, cm_err *err) cm_must_check;
/* For the fuzzer and for cm_manifest_read. CM_CORRUPT. */
cm_rc cm_manifest_parse(cm_str text, cm_manifest *ret_manifest, cm_err *err) cm_must_check;

#endif
