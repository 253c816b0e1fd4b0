"""Shows two surfaces on one server, each at a port of its own: an island by day, and the same one by night.

Run `python examples/two_surfaces.py`, and look at 127.0.0.1:5902 and 127.0.0.1:5903.
"""

import math
import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT = 480, 300
DAY = ((0.45, 0.75, 0.95), (0.98, 0.85, 0.35), (0.15, 0.50, 0.70), (0.93, 0.85, 0.62))
NIGHT = ((0.05, 0.06, 0.20), (0.93, 0.93, 0.85), (0.04, 0.12, 0.25), (0.25, 0.24, 0.30))


def draw(context: cairo.Context, colours: tuple[tuple[float, float, float], ...], now: float) -> None:
    """Draw the island in four colours: sky, sun or moon, sea, sand."""
    sky, light, sea, sand = colours
    context.set_source_rgb(*sky)
    context.paint()
    context.set_source_rgb(*light)
    context.arc(380, 70, 32, 0, math.tau)
    context.fill()
    context.set_source_rgb(*sand)
    context.arc(210, 260, 110, math.pi, 0)
    context.fill()
    for wave in range(4):
        context.set_source_rgba(*sea, 0.55 + 0.15 * wave)
        context.move_to(0, HEIGHT)
        for x in range(0, WIDTH + 12, 12):
            context.line_to(x, 205 + 22 * wave + 5 * math.sin(x / 40 + now * (1 + wave / 3) + wave))
        context.line_to(WIDTH, HEIGHT)
        context.fill()


def main(listeners: str = "127.0.0.1:5902#day,127.0.0.1:5903#night", **where: object) -> None:
    """Publish both, twenty frames a second. The second one joins the server that the first has started."""
    day, night = (cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT) for _ in range(2))
    where = {"port": 5902, "settings": {"server.listeners": listeners}, **where}
    with (
        mpvnc.publish(day, name="day", **where) as by_day,
        mpvnc.publish(night, name="night", instance=by_day.instance) as by_night,
    ):
        print(*by_day.listeners, *by_night.listeners, flush=True)
        while True:
            for publication, colours in ((by_day, DAY), (by_night, NIGHT)):
                with publication.frame() as surface:
                    draw(cairo.Context(surface), colours, time.monotonic())
            time.sleep(1 / 20)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
