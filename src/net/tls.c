/* tls.c - see tls.h and tls_priv.h.
 *
 * OpenSSL works on memory BIOs: the loop reads and writes the socket, this turns cipher text into
 * plain text and back. Rejected: SSL_set_fd, which would give TLS its own way through every state of
 * a connection, and its own readiness rules. */
#include "net/tls_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

struct cm_tls {
    SSL_CTX *context;
};

struct cm_tls_session {
    SSL *ssl;
    BIO *in;  /* owned by ssl */
    BIO *out; /* owned by ssl */
};

/* --- the server's identity --- */

/* RFC 7301: a client that offers protocols and not ours is refused, one that offers none is fine. */
static int select_protocol(SSL *ssl, const unsigned char **ret_out, unsigned char *ret_len,
                           const unsigned char *offered, unsigned len, void *argument) {
    (void)ssl;
    (void)argument;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static cm_rc fail_ssl(cm_err *err, const char *what, const char *file) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return cm_fail(err, CM_INVALID, "%s '%s': %s", what, file, reason ? reason : "not readable");
}

static cm_rc check_readable(const char *what, const char *file, cm_err *err) {
    if (access(file, R_OK)) {
        return cm_fail_errno(err, errno, "cannot read %s '%s'", what, file);
    }
    return CM_OK;
}

static cm_rc load(SSL_CTX *context, const char *certificate_file, const char *key_file,
                  cm_err *err) {
    cm_rc rc = check_readable("TLS certificate", certificate_file, err);
    rc = rc ? rc : check_readable("TLS key", key_file, err);
    if (rc) {
        return rc;
    }
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1) {
        return fail_ssl(err, "cannot use TLS certificate", certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return fail_ssl(err, "cannot use TLS key", key_file);
    }
    return CM_OK;
}

cm_rc cm_tls_new(const char *certificate_file, const char *key_file, cm_tls **ret_tls,
                 cm_err *err) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) {
        return cm_fail(err, CM_NOMEM, "no memory for a TLS context");
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);         /* idle connections keep none */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets resume */
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    cm_rc rc = load(context, certificate_file, key_file, err);
    if (rc) {
        SSL_CTX_free(context);
        return rc;
    }
    cm_tls *tls = CM_NEW(cm_tls);
    tls->context = context;
    *ret_tls = tls;
    return CM_OK;
}

void cm_tls_free(cm_tls *tls) {
    if (tls) {
        SSL_CTX_free(tls->context);
        cm_free(tls);
    }
}

/* --- one connection --- */

cm_tls_session *cm_tls_session_new(const cm_tls *tls) {
    cm_tls_session *session = CM_NEW(cm_tls_session);
    session->ssl = SSL_new(tls->context);
    session->in = BIO_new(BIO_s_mem());
    session->out = BIO_new(BIO_s_mem());
    if (!session->ssl || !session->in || !session->out) {
        BIO_free(session->in);
        BIO_free(session->out);
        SSL_free(session->ssl);
        cm_free(session);
        return NULL;
    }
    SSL_set_bio(session->ssl, session->in, session->out);
    SSL_set_accept_state(session->ssl);
    return session;
}

void cm_tls_session_free(cm_tls_session *session) {
    if (session) {
        SSL_free(session->ssl);
        cm_free(session);
    }
}

bool cm_tls_session_ready(const cm_tls_session *session) {
    return SSL_is_init_finished(session->ssl) != 0;
}

static cm_rc fail_session(cm_err *err) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return cm_fail(err, CM_IO, "TLS failed: %s", reason ? reason : "protocol error");
}

cm_rc cm_tls_session_feed(cm_tls_session *session, cm_str cipher, cm_err *err) {
    if (BIO_write(session->in, cipher.ptr, (int)cipher.len) != (int)cipher.len) {
        return cm_fail(err, CM_NOMEM, "no memory for TLS input");
    }
    return CM_OK;
}

cm_rc cm_tls_session_read(cm_tls_session *session, char *plain, size_t max, size_t *ret_len,
                          cm_err *err) {
    ERR_clear_error(); /* the queue belongs to the thread, not to the session */
    size_t len = 0;
    if (SSL_read_ex(session->ssl, plain, max, &len) == 1) {
        *ret_len = len;
        return CM_OK;
    }
    switch (SSL_get_error(session->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: *ret_len = 0; return CM_OK;
    case SSL_ERROR_ZERO_RETURN: return cm_fail(err, CM_END, "the client has closed");
    default: return fail_session(err);
    }
}

cm_rc cm_tls_session_write(cm_tls_session *session, cm_str plain, cm_err *err) {
    ERR_clear_error();
    size_t written = 0;
    if (SSL_write_ex(session->ssl, plain.ptr, plain.len, &written) != 1 || written != plain.len) {
        return fail_session(err);
    }
    return CM_OK;
}

void cm_tls_session_end(cm_tls_session *session) {
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

void cm_tls_session_take(cm_tls_session *session, cm_buf *out) {
    size_t len = BIO_ctrl_pending(session->out);
    char *room = len ? cm_buf_reserve(out, len) : NULL;
    size_t got = 0;
    if (room && BIO_read_ex(session->out, room, len, &got) == 1) {
        out->len += got;
    }
}
