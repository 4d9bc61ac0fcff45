/* tls_priv.h - one TLS connection over memory: cipher text in and out, plain text out and in.
 *
 * No sockets here, so that the connection has one way of reading, writing and timing for both kinds.
 *
 * Thread: owner. */
#ifndef CM_NET_TLS_PRIV_H
#define CM_NET_TLS_PRIV_H

#include "base/buf.h"
#include "net/tls.h"

typedef struct cm_tls_session cm_tls_session;

cm_tls_session *cm_tls_session_new(const cm_tls *tls);    /* NULL when out of memory */
void cm_tls_session_free(cm_tls_session *session);        /* NULL is allowed */
bool cm_tls_session_ready(const cm_tls_session *session); /* the handshake is complete */

/* Cipher text from the client. */
cm_rc cm_tls_session_feed(cm_tls_session *session, cm_str cipher, cm_err *err) cm_must_check;
/* Plain text, as far as there is any: `*ret_len` 0 when more cipher text is needed. CM_END after the
 * client's close notice. */
cm_rc cm_tls_session_read(cm_tls_session *session, char *plain, size_t max, size_t *ret_len,
                          cm_err *err) cm_must_check;
cm_rc cm_tls_session_write(cm_tls_session *session, cm_str plain, cm_err *err) cm_must_check;
void cm_tls_session_end(cm_tls_session *session); /* our close notice */
/* Appends the cipher text that has to go to the client. */
void cm_tls_session_take(cm_tls_session *session, cm_buf *out);

#endif
