"""Gives the viewers' pointers a shape of its own: a star that changes its colour every second.

Viewers draw it themselves, at once. Run `python examples/cursor.py`, and move the pointer over 127.0.0.1:5902.
"""

import colorsys
import math
import random
import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT, SIDE = 480, 320, 48


def draw(context: cairo.Context) -> None:
    """Draw a night sky."""
    context.set_source_rgb(0.04, 0.05, 0.14)
    context.paint()
    dice = random.Random(5)
    for _ in range(220):
        context.set_source_rgba(1, 1, 0.9, dice.uniform(0.2, 1))
        context.arc(dice.uniform(0, WIDTH), dice.uniform(0, HEIGHT), dice.uniform(0.4, 1.6), 0, math.tau)
        context.fill()


def star(hue: float) -> cairo.ImageSurface:
    """Return a star with a soft edge, on nothing."""
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, SIDE, SIDE)
    context = cairo.Context(surface)
    context.translate(SIDE / 2, SIDE / 2)
    for point in range(10):
        angle, reach = point * math.tau / 10, (SIDE * 0.46, SIDE * 0.2)[point % 2]
        context.line_to(reach * math.sin(angle), -reach * math.cos(angle))
    context.set_source_rgb(*colorsys.hsv_to_rgb(hue, 0.6, 1))
    context.fill_preserve()
    context.set_source_rgba(1, 1, 1, 0.6)
    context.set_line_width(2)
    context.stroke()
    return surface


def main(**where: object) -> None:
    """Change the cursor once a second; the picture stays as it is."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    draw(cairo.Context(surface))
    with mpvnc.publish(surface, title="Wishing star", **where) as publication:
        for second in range(1 << 62):
            publication.change_cursor_surface(star(second * 0.17 % 1), hotspot=(SIDE // 2, SIDE // 2))
            time.sleep(1)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
