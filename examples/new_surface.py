"""Shows a tunnel whose picture grows and shrinks, and takes the size that a viewer asks for.

Run `python examples/new_surface.py`, look at 127.0.0.1:5902, and pull at the viewer's window.
"""

import math
import time
from contextlib import suppress

import cairo

import mpvnc

SIZES = [(480, 320), (360, 360), (560, 240)]


def draw(surface: cairo.ImageSurface, now: float) -> None:
    """Draw rings that come towards the viewer, whatever the size."""
    context = cairo.Context(surface)
    context.set_source_rgb(0.07, 0.05, 0.12)
    context.paint()
    context.scale(surface.get_width(), surface.get_height())
    for ring in range(14, 0, -1):
        depth = (ring - now * 2 % 1) / 14
        light = 1 - depth
        context.set_source_rgb(0.95 * light, 0.55 * light, 0.25 + 0.4 * light)
        context.arc(0.5 + 0.08 * math.sin(now + ring / 4), 0.5, 0.52 * (1 - depth) ** 2, 0, math.tau)
        context.set_line_width(0.004 + 0.03 * light**3)
        context.stroke()


def main(**where: object) -> None:
    """Publish a surface of another size every two seconds, until a viewer has a wish."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, *SIZES[0])
    started, turn, has_wish = time.monotonic(), 0, False
    with mpvnc.publish(surface, title="Tunnel", **where) as publication:
        while True:
            now = time.monotonic() - started
            size = None
            for event in publication.events():
                if event.name == "resize":
                    size, has_wish = (min(event.width, 1920), min(event.height, 1080)), True
            if now // 2 != turn and not has_wish:
                turn = now // 2
                size = SIZES[int(turn) % len(SIZES)]
            if size:
                surface = cairo.ImageSurface(cairo.FORMAT_RGB24, *size)
                publication.change_surface(surface)
            with publication.frame():
                draw(surface, now)
            time.sleep(1 / 25)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
