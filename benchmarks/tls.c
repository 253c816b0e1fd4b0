/* tls.h by OpenSSL (SSL_read(3), SSL_write(3)).
 *
 * OpenSSL reads ahead, so that a large update is a few system calls. What lies in there is not told by epoll: whoever
 * reads has to go on until nothing has come.
 */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { READ_AHEAD = 1 << 17 };

static SSL_CTX *context(void) {
    static SSL_CTX *made;
    if (!made && (made = SSL_CTX_new(TLS_client_method()))) {
        SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_read_ahead(made, 1);
        SSL_CTX_set_default_read_buffer_len(made, READ_AHEAD);
    }
    return made;
}

tls_t *tls_open(int fd) {
    SSL *ssl = context() ? SSL_new(context()) : NULL;
    if (!ssl) return NULL;
    SSL_set_connect_state(ssl);
    if (SSL_set_fd(ssl, fd) == 1 && tls_shake_hands((tls_t *)ssl) >= 0) return (tls_t *)ssl;
    SSL_free(ssl);
    return NULL;
}

/* Whether only time is missing. A write that waits would be one: the handshake's messages are small. */
static int has_to_wait(SSL *ssl, int result) {
    return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

int tls_shake_hands(tls_t *tls) {
    ERR_clear_error();
    int result = SSL_do_handshake((SSL *)tls);
    if (result == 1) return 1;
    return has_to_wait((SSL *)tls, result) ? 0 : -1;
}

ssize_t tls_receive(tls_t *tls, void *into, size_t count) {
    size_t got;
    ERR_clear_error();
    int result = SSL_read_ex((SSL *)tls, into, count, &got);
    if (result == 1) return (ssize_t)got;
    errno = has_to_wait((SSL *)tls, result) ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t tls_send(tls_t *tls, const void *bytes, size_t count) {
    size_t done;
    ERR_clear_error();
    return SSL_write_ex((SSL *)tls, bytes, count, &done) == 1 ? (ssize_t)done : -1;
}

void tls_close(tls_t *tls) { SSL_free((SSL *)tls); }
