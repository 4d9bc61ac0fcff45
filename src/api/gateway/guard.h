/* guard.h - questions about request headers that the gateway asks before any work. Pure functions.
 *
 * In local mode no credential is asked for, so the server must know that a request really comes from
 * a program of this machine: a web page could make the user's browser send one (cross-site request),
 * or point its own domain at 127.0.0.1 (DNS rebinding). The browser cannot forge `Host` and
 * `Origin`, so both are looked at. A Unix socket is out of a browser's reach.
 *
 * Thread: any. */
#ifndef CM_API_GATEWAY_GUARD_H
#define CM_API_GATEWAY_GUARD_H

#include "base/str.h"

/* localhost, 127.0.0.0/8 or [::1], with or without a port. */
bool cm_guard_host_is_loopback(cm_str host);
/* `origin` is this very server ("http://127.0.0.1:8012" for Host "127.0.0.1:8012"), or listed. */
bool cm_guard_origin_allowed(cm_str origin, cm_str host, bool tls, cm_str_list allowed);
/* Sec-Fetch-Site says that the page asking is of this very origin, or that no page asks (the address bar). A page of
 * another port of this machine is "same-site" and no more trusted than one from elsewhere. */
bool cm_guard_fetch_site_allowed(cm_str site);
/* `value` is `type` with any parameters but a charset other than UTF-8. */
bool cm_guard_content_type_is(cm_str value, const char *type);
/* An Accept header ("text/html, application/json;q=0.5") lets one of `types` pass. */
bool cm_guard_accepts(cm_str accept, const char *const *types);
/* ^[A-Za-z0-9._-]{1,128}$ */
bool cm_guard_request_id_ok(cm_str id);
/* `list` ("handling=strict, wait=1") has `word`. */
bool cm_guard_has_word(cm_str list, const char *word);

#endif
