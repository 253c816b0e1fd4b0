/* tls.h for a machine without OpenSSL's headers. */
#include "tls.h"

#include <errno.h>

tls_t *tls_open(int fd) {
    (void)fd;
    return NULL;
}

int tls_shake_hands(tls_t *tls) {
    (void)tls;
    return -1;
}

ssize_t tls_receive(tls_t *tls, void *into, size_t count) {
    (void)tls, (void)into, (void)count;
    errno = ENOTSUP;
    return -1;
}

ssize_t tls_send(tls_t *tls, const void *bytes, size_t count) {
    (void)tls, (void)bytes, (void)count;
    return -1;
}

void tls_close(tls_t *tls) { (void)tls; }
