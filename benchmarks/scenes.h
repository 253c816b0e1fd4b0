/* The benchmark's workloads: what changes on a screen of 1920x1080, step by step, the same pixels every time. */
#ifndef SCENES_H
#define SCENES_H
#include <stdint.h>

typedef struct { int32_t x, y, width, height; } rect_t;

typedef struct {
    int width, height;  /* in pixels; rows are width * 4 bytes, a pixel is 0x00RRGGBB */
    uint32_t *pixels;
} canvas_t;

#define MAX_RECTS 8

typedef struct {
    const char *name;
    double rate;                                                  /* steps a second */
    void (*init)(canvas_t *);                                     /* draws the whole first picture */
    int (*step)(canvas_t *, uint32_t number, rect_t *changed);    /* draws the next one; returns how many rects */
} scene_t;

const scene_t *find_scene(const char *name);
void fill(canvas_t *canvas, rect_t area, uint32_t colour);
#endif
