"""Shows a butterfly that is drawn wing by wing, by a thread that takes its time; viewers see whole frames only.

It is a CairoVNC program: one thread draws and holds the lock while it does, the server reads the surface when it is
free. Run `python examples/locking.py`, and look at 127.0.0.1:5902.
"""

import colorsys
import math
import threading
import time
from contextlib import suppress

import cairo

from mpvnc import cairovnc

WIDTH, HEIGHT = 480, 320


def draw_half(surface: cairo.ImageSurface, side: int, now: float) -> None:
    """Draw the left half (-1) or the right one (1)."""
    context = cairo.Context(surface)
    context.translate(WIDTH / 2, HEIGHT / 2)
    context.scale(side, 1)
    context.set_source_rgb(*colorsys.hsv_to_rgb(now / 20 % 1, 0.35, 0.35))
    context.rectangle(0, -HEIGHT / 2, WIDTH / 2, HEIGHT)
    context.fill()
    context.scale(0.35 + 0.65 * abs(math.cos(now * 3)), 1)
    for wing, (height, reach) in enumerate([(-110, 190), (90, 130)]):
        context.set_source_rgb(*colorsys.hsv_to_rgb((now / 20 + 0.5 + wing / 12) % 1, 0.8, 1))
        context.move_to(2, 0)
        context.curve_to(reach * 0.3, height * 1.4, reach, height * 1.2, reach, height * 0.6)
        context.curve_to(reach, height * 0.2, reach * 0.4, 0, 2, 0)
        context.fill()


def animate(surface: cairo.ImageSurface, lock: threading.Lock) -> None:
    """Draw for ever."""
    while True:
        now = time.monotonic()
        with lock:
            draw_half(surface, -1, now)
            time.sleep(0.01)
            draw_half(surface, 1, now)
        time.sleep(0.02)


def main(host: str = "127.0.0.1", port: int = 5902) -> None:
    """Serve until Ctrl-C."""
    surface, lock = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT), threading.Lock()
    threading.Thread(target=animate, args=(surface, lock), daemon=True).start()
    cairovnc.CairoVNCServer(surface, host=host, port=port, surface_lock=lock).serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
