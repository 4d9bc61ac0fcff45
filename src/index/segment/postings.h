/* postings.h - in which chunks a word occurs, and how often in which field.
 *
 *   varint count
 *   when count > 128: u32 pairs for each block of 128 but the last: its last chunk, and where the next
 *   block starts, counted from the first entry
 *   entries: varint (chunk minus the one before) * 2 + s; s = 1: once in the body and nowhere else;
 *   s = 0: a byte with two bits each for body, name, comment and path, 3 = a varint minus 3 follows
 *
 * Half of all entries are the one-byte form plus nothing. The pairs let a conjunction or a late, common
 * word of a long question skip most of a list.
 *
 * Thread: owner (values); the bytes are immutable. */
#ifndef CM_INDEX_SEGMENT_POSTINGS_H
#define CM_INDEX_SEGMENT_POSTINGS_H

#include "index/segment/varint.h"

typedef struct cm_posting {
    uint32_t chunk;
    uint32_t body, name, comment, path;
} cm_posting;

/* `postings` by chunk, each once. */
void cm_postings_write(const cm_posting *postings, size_t count, cm_buf *out);

typedef struct cm_postings {
    cm_reader reader;
    const uint8_t *skips; /* unaligned u32 pairs */
    const uint8_t *entries;
    uint32_t count;
    uint32_t next;  /* number of the next entry */
    cm_posting now; /* after cm_postings_next or _seek returned true */
} cm_postings;

/* The list that starts at `offset` of the section. False when it is damaged. */
bool cm_postings_open(cm_str section, uint64_t offset, cm_postings *ret_postings);
/* False at the end, or where the list is damaged. */
bool cm_postings_next(cm_postings *p);
/* Moves to the first entry with chunk >= `chunk`, never back. */
bool cm_postings_seek(cm_postings *p, uint32_t chunk);

#endif
