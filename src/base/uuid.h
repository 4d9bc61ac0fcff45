/* uuid.h - UUIDs (RFC 9562): version 7 made here, version 8 computed from content.
 * Thread: any. */
#ifndef CM_BASE_UUID_H
#define CM_BASE_UUID_H

#include "base/str.h"

#define CM_UUID_TEXT 37 /* 36 characters and NUL */

typedef struct cm_uuid {
    uint8_t bytes[16];
} cm_uuid;

/* Sortable: values made by one process never go back, also within one millisecond and when the
 * clock does (RFC 9562 section 6.2, method 1 with a 12-bit counter kept across threads). */
cm_uuid cm_uuid_v7(void);
/* Version 8 from the 128-bit XXH3 of the parts, each preceded by its length, so that ("a","bc")
 * and ("ab","c") differ. Used for ids of files, symbols and chunks. */
cm_uuid cm_uuid_v8(const cm_str *parts, size_t count);
void cm_uuid_format(const cm_uuid *id, char text[CM_UUID_TEXT]); /* lower case */
/* 36 characters, either case, any version. */
bool cm_uuid_parse(cm_str text, cm_uuid *ret_id);
bool cm_uuid_eq(const cm_uuid *a, const cm_uuid *b);
bool cm_uuid_is_nil(const cm_uuid *id);
/* Milliseconds since 1970 of a version 7 value; -1 for other versions. */
int64_t cm_uuid_v7_ms(const cm_uuid *id);

#endif
