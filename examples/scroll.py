"""Shows hills to travel over with the wheel, up and down or sideways.

Viewers move what they have got already; only what comes into sight is sent anew. Run `python examples/scroll.py`,
look at 127.0.0.1:5902, and turn the wheel.
"""

import math
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT, STEP = 560, 320, 24


def draw(context: cairo.Context, left: int, top: int) -> None:
    """Draw the part of an endless country whose corner is at left, top."""
    sky = cairo.LinearGradient(0, -top - 200, 0, HEIGHT - top)
    sky.add_color_stop_rgb(0, 0.35, 0.55, 0.85)
    sky.add_color_stop_rgb(1, 0.98, 0.80, 0.65)
    context.set_source(sky)
    context.paint()
    context.set_source_rgb(1.0, 0.93, 0.75)
    context.arc(400 - left, 70 - top, 34, 0, math.tau)
    context.fill()
    for row in range(5):
        light = 0.75 - row * 0.14
        context.set_source_rgb(0.35 * light, 0.45 * light + 0.1, 0.55 * light)
        context.move_to(0, HEIGHT)
        for x in range(0, WIDTH + 8, 8):
            far = x + left
            hill = math.sin(far / (90 + 23 * row) + row * 2) + 0.4 * math.sin(far / 31 + row)
            context.line_to(x, 130 + row * 45 - 26 * hill - top)
        context.line_to(WIDTH, HEIGHT)
        context.fill()


def main(**where: object) -> None:
    """Follow the wheel."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    left = top = 0
    draw(cairo.Context(surface), left, top)
    with mpvnc.publish(surface, title="Hills", **where) as publication:
        for event in iter(publication.get_event, None):
            if event.name == "scroll":
                left, top = left + event.dx * STEP, top - event.dy * STEP
                with publication.frame():
                    draw(cairo.Context(surface), left, top)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
