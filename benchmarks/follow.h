/* One viewer's end of an RFB connection: follows the framing of every message, decodes nothing. */
#ifndef FOLLOW_H
#define FOLLOW_H
#include <stdint.h>

#include "tls.h"

enum { KEPT_BYTES = 1024 };

typedef struct {
    int32_t encodings[24];  /* what the viewers list, in order */
    int count;
    int has_fence;          /* the list has Fence: answer requests */
    int has_continuous;     /* use continuous updates once the server offers them */
    int is_web;             /* through a WebSocket, as a browser */
    int is_encrypted;       /* through TLS: a viewer by VeNCrypt, a browser from the first byte */
    uint16_t x, y, width, height;  /* what is asked for; no width: the whole screen */
} profile_t;

typedef struct viewer viewer_t;
typedef void handler_t(viewer_t *viewer, const uint8_t *bytes);

struct viewer {
    int fd;                 /* -1: not connected, or over */
    int is_ready;           /* has had its first update */
    int is_paused;          /* does not read */
    const char *failure;    /* why it is over; NULL while it is not */
    const profile_t *profile;
    tls_t *tls;             /* NULL: in clear, as yet */
    int is_shaking_hands;
    uint64_t updates, pixels, bytes;  /* since it connected; bytes include framing */
    int64_t last_update_ns, longest_gap_ns;
    uint64_t updates_at_mark, pixels_at_mark;
    void (*on_pixel)(viewer_t *viewer, uint32_t pixel);  /* the first pixel of what is asked for came (Raw only) */
    /* parsing: `next` wants `need` bytes; before that `skip` bytes are thrown away */
    handler_t *next;
    unsigned need;
    uint64_t skip;
    uint8_t kept[KEPT_BYTES];  /* the beginning of what `next` wants */
    unsigned kept_count;
    int is_large;           /* the last rectangle was: read little, the next is probably large too */
    unsigned rects_left;
    struct { uint16_t x, y, width, height; int32_t encoding; } rect;
    unsigned length, length_bytes, filter, bits;  /* Tight */
    unsigned tile, tiles, subencoding, in_scan;   /* Hextile; JPEG */
    uint16_t screen_width, screen_height;
    int is_continuous;
    int is_framed;          /* the WebSocket is open; of its frame so much is left, or so much of a header is there */
    uint64_t frame_left;
    uint8_t head[10];
    unsigned head_count;
};

void viewer_start(viewer_t *viewer, int fd, const profile_t *profile);
void viewer_end(viewer_t *viewer);
void viewer_read(viewer_t *viewer);                      /* reads until the socket is empty */
void viewer_say(viewer_t *viewer, const void *bytes, unsigned count);
void viewer_request(viewer_t *viewer, int incremental);
int64_t now_ns(void);
#endif
