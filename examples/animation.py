"""Shows a ribbon of light that winds around itself: the shortest way from a Cairo surface to viewers.

Run `python examples/animation.py`, and look with any VNC viewer at 127.0.0.1:5902.
"""

import colorsys
import math
import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT = 640, 400


def draw(context: cairo.Context, now: float) -> None:
    """Draw the picture of this moment."""
    sky = cairo.LinearGradient(0, 0, 0, HEIGHT)
    sky.add_color_stop_rgb(0, 0.03, 0.03, 0.10)
    sky.add_color_stop_rgb(1, 0.10, 0.06, 0.22)
    context.set_source(sky)
    context.paint()
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    for step in range(220):
        age = step / 220
        angle = now + age * 3.4
        x = WIDTH * (0.5 + 0.38 * math.sin(angle * 1.3))
        y = HEIGHT * (0.5 + 0.36 * math.sin(angle * 1.9 + 0.7))
        context.set_source_rgba(*colorsys.hsv_to_rgb((0.55 + age * 0.4) % 1, 0.7, 1), age)
        context.arc(x, y, 2 + 16 * age, 0, math.tau)
        context.fill()


def main(**where: object) -> None:
    """Publish thirty frames a second; `where` is what `mpvnc.publish` takes."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    draw(cairo.Context(surface), 0)
    with mpvnc.publish(surface, title="Ribbon", **where) as publication:
        while True:
            publication.wait_for_viewer()
            with publication.frame():
                draw(cairo.Context(surface), time.monotonic())
            time.sleep(1 / 30)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
