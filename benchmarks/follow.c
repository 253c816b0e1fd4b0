/* The framing of RFB 3.8: RFC 6143 section 7, rfbproto for Tight, JPEG, fences, continuous updates and VeNCrypt.
 *
 * A parser of small steps: `next` is called with the `need` bytes that it wants and says what comes then. All viewers
 * read into one buffer, so that a small update is one system call; a large payload is thrown away inside the kernel
 * (MSG_TRUNC). Between it and the socket there may be a WebSocket (RFC 6455 section 5.2), masked with zeros, and TLS.
 */
#define _GNU_SOURCE
#include "follow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char upgrade[] = "GET /websockify HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";

enum { RAW = 0, COPYRECT = 1, RRE = 2, HEXTILE = 5, ZLIB = 6, TIGHT = 7, ZRLE = 16, JPEG = 21 };
enum { DESKTOP_SIZE = -223, LAST_RECT = -224, CURSOR = -239, EXTENDED_DESKTOP_SIZE = -308, DESKTOP_NAME = -307 };

enum { SECURITY_NONE = 1, VENCRYPT = 19, X509_NONE = 260 };

static handler_t on_upgrade, on_banner, on_security_count, on_security_types, on_result, on_init, on_message, on_rect;
static handler_t on_vencrypt, on_subtype_count, on_subtypes, on_tls;

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static unsigned be16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static uint32_t be32(const uint8_t *p) { return (uint32_t)be16(p) << 16 | be16(p + 2); }

static uint8_t buffer[1 << 16];
static unsigned used, have; /* of the buffer, while a viewer is read */

enum { LARGE = 1 << 14, LITTLE = 1 << 10 };

static void then(viewer_t *v, unsigned need, handler_t *next) { v->need = need, v->next = next; }

void viewer_end(viewer_t *v) {
    tls_close(v->tls);
    if (v->fd >= 0) close(v->fd);
    v->fd = -1, v->tls = NULL;
}

static void fail(viewer_t *v, const char *why) {
    viewer_end(v);
    v->failure = why;
}

static void say(viewer_t *v, const void *bytes, unsigned count) {
    if (v->fd < 0) return;
    ssize_t done = v->tls ? tls_send(v->tls, bytes, count) : send(v->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done != (ssize_t)count) fail(v, "the server does not read");
}

void viewer_say(viewer_t *v, const void *bytes, unsigned count) {
    uint8_t frame[6 + 125] = {0x82, 0x80 | count};
    if (!v->is_framed) return say(v, bytes, count);
    if (count > 125) return fail(v, "a message that is too long");
    memcpy(frame + 6, bytes, count);
    say(v, frame, 6 + count);
}

void viewer_request(viewer_t *v, int incremental) {
    const profile_t *p = v->profile;
    unsigned width = p->width ? p->width : v->screen_width, height = p->width ? p->height : v->screen_height;
    uint8_t message[10] = {3, incremental, p->x >> 8, p->x, p->y >> 8, p->y, width >> 8, width, height >> 8, height};
    viewer_say(v, message, sizeof message);
}

/* -- the handshake */

static void encrypt(viewer_t *v) {
    v->tls = tls_open(v->fd);
    v->is_shaking_hands = v->tls != NULL;
    if (!v->tls) fail(v, "TLS does not begin");
}

static void open_web(viewer_t *v) {
    say(v, upgrade, sizeof upgrade - 1);
    then(v, 1, on_upgrade);
}

void viewer_start(viewer_t *v, int fd, const profile_t *profile) {
    v->fd = fd, v->profile = profile;
    if (!profile->is_web) return then(v, 12, on_banner);
    if (profile->is_encrypted) encrypt(v);
    else open_web(v);
}

static void shake_hands(viewer_t *v) {
    int result = tls_shake_hands(v->tls);
    if (result < 0) return fail(v, "the TLS handshake fails");
    v->is_shaking_hands = !result;
    if (result && v->profile->is_web) open_web(v);
}

static void on_upgrade(viewer_t *v, const uint8_t *p) {
    memmove(v->head, v->head + 1, 3);
    v->head[3] = p[0];
    if (memcmp(v->head, "\r\n\r\n", 4)) return;
    v->is_framed = 1;
    then(v, 12, on_banner);
}

static void on_banner(viewer_t *v, const uint8_t *p) {
    if (memcmp(p, "RFB 003.", 8)) return fail(v, "no RFB server");
    viewer_say(v, "RFB 003.008\n", 12);
    then(v, 1, on_security_count);
}

static void on_security_count(viewer_t *v, const uint8_t *p) {
    if (!p[0]) return fail(v, "refused");
    then(v, p[0], on_security_types);
}

static void on_security_types(viewer_t *v, const uint8_t *p) {
    int is_vencrypt = v->profile->is_encrypted && !v->profile->is_web;
    uint8_t chosen = is_vencrypt ? VENCRYPT : SECURITY_NONE;
    if (!memchr(p, chosen, v->need)) return fail(v, is_vencrypt ? "no VeNCrypt here" : "the server wants a password");
    viewer_say(v, &chosen, 1);
    if (is_vencrypt) then(v, 2, on_vencrypt);
    else then(v, 4, on_result);
}

static void on_vencrypt(viewer_t *v, const uint8_t *p) {
    if (p[0] != 0 || p[1] < 2) return fail(v, "no VeNCrypt 0.2 here");
    viewer_say(v, "\0\2", 2);
    then(v, 2, on_subtype_count);
}

static void on_subtype_count(viewer_t *v, const uint8_t *p) {
    if (p[0] || !p[1]) return fail(v, "no VeNCrypt 0.2 here");
    then(v, 4 * p[1], on_subtypes);
}

static void on_subtypes(viewer_t *v, const uint8_t *p) {
    for (unsigned i = 0; i < v->need; i += 4) {
        if (be32(p + i) != X509_NONE) continue;
        viewer_say(v, p + i, 4);
        return then(v, 1, on_tls);
    }
    fail(v, "X509None is not offered");
}

static void on_tls(viewer_t *v, const uint8_t *p) {
    if (!p[0]) return fail(v, "X509None is refused");
    encrypt(v);
    then(v, 4, on_result);
}

static void on_result(viewer_t *v, const uint8_t *p) {
    if (be32(p)) return fail(v, "refused");
    viewer_say(v, "\1", 1);
    then(v, 24, on_init);
}

static void on_init(viewer_t *v, const uint8_t *p) {
    static const uint8_t bgrx[20] = {0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0};
    uint8_t message[4 + sizeof v->profile->encodings] = {2, 0, 0, v->profile->count};
    for (int i = 0; i < v->profile->count; i++)
        for (int byte = 0; byte < 4; byte++)
            message[4 + i * 4 + byte] = (uint32_t)v->profile->encodings[i] >> (24 - byte * 8);
    v->screen_width = be16(p), v->screen_height = be16(p + 2);
    viewer_say(v, bgrx, sizeof bgrx);
    viewer_say(v, message, 4 + v->profile->count * 4);
    viewer_request(v, 0);
    v->skip = be32(p + 20);
    then(v, 1, on_message);
}

/* -- messages */

static void end_update(viewer_t *v) {
    int64_t now = now_ns();
    if (v->updates++ && now - v->last_update_ns > v->longest_gap_ns) v->longest_gap_ns = now - v->last_update_ns;
    v->last_update_ns = now;
    v->is_ready = 1;
    if (!v->is_continuous) viewer_request(v, 1);
    then(v, 1, on_message);
}

static void next_rect(viewer_t *v) {
    if (v->rects_left-- == 0) end_update(v);
    else then(v, 12, on_rect);
}

static void skip_rect(viewer_t *v, uint64_t bytes) {
    v->skip += bytes; /* a palette may lie before it */
    v->is_large = bytes >= LARGE;
    next_rect(v);
}

static void on_update(viewer_t *v, const uint8_t *p) {
    v->rects_left = be16(p + 1);
    next_rect(v);
}

static void on_cut_text(viewer_t *v, const uint8_t *p) {
    int32_t length = (int32_t)be32(p + 3);
    v->skip = length < 0 ? -length : length;
    then(v, 1, on_message);
}

static void on_colours(viewer_t *v, const uint8_t *p) {
    v->skip = 6 * be16(p + 3);
    then(v, 1, on_message);
}

static void on_fence_payload(viewer_t *v, const uint8_t *p) {
    if (v->profile->has_fence && p[3] & 128) {
        uint8_t answer[9 + 64];
        memcpy(answer, (uint8_t[]){248, 0, 0, 0, 0, 0, 0, p[6] & 7, p[7]}, 9);
        memcpy(answer + 9, p + 8, p[7]);
        viewer_say(v, answer, 9 + p[7]);
    }
    then(v, 1, on_message);
}

static void on_fence(viewer_t *v, const uint8_t *p) {
    if (p[7] > 64) return fail(v, "a fence that is too long");
    used -= 8; /* the payload is wanted together with the head */
    then(v, 8 + p[7], on_fence_payload);
}

static void on_end_of_continuous(viewer_t *v) {
    uint8_t enable[10] = {150, 1, 0, 0, 0, 0, v->screen_width >> 8, v->screen_width, v->screen_height >> 8,
                          v->screen_height};
    if (v->profile->has_continuous && !v->is_continuous) {
        v->is_continuous = 1;
        viewer_say(v, enable, sizeof enable);
    }
    then(v, 1, on_message);
}

static void on_message(viewer_t *v, const uint8_t *p) {
    switch (p[0]) {
    case 0: return then(v, 3, on_update);
    case 1: return then(v, 5, on_colours);
    case 2: return then(v, 1, on_message);
    case 3: return then(v, 7, on_cut_text);
    case 150: return on_end_of_continuous(v);
    case 248: return then(v, 8, on_fence);
    default: fail(v, "an unknown message");
    }
}

/* -- Raw: the first pixel of what is asked for is looked at */

static void on_watched_pixel(viewer_t *v, const uint8_t *p) {
    unsigned width = v->rect.width, dx = v->profile->x - v->rect.x, dy = v->profile->y - v->rect.y;
    v->on_pixel(v, p[0] | p[1] << 8 | p[2] << 16);
    skip_rect(v, 4ULL * (width * v->rect.height - (dy * width + dx) - 1));
}

static void raw_rect(viewer_t *v) {
    int dx = v->profile->x - v->rect.x, dy = v->profile->y - v->rect.y;
    if (!v->on_pixel || dx < 0 || dy < 0 || dx >= v->rect.width || dy >= v->rect.height)
        return skip_rect(v, 4ULL * v->rect.width * v->rect.height);
    v->skip = 4ULL * (dy * v->rect.width + dx);
    then(v, 4, on_watched_pixel);
}

/* -- encodings that say how long they are */

static void on_length(viewer_t *v, const uint8_t *p) {
    uint64_t count = be32(p);
    skip_rect(v, v->rect.encoding == RRE ? 4 + 12 * count : count);
}

static void on_screens(viewer_t *v, const uint8_t *p) { skip_rect(v, 16 * p[0]); }

/* -- Hextile */

static handler_t on_tile;

static void next_tile(viewer_t *v) {
    if (++v->tile < v->tiles) then(v, 1, on_tile);
    else next_rect(v);
}

static void on_subrects(viewer_t *v, const uint8_t *p) {
    v->skip = p[0] * (v->subencoding & 16 ? 6 : 2);
    next_tile(v);
}

static void on_tile(viewer_t *v, const uint8_t *p) {
    unsigned across = (v->rect.width + 15) / 16, column = v->tile % across, row = v->tile / across;
    unsigned width = v->rect.width - column * 16, height = v->rect.height - row * 16;
    v->subencoding = p[0];
    if (p[0] & 1) {
        v->skip = 4 * (width < 16 ? width : 16) * (height < 16 ? height : 16);
        return next_tile(v);
    }
    v->skip = (p[0] & 2 ? 4 : 0) + (p[0] & 4 ? 4 : 0);
    if (p[0] & 8) then(v, 1, on_subrects);
    else next_tile(v);
}

/* -- Tight */

static void on_compact(viewer_t *v, const uint8_t *p) {
    v->length |= (v->length_bytes < 2 ? p[0] & 127 : p[0]) << (7 * v->length_bytes);
    if (p[0] & 128 && ++v->length_bytes < 3) return then(v, 1, on_compact);
    skip_rect(v, v->length);
}

static void tight_data(viewer_t *v) {
    uint64_t size = v->bits == 1 ? (v->rect.width + 7ULL) / 8 * v->rect.height
                                 : (uint64_t)v->bits / 8 * v->rect.width * v->rect.height;
    if (size < 12) return skip_rect(v, size);
    then(v, 1, on_compact);
}

static void on_palette(viewer_t *v, const uint8_t *p) {
    v->skip = 3 * (p[0] + 1);
    v->bits = p[0] == 1 ? 1 : 8;
    tight_data(v);
}

static void on_filter(viewer_t *v, const uint8_t *p) {
    if (p[0] == 1) then(v, 1, on_palette);
    else if (p[0] > 2) fail(v, "an unknown filter of Tight");
    else tight_data(v);
}

static void on_tight(viewer_t *v, const uint8_t *p) {
    unsigned kind = p[0] >> 4;
    v->length = v->length_bytes = 0;
    v->bits = 24;
    if (kind == 8) skip_rect(v, 3);
    else if (kind == 9) then(v, 1, on_compact);
    else if (kind > 9) fail(v, "an unknown kind of Tight");
    else if (kind & 4) then(v, 1, on_filter);
    else tight_data(v);
}

/* -- JPEG (21): segments say how long they are, the scan ends at a marker */

static handler_t on_jpeg_marker;

static void on_jpeg_segment(viewer_t *v, const uint8_t *p) {
    v->skip = be16(p) - 2;
    then(v, 2, on_jpeg_marker);
}

static void on_jpeg_scan(viewer_t *v, const uint8_t *p) {
    unsigned was_marker = v->in_scan == 2;
    v->in_scan = p[0] == 255 ? 2 : 1;
    if (was_marker && p[0] == 0xd9) return next_rect(v);
    then(v, 1, on_jpeg_scan);
}

static void on_jpeg_marker(viewer_t *v, const uint8_t *p) {
    v->in_scan = 1;
    if (p[1] == 0xd8) then(v, 2, on_jpeg_marker);
    else if (p[1] == 0xd9) next_rect(v);
    else if (p[1] == 0xda) then(v, 1, on_jpeg_scan);
    else then(v, 2, on_jpeg_segment);
}

/* -- rectangles */

static void on_size(viewer_t *v) {
    v->screen_width = v->rect.width, v->screen_height = v->rect.height;
}

static void on_rect(viewer_t *v, const uint8_t *p) {
    v->rect.x = be16(p), v->rect.y = be16(p + 2), v->rect.width = be16(p + 4), v->rect.height = be16(p + 6);
    v->rect.encoding = (int32_t)be32(p + 8);
    uint64_t area = (uint64_t)v->rect.width * v->rect.height;
    if (v->rect.encoding >= 0) v->pixels += area;
    switch (v->rect.encoding) {
    case RAW: return raw_rect(v);
    case COPYRECT: return skip_rect(v, 4);
    case RRE: case ZLIB: case ZRLE: return then(v, 4, on_length);
    case HEXTILE:
        v->tile = -1;
        v->tiles = (v->rect.width + 15) / 16 * ((v->rect.height + 15) / 16);
        return next_tile(v);
    case TIGHT: return then(v, 1, on_tight);
    case JPEG: return then(v, 2, on_jpeg_marker);
    case CURSOR: return skip_rect(v, area * 4 + (v->rect.width + 7ULL) / 8 * v->rect.height);
    case DESKTOP_SIZE: on_size(v); return next_rect(v);
    case EXTENDED_DESKTOP_SIZE: on_size(v); return then(v, 4, on_screens);
    case DESKTOP_NAME: return then(v, 4, on_length);
    case LAST_RECT: v->rects_left = 0; return next_rect(v);
    default: fail(v, "an unknown encoding");
    }
}

/* -- reading: each returns whether there may be more to read */

static ssize_t receive_encrypted(viewer_t *v, void *into, size_t count) {
    static uint8_t waste[1 << 16];
    if (into) return tls_receive(v->tls, into, count);
    return tls_receive(v->tls, waste, count < sizeof waste ? count : sizeof waste);
}

/* `into` NULL: into nowhere. */
static int receive(viewer_t *v, void *into, size_t count, unsigned *got_count) {
    int flags = MSG_DONTWAIT | (into ? 0 : MSG_TRUNC);
    ssize_t got = v->tls ? receive_encrypted(v, into, count) : recv(v->fd, into, count, flags);
    if (got > 0) {
        v->bytes += got, *got_count += got;
        return v->tls || (size_t)got == count;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) fail(v, "the server closed the connection");
    return 0;
}

/* Whether payload comes next; a header may come in pieces. */
static int frame_begins(viewer_t *v) {
    while (!v->frame_left) {
        unsigned length = v->head_count < 2 ? 0 : v->head[1];
        unsigned size = length < 126 ? 2 : length == 126 ? 4 : 10;
        if (v->head_count == size) {
            v->frame_left = length < 126 ? length : 0;
            for (unsigned i = 2; i < size; i++) v->frame_left = v->frame_left << 8 | v->head[i];
            v->head_count = 0;
        } else if (!receive(v, v->head + v->head_count, size - v->head_count, &v->head_count)) {
            return 0;
        }
    }
    return 1;
}

static int receive_payload(viewer_t *v, void *into, size_t count, unsigned *got_count) {
    unsigned before = *got_count;
    if (!v->is_framed) return receive(v, into, v->profile->is_web ? 1 : count, got_count);
    if (!frame_begins(v)) return 0;
    int has_more = receive(v, into, count < v->frame_left ? count : v->frame_left, got_count);
    v->frame_left -= *got_count - before;
    return has_more;
}

static int skip_buffered(viewer_t *v) {
    unsigned count = have - used < v->skip ? have - used : (unsigned)v->skip;
    used += count, v->skip -= count;
    return !v->skip;
}

static int discard(viewer_t *v) {
    unsigned got = 0;
    int has_more = receive_payload(v, NULL, v->skip < 1 << 30 ? v->skip : 1 << 30, &got);
    v->skip -= got;
    return has_more;
}

static int fill_buffer(viewer_t *v) {
    memmove(buffer, buffer + used, have - used);
    have -= used, used = 0;
    return receive_payload(v, buffer + have, v->is_large ? LITTLE : sizeof buffer - have, &have);
}

static void parse(viewer_t *v) {
    while (v->fd >= 0 && skip_buffered(v) && have - used >= v->need) {
        const uint8_t *bytes = buffer + used;
        used += v->need;
        v->next(v, bytes);
    }
}

void viewer_read(viewer_t *v) {
    if (v->is_shaking_hands && v->fd >= 0) shake_hands(v);
    if (v->is_shaking_hands || v->fd < 0) return;
    memcpy(buffer, v->kept, v->kept_count);
    used = 0, have = v->kept_count;
    for (int has_more = 1; has_more && v->fd >= 0; parse(v))
        has_more = v->skip >= LARGE ? discard(v) : fill_buffer(v);
    if (v->fd < 0) return;
    v->kept_count = have - used; /* less than it needs */
    memcpy(v->kept, buffer + used, v->kept_count);
}
