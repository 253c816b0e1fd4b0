/* A peer: libvncserver with its defaults, one thread, over a framebuffer in memory.
 *
 *   lvs PORT CANVAS_FD      stdin: what changed, as painter.c tells it
 */
#include <rfb/rfb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "scenes.h"

enum { WIDTH = 1920, HEIGHT = 1080 };

static void read_exactly(void *into, size_t count) {
    for (char *to = into; count;) {
        ssize_t got = read(0, to, count);
        if (got <= 0) exit(0);
        to += got, count -= got;
    }
}

static void take_changes(rfbScreenInfoPtr screen) {
    int32_t count;
    rect_t rects[MAX_RECTS];
    read_exactly(&count, 4);
    if (count < 0 || count > MAX_RECTS) exit(1);
    read_exactly(rects, count * sizeof(rect_t));
    for (int i = 0; i < count; i++)
        rfbMarkRectAsModified(screen, rects[i].x, rects[i].y, rects[i].x + rects[i].width,
                              rects[i].y + rects[i].height);
}

int main(int argc, char **argv) {
    int none = 0;
    if (argc < 3) return 2;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    rfbLogEnable(0);
    rfbScreenInfoPtr screen = rfbGetScreen(&none, NULL, WIDTH, HEIGHT, 8, 3, 4);
    screen->frameBuffer = mmap(NULL, WIDTH * HEIGHT * 4, PROT_READ, MAP_SHARED, atoi(argv[2]), 0);
    screen->serverFormat.redShift = 16, screen->serverFormat.greenShift = 8, screen->serverFormat.blueShift = 0;
    screen->port = atoi(argv[1]), screen->ipv6port = -1;
    screen->listenInterface = htonl(INADDR_LOOPBACK);
    screen->alwaysShared = TRUE;
    screen->cursor = NULL;
    rfbInitServer(screen);
    for (;;) {
        fd_set ready = screen->allFds;
        struct timeval timeout = {0, screen->deferUpdateTime * 1000};
        FD_SET(0, &ready);
        select(screen->maxFd + 1, &ready, NULL, NULL, &timeout);
        if (FD_ISSET(0, &ready)) take_changes(screen);
        rfbProcessEvents(screen, 0);
    }
}
