/* TLS against OpenSSL's own client, with a certificate made here. */
#include "net/tls.h"

#include "base/mem.h"
#include "net/harness.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

typedef struct files {
    char directory[32];
    char certificate[64];
    char key[64];
    char other_key[64];
    EVP_PKEY *keys[2];
} files;

static void write_key(const char *path, EVP_PKEY *key) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void write_certificate(const char *path, EVP_PKEY *key) {
    X509 *x509 = X509_new();
    assert_non_null(x509);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, x509), 1);
    fclose(file);
    X509_free(x509);
}

static int make_files(void **state) {
    files *f = CM_NEW(files);
    snprintf(f->directory, sizeof(f->directory), "/tmp/cm-tls-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->certificate, sizeof(f->certificate), "%s/cert.pem", f->directory);
    snprintf(f->key, sizeof(f->key), "%s/key.pem", f->directory);
    snprintf(f->other_key, sizeof(f->other_key), "%s/other.pem", f->directory);
    f->keys[0] = EVP_EC_gen("P-256");
    f->keys[1] = EVP_EC_gen("P-256");
    write_key(f->key, f->keys[0]);
    write_key(f->other_key, f->keys[1]);
    write_certificate(f->certificate, f->keys[0]);
    *state = f;
    return 0;
}

static int remove_files(void **state) {
    files *f = *state;
    unlink(f->certificate);
    unlink(f->key);
    unlink(f->other_key);
    rmdir(f->directory);
    EVP_PKEY_free(f->keys[0]);
    EVP_PKEY_free(f->keys[1]);
    cm_free(f);
    return 0;
}

static cm_tls *tls_of(const files *f) {
    cm_tls *tls = NULL;
    cm_err err;
    if (cm_tls_new(f->certificate, f->key, &tls, &err)) {
        fail_msg("%s", err.text);
    }
    return tls;
}

typedef struct secure {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
} secure;

/* `version` is the highest one offered; `protocols` in ALPN's wire form, or NULL. */
static bool secure_open(const harness *h, int version, const char *protocols, secure *ret_client) {
    secure c = {.context = SSL_CTX_new(TLS_client_method()), .fd = client_open(h)};
    SSL_CTX_set_security_level(c.context, 0); /* so that TLS 1.1 can be tried at all */
    SSL_CTX_set_min_proto_version(c.context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c.context, version);
    c.ssl = SSL_new(c.context);
    if (protocols) {
        SSL_set_alpn_protos(c.ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
    }
    SSL_set_fd(c.ssl, c.fd);
    *ret_client = c;
    return SSL_connect(c.ssl) == 1;
}

static void secure_close(secure *c) {
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
    ERR_clear_error();
}

static void secure_ask(secure *c, cm_str request, size_t want, cm_buf *got) {
    char bytes[16384];
    size_t len;
    assert_int_equal(SSL_write_ex(c->ssl, request.ptr, request.len, &len), 1);
    while (got->len < want &&
           SSL_read_ex(c->ssl, bytes, CM_MIN(sizeof(bytes), want - got->len), &len) == 1) {
        cm_buf_add(got, bytes, len);
    }
}

static void check_round_trip(const files *f, int version, const char *name) {
    cm_tls *tls = tls_of(f);
    harness *h = harness_new(NULL, 2, "127.0.0.1:0", tls);
    secure c;
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&got, CM_MIB(8));
    assert_true(secure_open(h, version, "\x02h2\x08http/1.1", &c));
    assert_string_equal(SSL_get_version(c.ssl), name);
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(c.ssl, &protocol, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(protocol, "http/1.1", 8);
    secure_ask(&c, CM_STR(GET), 83, &got);
    assert_true(buf_has(&got, "GET /a?|"));
    cm_buf_clear(&got);
    secure_ask(&c, CM_STR("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), SIZE_MAX,
               &got);
    assert_true(got.len > HARNESS_BIG);
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    secure_close(&c);
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__round_trip_in_1_3(void **state) {
    check_round_trip(*state, TLS1_3_VERSION, "TLSv1.3");
}

static void test_net_tls__round_trip_in_1_2(void **state) {
    check_round_trip(*state, TLS1_2_VERSION, "TLSv1.2");
}

static void test_net_tls__old_versions_and_foreign_protocols_are_refused(void **state) {
    cm_tls *tls = tls_of(*state);
    harness *h = harness_new(NULL, 1, "127.0.0.1:0", tls);
    secure c;
    assert_false(secure_open(h, TLS1_1_VERSION, NULL, &c));
    secure_close(&c);
    assert_false(secure_open(h, TLS1_3_VERSION, "\x02h2", &c));
    secure_close(&c);
    assert_true(secure_open(h, TLS1_3_VERSION, NULL, &c)); /* no offer is fine */
    secure_close(&c);
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__bodies_and_pipelines_pass(void **state) {
    cm_tls *tls = tls_of(*state);
    harness *h = harness_new(NULL, 1, "127.0.0.1:0", tls);
    secure c;
    cm_cleanup(cm_buf_done) cm_buf body;
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&body, CM_MIB(8));
    cm_buf_init(&got, CM_MIB(1));
    cm_buf_add_f(&body,
                 "POST /upload HTTP/1.1\r\nHost: x\r\nX-Quiet: 1\r\nContent-Length: %d\r\n\r\n",
                 2 << 20);
    cm_buf_add_repeat(&body, 'u', 2 << 20);
    cm_buf_add_c(&body, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_true(secure_open(h, TLS1_3_VERSION, NULL, &c));
    secure_ask(&c, cm_buf_str(&body), SIZE_MAX, &got);
    const char *first = strstr(cm_buf_c(&got), "POST /upload?|2097152");
    const char *second = strstr(cm_buf_c(&got), "GET /later?|");
    const char *third = strstr(cm_buf_c(&got), "GET /last?|");
    assert_true(first && first < second && second < third);
    secure_close(&c);
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__handshake_has_a_deadline(void **state) {
    cm_tls *tls = tls_of(*state);
    const cm_http_config config = {.handshake_ms = 40};
    harness *h = harness_new(&config, 1, "127.0.0.1:0", tls);
    int fd = client_open(h);
    client_send(fd, CM_STR("\x16\x03\x01")); /* the beginning of a hello */
    assert_true(client_is_closed(fd));
    close(fd);
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__plain_text_is_not_answered(void **state) {
    cm_tls *tls = tls_of(*state);
    harness *h = harness_new(NULL, 1, "127.0.0.1:0", tls);
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&got, CM_KIB(4));
    client_ask(h, GET, &got);
    assert_false(buf_has(&got, "HTTP/1.1"));
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__leaving_client_fires_the_cancel(void **state) {
    cm_tls *tls = tls_of(*state);
    harness *h = harness_new(NULL, 1, "127.0.0.1:0", tls);
    secure c;
    size_t len;
    assert_true(secure_open(h, TLS1_3_VERSION, NULL, &c));
    assert_int_equal(SSL_write_ex(c.ssl, "GET /hold HTTP/1.0\r\n\r\n", 22, &len), 1);
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    assert_true(cm_exchange_head(ex)->tls);
    assert_true(cm_exchange_stream_begin(ex, 200, NULL, 0));
    secure_close(&c);
    assert_true(gate_wait(&h->done, 1));
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(ex)), CM_CANCEL_USER);
    cm_exchange_stream_end(ex);
    cm_exchange_unref(ex);
    harness_free(h);
    cm_tls_free(tls);
}

static void test_net_tls__bad_files_are_named(void **state) {
    const files *f = *state;
    cm_tls *tls = NULL;
    cm_err err;
    assert_int_equal(cm_tls_new("/nowhere/cert.pem", f->key, &tls, &err), CM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/cert.pem"));
    assert_int_equal(cm_tls_new(f->certificate, "/nowhere/key.pem", &tls, &err), CM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/key.pem"));
    assert_int_equal(cm_tls_new(f->key, f->key, &tls, &err), CM_INVALID);
    assert_non_null(strstr(err.text, f->key));
    assert_int_equal(cm_tls_new(f->certificate, f->other_key, &tls, &err), CM_INVALID);
    assert_non_null(strstr(err.text, f->other_key));
    assert_null(tls);
    cm_tls_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_tls__round_trip_in_1_3),
        cmocka_unit_test(test_net_tls__round_trip_in_1_2),
        cmocka_unit_test(test_net_tls__old_versions_and_foreign_protocols_are_refused),
        cmocka_unit_test(test_net_tls__bodies_and_pipelines_pass),
        cmocka_unit_test(test_net_tls__handshake_has_a_deadline),
        cmocka_unit_test(test_net_tls__plain_text_is_not_answered),
        cmocka_unit_test(test_net_tls__leaving_client_fires_the_cancel),
        cmocka_unit_test(test_net_tls__bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
