/* The workloads. Integer arithmetic and a fixed generator only: the same pixels on every machine. */
#include "scenes.h"

#include <stdlib.h>
#include <string.h>

#define DESKTOP 0x2e3440
#define PAPER 0xf6f6f2

static uint32_t hash(uint32_t n) {
    n = (n ^ 61) ^ (n >> 16);
    n *= 9;
    n ^= n >> 4;
    n *= 0x27d4eb2d;
    return n ^ (n >> 15);
}

static int clamp(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

void fill(canvas_t *canvas, rect_t area, uint32_t colour) {
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++) canvas->pixels[y * canvas->width + x] = colour;
}

static void init_desktop(canvas_t *canvas) { fill(canvas, (rect_t){0, 0, canvas->width, canvas->height}, DESKTOP); }

/* -- video: smooth coloured shapes that zoom, sway and change in brightness, under a film's grain */

#define TEXTURE 1024 /* a power of two: it repeats */
#define GRAIN 65536

static uint32_t texture[TEXTURE * TEXTURE];
static int8_t grain[GRAIN];

/* Value noise of one octave, `cell` pixels wide (a power of two), 0 to 255, smooth between the corners. */
static int noise(int x, int y, int cell, uint32_t seed) {
    int mask = TEXTURE / cell - 1, i = x / cell, j = y / cell, u = x % cell, v = y % cell;
    int corner[2][2];
    for (int b = 0; b < 2; b++)
        for (int a = 0; a < 2; a++)
            corner[b][a] = hash(seed + ((i + a) & mask) * 7919 + ((j + b) & mask) * 104729) & 255;
    long s = (long)u * u * (3 * cell - 2 * u), t = (long)v * v * (3 * cell - 2 * v), one = (long)cell * cell * cell;
    long top = corner[0][0] * (one - s) + corner[0][1] * s, low = corner[1][0] * (one - s) + corner[1][1] * s;
    return (int)((top / one * (one - t) + low / one * t) / one);
}

static void init_film(void) {
    if (texture[0]) return;
    for (int y = 0; y < TEXTURE; y++)
        for (int x = 0; x < TEXTURE; x++) {
            int light = (noise(x, y, 256, 1) * 5 + noise(x, y, 64, 2) * 2 + noise(x, y, 16, 3)) / 8;
            int warm = noise(x, y, 256, 5) - 128, cold = noise(x, y, 128, 6) - 128;
            int edge = noise(x, y, 128, 7) > 140 ? 40 : 0; /* the outlines of things */
            int red = clamp(light + warm / 2 + edge), green = clamp(light + edge / 2), blue = clamp(light + cold / 2);
            texture[y * TEXTURE + x] = (uint32_t)red << 16 | green << 8 | blue | 1u << 24;
        }
    for (uint32_t i = 0; i < GRAIN; i++) grain[i] = (int8_t)((int)(hash(i * 3 + 1) % 5) - 2);
}

/* A swing between -1024 and 1024 with a period of 256 steps: a parabola each half. */
static int swing(uint32_t step) {
    int phase = (int)(step % 128), height = phase * (128 - phase) / 4;
    return step % 256 < 128 ? height : -height;
}

static uint32_t with_grain(uint32_t pixel, int delta) {
    int red = clamp((int)(pixel >> 16 & 255) + delta), green = clamp((int)(pixel >> 8 & 255) + delta);
    return (uint32_t)red << 16 | green << 8 | clamp((int)(pixel & 255) + delta);
}

static void film(canvas_t *canvas, rect_t area, uint32_t step) {
    int zoom = 4096 + swing(step * 8) / 2, shear = swing(step * 4 + 40) / 8; /* 12 bits of fraction */
    uint32_t left = (step * 3 << 12) + swing(step) * 64, top = (step << 12) + swing(step + 64) * 64;
    for (int y = 0; y < area.height; y++) {
        uint32_t *out = canvas->pixels + (area.y + y) * canvas->width + area.x;
        uint32_t u = left + y * shear, v = top + y * zoom;
        uint32_t noise_at = hash(step * 4099 + y);
        for (int x = 0; x < area.width; x++, u += zoom, v += shear / 2) {
            uint32_t pixel = texture[((v >> 12) & (TEXTURE - 1)) * TEXTURE + ((u >> 12) & (TEXTURE - 1))];
            out[x] = with_grain(pixel, grain[(noise_at + x) & (GRAIN - 1)]);
        }
    }
}

static rect_t video_area(canvas_t *canvas) {
    return (rect_t){(canvas->width - 640) / 2, (canvas->height - 360) / 2, 640, 360};
}

static int step_video(canvas_t *canvas, uint32_t number, rect_t *changed) {
    changed[0] = video_area(canvas);
    film(canvas, changed[0], number);
    return 1;
}

static void init_video(canvas_t *canvas) {
    init_film();
    init_desktop(canvas);
    film(canvas, video_area(canvas), 0);
}

static int step_full(canvas_t *canvas, uint32_t number, rect_t *changed) {
    changed[0] = (rect_t){0, 0, canvas->width, canvas->height};
    film(canvas, changed[0], number);
    return 1;
}

static void init_full(canvas_t *canvas) {
    rect_t area;
    init_film();
    step_full(canvas, 0, &area);
}

/* -- text: made-up letters of antialiased strokes */

#define LETTER_WIDTH 9
#define LETTER_HEIGHT 20
#define LETTERS 80

static uint8_t letters[LETTERS][LETTER_HEIGHT][LETTER_WIDTH]; /* how much ink, 0 to 255 */

/* A stroke from one point to another, in eighths of a pixel, about one and a half pixels wide. */
static void stroke(uint8_t ink[LETTER_HEIGHT][LETTER_WIDTH], int x0, int y0, int x1, int y1) {
    for (int t = 0; t <= 32; t++) {
        int cx = x0 + (x1 - x0) * t / 32, cy = y0 + (y1 - y0) * t / 32;
        for (int y = cy / 8 - 1; y <= cy / 8 + 1; y++)
            for (int x = cx / 8 - 1; x <= cx / 8 + 1; x++) {
                int dx = x * 8 + 4 - cx, dy = y * 8 + 4 - cy, amount = 255 - (dx * dx + dy * dy) * 3;
                if (x < 0 || y < 0 || x >= LETTER_WIDTH || y >= LETTER_HEIGHT) continue;
                if (amount > ink[y][x]) ink[y][x] = (uint8_t)amount;
            }
    }
}

static void init_letters(void) {
    for (uint32_t n = 0; n < LETTERS; n++) {
        int strokes = 2 + hash(n) % 3;
        int x = 8 + hash(n * 31) % 4 * 16, y = 40 + hash(n * 37) % 5 * 20;
        for (int i = 0; i < strokes; i++) {
            int to_x = 8 + hash(n * 41 + i) % 4 * 16, to_y = 32 + hash(n * 43 + i) % 6 * 20;
            stroke(letters[n], x, y, to_x, to_y);
            x = to_x, y = to_y;
        }
    }
}

static uint32_t mix(uint32_t paper, uint32_t ink, int amount) {
    uint32_t mixed = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        int from = paper >> shift & 255, to = ink >> shift & 255;
        mixed |= (uint32_t)(from + (to - from) * amount / 255) << shift;
    }
    return mixed;
}

static void letter(canvas_t *canvas, int x, int y, uint32_t which, uint32_t ink, uint32_t paper) {
    for (int row = 0; row < LETTER_HEIGHT; row++)
        for (int column = 0; column < LETTER_WIDTH; column++) {
            int amount = letters[which % LETTERS][row][column];
            canvas->pixels[(y + row) * canvas->width + x + column] = amount ? mix(paper, ink, amount) : paper;
        }
}

/* A line of code: indented words in the colours of a highlighter. */
static void code_line(canvas_t *canvas, rect_t area, uint32_t number, uint32_t paper) {
    static const uint32_t inks[] = {0xd8dee9, 0x88c0d0, 0xa3be8c, 0xebcb8b, 0xb48ead, 0x81a1c1};
    fill(canvas, area, paper);
    if (hash(number) % 9 == 0) return;
    int columns = area.width / LETTER_WIDTH, column = (hash(number + 7) % 5) * 4;
    int end = column + 10 + hash(number + 13) % 110;
    for (uint32_t word = 0; column < end && column < columns; word++) {
        uint32_t length = 2 + hash(number * 131 + word) % 8, ink = inks[hash(number * 17 + word) % 6];
        for (uint32_t i = 0; i < length && column < end && column < columns; i++, column++)
            letter(canvas, area.x + column * LETTER_WIDTH, area.y, hash(number * 257 + word * 16 + i), ink, paper);
        column++;
    }
}

static const rect_t terminal = {160, 60, 1600, 960};

static int step_scroll(canvas_t *canvas, uint32_t number, rect_t *changed) {
    rect_t line = terminal;
    line.height = LETTER_HEIGHT;
    for (int y = terminal.y; y < terminal.y + terminal.height - LETTER_HEIGHT; y++)
        memcpy(canvas->pixels + y * canvas->width + terminal.x,
               canvas->pixels + (y + LETTER_HEIGHT) * canvas->width + terminal.x, terminal.width * 4);
    line.y += terminal.height - LETTER_HEIGHT;
    code_line(canvas, line, number + 48, 0x1e222a);
    changed[0] = terminal;
    return 1;
}

static void init_scroll(canvas_t *canvas) {
    rect_t line = terminal;
    init_letters();
    init_desktop(canvas);
    line.height = LETTER_HEIGHT;
    for (uint32_t n = 0; n < (uint32_t)terminal.height / LETTER_HEIGHT; n++, line.y += LETTER_HEIGHT)
        code_line(canvas, line, n, 0x1e222a);
}

/* -- typing, and ui: small edits */

static const rect_t sheet = {300, 120, 900, 800};

static void init_typing(canvas_t *canvas) {
    init_letters();
    init_desktop(canvas);
    fill(canvas, sheet, PAPER);
}

static rect_t type_letter(canvas_t *canvas, uint32_t number) {
    uint32_t columns = sheet.width / LETTER_WIDTH - 4, lines = sheet.height / LETTER_HEIGHT - 2;
    rect_t box = {sheet.x + 18 + (int)(number % columns) * LETTER_WIDTH,
                  sheet.y + 20 + (int)(number / columns % lines) * LETTER_HEIGHT, LETTER_WIDTH, LETTER_HEIGHT};
    letter(canvas, box.x, box.y, hash(number + number / columns / lines), 0x202020, PAPER);
    return box;
}

static int step_typing(canvas_t *canvas, uint32_t number, rect_t *changed) {
    changed[0] = type_letter(canvas, number);
    return 1;
}

static const rect_t button = {1300, 160, 120, 32}, menu = {1300, 240, 220, 320}, list = {1300, 600, 420, 360};

static rect_t row_of(rect_t box, int row) { return (rect_t){box.x, box.y + row * 24, box.width, 24}; }

static void label(canvas_t *canvas, rect_t box, uint32_t text, uint32_t ink, uint32_t paper) {
    fill(canvas, box, paper);
    int count = 4 + hash(text) % 10;
    for (int i = 0; i < count && (i + 2) * LETTER_WIDTH < box.width; i++)
        letter(canvas, box.x + 8 + i * LETTER_WIDTH, box.y + 2, hash(text * 64 + i), ink, paper);
}

static rect_t rows(canvas_t *canvas, rect_t box, uint32_t first, int chosen) {
    fill(canvas, box, 0xeceff4);
    for (int row = 0; (row + 1) * 24 <= box.height; row++)
        label(canvas, row_of(box, row), first + row, row == chosen ? 0xffffff : 0x2e3440,
              row == chosen ? 0x5e81ac : 0xeceff4);
    return box;
}

static void init_ui(canvas_t *canvas) {
    init_typing(canvas);
    label(canvas, button, 3, 0x2e3440, 0xd8dee9);
    rows(canvas, list, 100, 0);
}

/* Forty steps: text is typed; a button is pressed; a menu opens, is walked through and closes; a list scrolls. */
static int step_ui(canvas_t *canvas, uint32_t number, rect_t *changed) {
    static const uint32_t shades[] = {0xe5e9f0, 0x81a1c1, 0xe5e9f0, 0xd8dee9};
    int step = (int)(number % 40), row = step - 25;
    if (step < 20) return step_typing(canvas, number / 40 * 20 + step, changed);
    if (step < 24) {
        changed[0] = button;
        label(canvas, button, 3, 0x2e3440, shades[step - 20]);
    } else if (step == 24) {
        changed[0] = rows(canvas, menu, 40, -1);
    } else if (step < 32) {
        changed[0] = row ? row_of(menu, row - 1) : row_of(menu, 0);
        if (row) label(canvas, changed[0], 40 + row - 1, 0x2e3440, 0xeceff4);
        changed[row ? 1 : 0] = row_of(menu, row);
        label(canvas, row_of(menu, row), 40 + row, 0xffffff, 0x5e81ac);
        return row ? 2 : 1;
    } else if (step == 32) {
        fill(canvas, menu, DESKTOP);
        changed[0] = menu;
    } else {
        changed[0] = rows(canvas, list, 100 + number / 40 * 7 + step - 32, step - 33);
    }
    return 1;
}

static int step_idle(canvas_t *canvas, uint32_t number, rect_t *changed) {
    (void)canvas, (void)number, (void)changed;
    return 0;
}

static const scene_t scenes[] = {
    {"video", 30, init_video, step_video},   {"full", 30, init_full, step_full},
    {"scroll", 15, init_scroll, step_scroll}, {"ui", 20, init_ui, step_ui},
    {"typing", 10, init_typing, step_typing}, {"idle", 10, init_ui, step_idle},
};

const scene_t *find_scene(const char *name) {
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++)
        if (!strcmp(scenes[i].name, name)) return &scenes[i];
    return NULL;
}
