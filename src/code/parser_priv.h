/* parser_priv.h - between the parts of the parser. Thread: any. */
#ifndef CM_CODE_PARSER_PRIV_H
#define CM_CODE_PARSER_PRIV_H

#include "code/parser.h"

/* The file as text: chunks by lines, no symbols. `why` must outlive `*ret_parsed`. CM_NOMEM. */
cm_rc cm_parse_as_text(const cm_parse_request *request, enum cm_parse_status status, cm_str why,
                       cm_arena *arena, cm_parsed *ret_parsed, cm_err *err) cm_must_check;

#endif
