/* tls.h - a server's certificate and key: TLS 1.2 and 1.3, ALPN "http/1.1".
 *
 * Thread: any after cm_tls_new; the object is immutable. */
#ifndef CM_NET_TLS_H
#define CM_NET_TLS_H

#include "base/err.h"

typedef struct cm_tls cm_tls;

/* PEM files; the certificate file holds the chain, leaf first. CM_NOT_FOUND, CM_DENIED, CM_INVALID
 * (not PEM, or the key does not belong to the certificate); the text names the file. */
cm_rc cm_tls_new(const char *certificate_file, const char *key_file, cm_tls **ret_tls,
                 cm_err *err) cm_must_check;
void cm_tls_free(cm_tls *tls); /* NULL is allowed */

#endif
