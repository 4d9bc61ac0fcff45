/* schema_priv.h - shared by the files of schema.h only. */
#ifndef CM_BASE_SCHEMA_PRIV_H
#define CM_BASE_SCHEMA_PRIV_H

#include "base/schema.h"

/* Like cm_schema_decode for an object; pointers of faults begin with `root`. `object` NULL = empty. */
bool cm_schema_decode_object(const cm_schema *schema, const json_t *object, const char *root,
                             bool strict, cm_arena *arena, void *out,
                             cm_faults *faults) cm_must_check;

#endif
