/* multipart.h - the parts of a multipart/form-data body (RFC 7578), without copying them.
 *
 * Thread: owner. */
#ifndef CM_API_MULTIPART_H
#define CM_API_MULTIPART_H

#include "base/arena.h"
#include "base/err.h"

typedef struct cm_multipart {
    cm_str rest;             /* behind the last delimiter */
    char delimiter_text[80]; /* "\r\n--boundary" */
    size_t delimiter_len;
    cm_arena *arena;
    bool ended;
} cm_multipart;

typedef struct cm_multipart_part {
    cm_str name;     /* of the field */
    cm_str filename; /* with its folders; empty when the part is no file */
    bool is_file;
    cm_str content; /* lies in the body */
} cm_multipart_part;

/* `content_type` is the header with its boundary. CM_UNPROCESSABLE: no or a bad boundary. `arena` is
 * cleared by each cm_multipart_next: the names of a part live until the next one. */
cm_rc cm_multipart_open(cm_str content_type, cm_str body, cm_arena *arena,
                        cm_multipart *ret_multipart, cm_err *err) cm_must_check;
/* CM_END after the last one; CM_UNPROCESSABLE: torn. */
cm_rc cm_multipart_next(cm_multipart *multipart, cm_multipart_part *ret_part,
                        cm_err *err) cm_must_check;

#endif
