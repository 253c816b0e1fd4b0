"""Shows waves that four processes draw together, each a band of the same surface.

It lies in memory that forked processes share; this one publishes when all have drawn. Run
`python examples/process_pool.py`, and look at 127.0.0.1:5902.
"""

import colorsys
import math
import mmap
import multiprocessing
import signal
import time
from contextlib import suppress

import cairo

import mpvnc

WIDTH, HEIGHT, BANDS, ROWS = 640, 400, 4, 100
STRIDE = cairo.ImageSurface.format_stride_for_width(cairo.FORMAT_RGB24, WIDTH)
MEMORY = mmap.mmap(-1, STRIDE * HEIGHT)


def rows_of(first: int, rows: int) -> cairo.ImageSurface:
    """Return rows of the shared memory as a surface."""
    memory = memoryview(MEMORY)[first * STRIDE :]
    return cairo.ImageSurface.create_for_data(memory, cairo.FORMAT_RGB24, WIDTH, rows, STRIDE)


def draw(band: int, now: float) -> None:
    """Draw one band, in whatever process this is."""
    context = cairo.Context(rows_of(band * ROWS, ROWS))
    context.translate(0, -band * ROWS)
    for row in range(HEIGHT // 10 + 4):
        context.set_source_rgb(*colorsys.hsv_to_rgb((0.5 + row / 130 + now / 60) % 1, 0.65, 0.25 + row / 60))
        context.move_to(0, HEIGHT)
        for x in range(0, WIDTH + 16, 16):
            swell = math.sin(x / 70 + now + row / 3) * math.sin(row / 9 - now / 2)
            context.line_to(x, row * 10 - 20 + 16 * swell)
        context.line_to(WIDTH, HEIGHT)
        context.fill()


def main(**where: object) -> None:
    """Have every frame drawn by the pool, which comes first: what forks should have no threads yet."""
    ignored = (signal.SIGINT, signal.SIG_IGN)
    with (
        multiprocessing.get_context("fork").Pool(BANDS, signal.signal, ignored) as pool,
        mpvnc.publish(rows_of(0, HEIGHT), title="Waves", **where) as publication,
    ):
        while True:
            with publication.frame():
                pool.starmap(draw, zip(range(BANDS), [time.monotonic()] * BANDS, strict=True))
            time.sleep(1 / 25)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(port=5902)
