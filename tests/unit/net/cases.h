/* cases.h - reads tests/cases/http/<name>.case: what a client sends and what it must get, byte by byte.
 *
 *     == name of the case
 *     > bytes the client sends, with \r \n \0 \t \\ \xHH; the line end of the file is not sent
 *     >x 9000 a          the same, repeated
 *     < bytes of the reply, likewise; the Date field is left out
 *     + text             a whole 200 reply of the test handler with this body
 *     ! 400 slug         a whole reply of the test's fault handler, after which the server closes
 *     = open | close | nothing   how it ends: "nothing" is no reply at all
 *     # comment */
#ifndef CM_TEST_CASES_H
#define CM_TEST_CASES_H

#include "base/buf.h"

enum http_case_end { CASE_OPEN, CASE_CLOSE, CASE_NOTHING };

#define CASES_MAX 128

typedef struct http_case {
    char name[100];
    cm_buf send;
    cm_buf expect;
    enum http_case_end end;
} http_case;

typedef struct http_cases {
    http_case items[CASES_MAX];
    size_t count;
} http_cases;

/* Fails the running test on a bad file. */
http_cases *http_cases_read(const char *name);
void http_cases_free(http_cases *cases);

#endif
