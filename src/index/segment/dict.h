/* dict.h - a sorted table of distinct strings, each with a 64-bit value that never falls.
 *
 * Strings are front-coded in groups of 16: the head of a group is whole, the others say how many
 * bytes they share with the one before. A look-up is a binary search over group heads and at most 15
 * steps; a prefix is a range. The value is where the string's postings start, so that deltas are small.
 *
 *   u32 count, u32 groups, u32 group offsets[groups] (from the first entry), then the entries:
 *   varint shared (absent in a head), varint length of the rest, rest, varint value minus the one
 *   before (absolute in a head)
 *
 * Rejected: a hash table (no prefixes, random page faults), an FST (half the size, ten times the code).
 * Thread: readers are immutable values. */
#ifndef CM_INDEX_SEGMENT_DICT_H
#define CM_INDEX_SEGMENT_DICT_H

#include "base/buf.h"
#include "index/segment/varint.h"

#define CM_DICT_STRING_MAX 512 /* longer strings are cut before they get here */

typedef struct cm_dict_writer {
    cm_buf entries;
    cm_buf groups;
    uint32_t count;
    uint64_t last_value;
    uint32_t last_len;
    char last[CM_DICT_STRING_MAX];
} cm_dict_writer;

void cm_dict_writer_init(cm_dict_writer *w);
void cm_dict_writer_done(cm_dict_writer *w);
/* Strings in byte order, each once, values never falling. */
void cm_dict_add(cm_dict_writer *w, cm_str string, uint64_t value);
/* Appends the table to `out`; a failure of memory marks `out`. */
void cm_dict_finish(const cm_dict_writer *w, cm_buf *out);

typedef struct cm_dict {
    const uint8_t *groups; /* u32 each, maybe unaligned */
    const uint8_t *entries;
    size_t entries_len;
    uint32_t count, group_count;
} cm_dict;

/* False when the sizes do not add up. An empty slice is an empty table. */
bool cm_dict_open(cm_str bytes, cm_dict *ret_dict);
bool cm_dict_find(const cm_dict *dict, cm_str string, uint64_t *ret_value);

typedef struct cm_dict_cursor {
    const cm_dict *dict;
    cm_reader reader;
    uint32_t next; /* number of the next entry */
    bool held;     /* the current string has not been handed out yet */
    uint64_t value;
    size_t len;
    char string[CM_DICT_STRING_MAX];
} cm_dict_cursor;

/* Places the cursor before the first string >= `from`. */
void cm_dict_seek(const cm_dict *dict, cm_str from, cm_dict_cursor *ret_cursor);
/* False at the end, or where the table is damaged. The string lives until the next step. */
bool cm_dict_next(cm_dict_cursor *cursor, cm_str *ret_string, uint64_t *ret_value);

#endif
