/* limits.h - bounds that are not settings, each with its reason.
 *
 * What an operator may want to change lives in spec/options.toml instead. */
#ifndef CM_BASE_LIMITS_H
#define CM_BASE_LIMITS_H

#define CM_HEADER_BYTES_MAX (16 * 1024)  /* request line and header block: 431 above */
#define CM_URL_BYTES_MAX    (8 * 1024)   /* 414 above */
#define CM_JSON_DEPTH_MAX   64           /* nesting; deeper bodies are attacks or accidents */
#define CM_JSON_VALUES_MAX  100000       /* values in one body: bounds the DOM's memory */
#define CM_REPO_PATH_MAX    1024         /* repository-relative path, api.md 1.3 */
#define CM_QUERY_BYTES_MAX  4000         /* one search question */
#define CM_SSE_EVENT_MAX    (64 * 1024)  /* one event */
#define CM_SSE_BEHIND_MAX   (256 * 1024) /* a consumer further behind is dropped */
#define CM_LINE_BYTES_MAX   (64 * 1024)  /* source lines longer than this are not parsed */

#endif
