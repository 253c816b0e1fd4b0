/* TLS as its client, over a socket that does not block. The certificate is not looked at.
 *
 * tls.c is OpenSSL; notls.c is for a load generator that was built without it: `tls_open` returns NULL there.
 */
#ifndef TLS_H
#define TLS_H
#include <stddef.h>
#include <sys/types.h>

typedef struct tls tls_t;

tls_t *tls_open(int fd);                                     /* begins the handshake */
int tls_shake_hands(tls_t *tls);                             /* 1: it is over, 0: more has to come, -1: it failed */
ssize_t tls_receive(tls_t *tls, void *into, size_t count);   /* as recv: -1 and EAGAIN if nothing has come */
ssize_t tls_send(tls_t *tls, const void *bytes, size_t count);  /* all, or -1 */
void tls_close(tls_t *tls);                                  /* not the socket; NULL is fine */
#endif
