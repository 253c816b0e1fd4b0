"""Shows an hourglass, and tells in the title of the viewers' windows how much is left of a minute.

Run `python examples/name.py`, and look at 127.0.0.1:5902.
"""

import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT = 240, 320


def draw(context: cairo.Context, left: float) -> None:
    """Draw an hourglass with so much of its sand in the upper half, 0 to 1."""
    context.set_source_rgb(0.12, 0.11, 0.16)
    context.paint()
    context.translate(WIDTH / 2, HEIGHT / 2)
    context.move_to(-70, -120)
    context.line_to(70, -120)
    context.curve_to(70, -40, 8, -30, 8, 0)
    context.curve_to(8, 30, 70, 40, 70, 120)
    context.line_to(-70, 120)
    context.curve_to(-70, 40, -8, 30, -8, 0)
    context.curve_to(-8, -30, -70, -40, -70, -120)
    context.close_path()
    context.set_source_rgb(0.75, 0.85, 0.90)
    context.set_line_width(6)
    context.stroke_preserve()
    context.clip()
    context.set_source_rgb(0.93, 0.77, 0.42)
    context.rectangle(-70, -100 * left, 140, 100 * left)
    context.rectangle(-70, 20 + 100 * left, 140, 100)
    context.rectangle(-2, 0, 4, 120)
    context.fill()


def main(**where: object) -> None:
    """Turn it around every minute."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    started, told = time.monotonic(), 60
    draw(cairo.Context(surface), 1)
    with mpvnc.publish(surface, title="60 seconds", **where) as publication:
        while True:
            left_s = 60 - (time.monotonic() - started) % 60
            with publication.frame():
                draw(cairo.Context(surface), left_s / 60)
            if int(left_s) != told:
                told = int(left_s)
                publication.change_name(f"{told} seconds")
            time.sleep(0.1)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
