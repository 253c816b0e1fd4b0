/* Puts a scene on an X display, or into memory, at the scene's own rate.
 *
 *   painter x SCENE STATS_FD [jitter] [mark] [press]       on $DISPLAY, through MIT-SHM, one full-screen window
 *   painter memory SCENE STATS_FD CANVAS_FD [jitter] [mark]  into the memfd; after each step its rects on stdout
 *
 * STATS_FD is a memfd of three 64-bit words: steps painted, pixels changed, steps painted late.
 * jitter: each step comes up to a whole period of a 60 Hz timer earlier or later, so that no server is in phase.
 * mark: a square in the corner gets the colour of the time of painting, in microseconds of CLOCK_MONOTONIC (24 bits).
 * press: a square changes its colour whenever a button is pressed.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "scenes.h"

enum { WIDTH = 1920, HEIGHT = 1080, BYTES = WIDTH * HEIGHT * 4, JITTER_NS = 16000000 };
static const rect_t mark_area = {1888, 16, 16, 16}, press_area = {1840, 1016, 32, 32};

typedef struct { volatile uint64_t steps, pixels, late; } stats_t;

static canvas_t canvas = {WIDTH, HEIGHT, NULL};
static xcb_connection_t *x;
static xcb_window_t window;
static xcb_gcontext_t context;
static xcb_shm_seg_t segment;

static void die(const char *what) {
    fprintf(stderr, "painter: %s\n", what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sync_x(void) {
    xcb_get_input_focus_reply_t *reply = xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL);
    if (!reply) die("the X server is gone");
    free(reply);
}

static void open_window(void) {
    x = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(x)) die("no X display");
    const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(x)).data;
    if (screen->width_in_pixels != WIDTH || screen->height_in_pixels != HEIGHT || screen->root_depth != 24)
        die("the display is not 1920x1080x24");
    int fd = memfd_create("mpvnc-bench-canvas", 0);
    if (fd < 0 || ftruncate(fd, BYTES)) die("no memory");
    canvas.pixels = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    window = xcb_generate_id(x), context = xcb_generate_id(x), segment = xcb_generate_id(x);
    uint32_t values[] = {1, XCB_EVENT_MASK_BUTTON_PRESS};
    xcb_create_window(x, 24, window, screen->root, 0, 0, WIDTH, HEIGHT, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                      screen->root_visual, XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_create_gc(x, context, window, 0, NULL);
    xcb_map_window(x, window);
    free(xcb_shm_query_version_reply(x, xcb_shm_query_version(x), NULL));
    xcb_generic_error_t *error = xcb_request_check(x, xcb_shm_attach_fd_checked(x, segment, fd, 0));
    if (error) die("the X server takes no shared memory");
}

static void put(const rect_t *rects, int count) {
    for (int i = 0; i < count; i++)
        xcb_shm_put_image(x, window, context, WIDTH, HEIGHT, rects[i].x, rects[i].y, rects[i].width, rects[i].height,
                          rects[i].x, rects[i].y, 24, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, segment, 0);
    sync_x(); /* it has read the memory; it may change again */
}

/* For the reader of our stdout: a 32-bit count, then the rects. */
static void tell(const rect_t *rects, int count) {
    char message[4 + MAX_RECTS * sizeof(rect_t)];
    int32_t number = count;
    memcpy(message, &number, 4);
    memcpy(message + 4, rects, count * sizeof(rect_t));
    size_t size = 4 + count * sizeof(rect_t);
    if (write(1, message, size) != (ssize_t)size) exit(0);
}

static void show(const rect_t *rects, int count) {
    if (x) put(rects, count);
    else tell(rects, count);
}

static void take_presses(int answers) {
    static unsigned presses;
    xcb_generic_event_t *event;
    while ((event = xcb_poll_for_event(x))) {
        if ((event->response_type & 127) == XCB_BUTTON_PRESS && answers) {
            fill(&canvas, press_area, ++presses % 2 ? 0xff8000 : 0x0080ff);
            put(&press_area, 1);
        }
        free(event);
    }
    if (xcb_connection_has_error(x)) die("the X server is gone");
}

static void wait_until(int64_t when, int answers) {
    for (int64_t left; (left = when - now_ns()) > 0;) {
        struct timespec timeout = {left / 1000000000, left % 1000000000};
        struct pollfd poller = {x ? xcb_get_file_descriptor(x) : -1, POLLIN, 0};
        if (x) take_presses(answers);
        ppoll(&poller, 1, &timeout, NULL);
    }
    if (x) take_presses(answers);
}

static int has(char **words, const char *word) {
    for (; *words; words++)
        if (!strcmp(*words, word)) return 1;
    return 0;
}

static void paint(const scene_t *scene, stats_t *stats, int marks, int jitters, int answers) {
    int64_t period = (int64_t)(1e9 / scene->rate), due = now_ns() + period;
    uint64_t random = 88172645463325252ULL;
    for (uint32_t number = 1;; number++, due += period) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        wait_until(jitters ? due + (int64_t)(random % JITTER_NS) : due, answers);
        if (now_ns() - due > 2 * period) stats->late++, due = now_ns();
        rect_t rects[MAX_RECTS];
        int count = scene->step(&canvas, number, rects);
        for (int i = 0; i < count; i++) stats->pixels += (uint64_t)rects[i].width * rects[i].height;
        if (marks) {
            rects[count++] = mark_area;
            fill(&canvas, mark_area, (uint32_t)(now_ns() / 1000) & 0xffffff);
        }
        if (count) show(rects, count);
        stats->steps++;
    }
}

int main(int argc, char **argv) {
    const scene_t *scene = argc > 3 ? find_scene(argv[2]) : NULL;
    int in_memory = argc > 3 && !strcmp(argv[1], "memory");
    if (!scene || (in_memory && argc < 5)) die("usage: painter x|memory SCENE STATS_FD [CANVAS_FD] [mark] [press]");
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    stats_t *stats = mmap(NULL, sizeof *stats, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
    if (stats == MAP_FAILED) die("no statistics page");
    if (in_memory) canvas.pixels = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[4]), 0);
    else open_window();
    if (canvas.pixels == MAP_FAILED) die("no canvas");
    scene->init(&canvas);
    fill(&canvas, mark_area, 0x123456);
    fill(&canvas, press_area, 0x0080ff);
    rect_t all = {0, 0, WIDTH, HEIGHT};
    show(&all, 1);
    paint(scene, stats, has(argv + 4, "mark"), has(argv + 4, "jitter"), has(argv + 4, "press"));
}
