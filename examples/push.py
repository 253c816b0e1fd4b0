"""Shows a heart that beats for viewers that ask once and wait, as Apple's Screen Sharing does.

Such viewers say so, and get every frame unasked; `change_frame` is all it takes. With the setting
`clients.push_requests` all viewers are served so. Run `python examples/push.py`, and look at 127.0.0.1:5902.
"""

import math
import time
from contextlib import suppress

import cairo

import mpvnc

SIZE = 320


def draw(context: cairo.Context, beat: float) -> None:
    """Draw a heart; `beat` goes from 0 to 1."""
    context.set_source_rgb(0.15, 0.02, 0.07)
    context.paint()
    strength = 1 + 0.16 * math.exp(-6 * beat) * math.sin(18 * beat)
    context.translate(SIZE / 2, SIZE * 0.55)
    context.scale(strength, strength)
    glow = cairo.RadialGradient(-30, -50, 10, 0, 0, 130)
    glow.add_color_stop_rgb(0, 1.0, 0.55, 0.6)
    glow.add_color_stop_rgb(1, 0.8, 0.05, 0.2)
    context.set_source(glow)
    context.move_to(0, 95)
    context.curve_to(-150, -10, -90, -130, 0, -55)
    context.curve_to(90, -130, 150, -10, 0, 95)
    context.fill()


def main(**where: object) -> None:
    """Beat seventy times a minute, with the surface drawn whenever it suits."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, SIZE, SIZE)
    draw(cairo.Context(surface), 0)
    with mpvnc.publish(surface, title="Heart", **where) as publication:
        while True:
            draw(cairo.Context(surface), time.monotonic() * 70 / 60 % 1)
            publication.change_frame()
            time.sleep(1 / 25)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
