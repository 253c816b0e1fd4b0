"""What publishing costs a program that draws: `python -m benchmarks.publish [--seconds N]`.

A 1920x1080 surface at 60 frames per second, against one memcmp of the whole surface in the same run. Three programs:
a small shape that moves and says where (damage=), one that does not say, and a surface that changes everywhere. CPU
time of the publishing process alone, all its threads, beyond its drawing; a server with one worker and one viewer
runs beside it. The limits are those of the issue that asked for them.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import cairo
import numpy as np

import mpvnc

WIDTH, HEIGHT, RATE = 1920, 1080, 60
SHAPE = 48

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Case(NamedTuple):
    """One way to animate, and how many comparisons a frame of it may cost."""

    name: str
    limit: float
    draw: Callable[[np.ndarray, int], list[tuple[int, int, int, int]] | None]


def moving(pixels: np.ndarray, step: int) -> list[tuple[int, int, int, int]]:
    """Move a square; return where it was and is."""
    rects = []
    for number, value in ((step - 1, 0x204060), (step, 0xFFCC00)):
        x, y = number * 7 % (WIDTH - SHAPE), number * 3 % (HEIGHT - SHAPE)
        pixels[y : y + SHAPE, x : x + SHAPE] = value
        rects.append((x, y, SHAPE, SHAPE))
    return rects


def silent(pixels: np.ndarray, step: int) -> None:
    """Move it, and say nothing."""
    moving(pixels, step)


def everywhere(pixels: np.ndarray, step: int) -> None:
    """Change every pixel."""
    pixels += np.uint32(step | 1)


CASES = (Case("damage", 0.5, moving), Case("whole", 2.0, silent), Case("everywhere", 3.0, everywhere))


def cpu_s() -> float:
    """CPU seconds of this process, all threads."""
    return time.process_time()


def measure(
    case: Case, publication: mpvnc.Publication, pixels: np.ndarray, seconds: float
) -> tuple[float, float]:
    """Return the CPU seconds of publishing a frame, and of a memcmp with an equal surface, one after each."""
    published, compared = [], []
    due = time.monotonic()
    for step in range(1, int(seconds * RATE) + 1):
        damage = case.draw(pixels, step)
        began = cpu_s()
        publication.publish_frame(damage)
        published.append(cpu_s() - began)
        equal = pixels.copy()
        began = cpu_s()
        _memcmp(pixels.ctypes.data, equal.ctypes.data, pixels.nbytes)
        compared.append(cpu_s() - began)
        due += 1 / RATE
        time.sleep(max(due - time.monotonic(), 0))
    return statistics.mean(published), statistics.mean(compared)


def main() -> int:
    """Run the three; 1 if one costs more than it may."""
    parser = argparse.ArgumentParser(prog="benchmarks.publish", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each case")
    arguments = parser.parse_args()
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, WIDTH, HEIGHT)
    pixels = np.ndarray((HEIGHT, WIDTH), np.uint32, surface.get_data())
    failed = 0
    settings = {"server.workers": 1, "logging.log_level": "WARNING"}
    with mpvnc.publish(surface, port=0, settings=settings) as publication:
        for case in CASES:
            cost, compared = measure(case, publication, pixels, arguments.seconds)
            is_over = cost > case.limit * compared
            failed |= is_over
            print(
                f"{case.name:10} {1e6 * cost:7.0f} us per frame, memcmp {1e6 * compared:6.0f} us: "
                f"{cost / compared:5.2f} x, limit {case.limit:g}{'  OVER' if is_over else ''}",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    os.environ.setdefault("MPVNC_RUNTIME_DIR", f"/tmp/mpvnc-bench-{os.getpid()}")
    sys.exit(main())
