/* The load generator: many viewers in one process, told what to do on stdin, answering on stdout.
 *
 *   viewers PORT [watch X Y WIDTH HEIGHT time|press] [web] [tls] [fence] [continuous] ENCODING...
 *
 *   grow N    have N viewers (at most 50 of them at a time in the handshake)
 *   stop K    the first K viewers stop reading            go      they read again
 *   mark      one line of JSON: what happened since the last mark
 *   (end of file: exit)
 *
 * web: through WebSockets. tls: encrypted, viewers by VeNCrypt's X509None, WebSockets from the first byte.
 * watch: one rectangle is asked for (Raw), and its first pixel is looked at whenever it comes. `time`: its colour is
 * the time of painting (painter.c, mark). `press`: a button is pressed in it until it changes, then again.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "follow.h"

enum { MAX_VIEWERS = 4096, MAX_SAMPLES = 65536, IN_HANDSHAKE = 50, STALL_MS = 500, PRESS_EVERY_MS = 60 };

static viewer_t *viewers[MAX_VIEWERS];
static int count, wanted, paused, port, poller;
static profile_t profile;
static int samples[MAX_SAMPLES], sample_count; /* microseconds */
static int presses;
static int64_t pressed_ns, next_press_ns;

static void note(int64_t microseconds) {
    if (sample_count < MAX_SAMPLES) samples[sample_count++] = (int)microseconds;
}

/* -- what is watched */

static void on_time(viewer_t *viewer, uint32_t pixel) {
    static uint32_t last = 0x123456; /* the colour of a mark that was never painted */
    if (pixel != last && viewer->is_ready) note(((now_ns() / 1000) - pixel) & 0xffffff);
    last = pixel;
}

static void pointer(viewer_t *viewer, int mask) {
    unsigned x = profile.x + profile.width / 2, y = profile.y + profile.height / 2;
    uint8_t message[6] = {5, mask, x >> 8, x, y >> 8, y};
    viewer_say(viewer, message, sizeof message);
}

static void on_answer(viewer_t *viewer, uint32_t pixel) {
    static uint32_t last;
    if (pressed_ns && pixel != last) {
        note((now_ns() - pressed_ns) / 1000);
        pressed_ns = 0;
        pointer(viewer, 0);
        next_press_ns = now_ns() + (PRESS_EVERY_MS + rand() % 20) * 1000000LL;
    }
    last = pixel;
}

static void press(viewer_t *viewer) {
    int64_t now = now_ns();
    if (!viewer->is_ready || now < next_press_ns || (pressed_ns && now - pressed_ns < 1000000000)) return;
    if (pressed_ns) pointer(viewer, 0), note(-1);
    pressed_ns = now;
    pointer(viewer, 1);
}

/* -- connections */

static void connect_viewer(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    viewer_t *viewer = viewers[count++] = calloc(1, sizeof(viewer_t));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        viewer->fd = -1, viewer->failure = strerror(errno);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    viewer_start(viewer, fd, &profile);
    if (profile.width) viewer->on_pixel = presses ? on_answer : on_time;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN, {.ptr = viewer}});
}

static void drop_viewer(void) {
    viewer_t *viewer = viewers[--count];
    viewer_end(viewer);
    free(viewer);
}

static int in_handshake(void) {
    int found = 0;
    for (int i = 0; i < count; i++) found += viewers[i]->fd >= 0 && !viewers[i]->is_ready;
    return found;
}

static void adjust(void) {
    while (count > wanted) drop_viewer();
    for (int room = count < wanted ? IN_HANDSHAKE - in_handshake() : 0; room > 0 && count < wanted; room--)
        connect_viewer();
}

static void pause_viewers(int how_many) {
    for (int i = 0; i < count; i++) {
        viewer_t *viewer = viewers[i];
        viewer->is_paused = i < how_many;
        if (viewer->fd >= 0)
            epoll_ctl(poller, EPOLL_CTL_MOD, viewer->fd,
                      &(struct epoll_event){viewer->is_paused ? 0 : EPOLLIN, {.ptr = viewer}});
    }
    paused = how_many;
}

/* -- what is told */

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int64_t own_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void tell_samples(void) {
    printf("\"samples_us\":[");
    for (int i = 0; i < sample_count; i++) printf(i ? ",%d" : "%d", samples[i]);
    printf("]}\n");
    fflush(stdout);
    sample_count = 0;
}

static void tell(void) {
    static uint64_t updates[MAX_VIEWERS];
    static int64_t cpu_before;
    uint64_t bytes = 0, all = 0, pixels = 0;
    int ready = 0, reading = 0, failed = 0, stalled = 0;
    int64_t now = now_ns(), cpu = own_cpu_ns();
    const char *failure = "";
    for (int i = 0; i < count; i++) {
        viewer_t *v = viewers[i];
        ready += v->is_ready, failed += v->fd < 0;
        if (v->failure) failure = v->failure;
        if (now - v->last_update_ns > v->longest_gap_ns) v->longest_gap_ns = now - v->last_update_ns;
        if (!v->is_paused) {
            stalled += v->longest_gap_ns > STALL_MS * 1000000LL;
            pixels += v->pixels - v->pixels_at_mark;
            all += updates[reading++] = v->updates - v->updates_at_mark;
        }
        bytes += v->bytes;
        v->updates_at_mark = v->updates, v->pixels_at_mark = v->pixels, v->bytes = 0, v->longest_gap_ns = 0;
    }
    qsort(updates, reading, sizeof *updates, by_value);
    printf("{\"t_ns\":%ld,\"count\":%d,\"ready\":%d,\"reading\":%d,\"failed\":%d,\"failure\":\"%s\",\"stalled\":%d,"
           "\"updates\":%lu,\"pixels\":%lu,\"bytes\":%lu,\"least\":%lu,\"median\":%lu,\"most\":%lu,\"cpu_ns\":%ld,",
           now, count, ready, reading, failed, failure, stalled, all, pixels, bytes, reading ? updates[0] : 0,
           reading ? updates[reading / 2] : 0, reading ? updates[reading - 1] : 0, cpu - cpu_before);
    cpu_before = cpu;
    tell_samples();
}

static void obey(const char *order) {
    int number;
    if (sscanf(order, "grow %d", &number) == 1 && number <= MAX_VIEWERS) wanted = number;
    else if (sscanf(order, "stop %d", &number) == 1) pause_viewers(number);
    else if (!strncmp(order, "go", 2)) pause_viewers(0);
    else if (!strncmp(order, "mark", 4)) tell();
    else fprintf(stderr, "viewers: not understood: %s\n", order);
}

static void read_orders(void) {
    static char line[256];
    static unsigned length;
    ssize_t got = read(0, line + length, sizeof line - 1 - length);
    if (got <= 0) exit(0);
    line[length += got] = 0;
    for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
        obey(line);
        memmove(line, end + 1, line + length - end);
        length -= end + 1 - line;
    }
}

/* -- main */

static void read_arguments(int argc, char **argv) {
    port = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "watch") && i + 5 < argc) {
            profile.x = atoi(argv[i + 1]), profile.y = atoi(argv[i + 2]);
            profile.width = atoi(argv[i + 3]), profile.height = atoi(argv[i + 4]);
            presses = !strcmp(argv[i + 5], "press");
            i += 5;
        } else if (!strcmp(argv[i], "web")) {
            profile.is_web = 1;
        } else if (!strcmp(argv[i], "tls")) {
            profile.is_encrypted = 1;
        } else if (!strcmp(argv[i], "fence")) {
            profile.has_fence = 1;
            profile.encodings[profile.count++] = -312;
        } else if (!strcmp(argv[i], "continuous")) {
            profile.has_continuous = 1;
            profile.encodings[profile.count++] = -313;
        } else if (profile.count < 22) {
            profile.encodings[profile.count++] = atoi(argv[i]);
        }
    }
}

/* A probe must see a pixel when it comes, not when its core has time; it does next to nothing. */
static void be_quick(void) {
    struct sched_param high = {.sched_priority = 10};
    if (profile.width) sched_setscheduler(0, SCHED_FIFO, &high);
}

int main(int argc, char **argv) {
    struct rlimit files = {2 * MAX_VIEWERS, 2 * MAX_VIEWERS};
    struct epoll_event events[256];
    read_arguments(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL has no MSG_NOSIGNAL */
    if (setrlimit(RLIMIT_NOFILE, &files)) perror("viewers: files");
    be_quick();
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &(struct epoll_event){EPOLLIN, {.ptr = NULL}});
    for (;;) {
        int found = epoll_wait(poller, events, 256, presses ? 1 : 20), has_orders = 0;
        for (int i = 0; i < found; i++) {
            if (events[i].data.ptr) viewer_read(events[i].data.ptr);
            else has_orders = 1;
        }
        if (has_orders) read_orders(); /* last: it may free viewers */
        if (presses && count) press(viewers[0]);
        adjust();
    }
}
