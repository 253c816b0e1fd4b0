"""What each encoding costs and makes of a picture: `python -m benchmarks.encoders [--size 1280x720] [--numpy]`.

Three pictures (pictures.py), cut as the server cuts a whole screen, and encoded for viewers that list an encoding,
a compression level, a quality. No server, no cache: `mpvnc.encodings.encode` alone, in one thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.ledger import Ledger, machine, pace_ms
from benchmarks.pictures import PICTURES
from benchmarks.tables import number, table
from mpvnc.constants import Encoding
from mpvnc.encodings import WireClass, encode, wire_class
from mpvnc.geometry import Rect
from mpvnc.kernels import coding, coding_numpy
from mpvnc.pixels import NATIVE, Pixels
from mpvnc.session.planner import pieces, slice_area
from mpvnc.session.rungs import SHARED_QUALITIES

LEGEND = (
    "ms: CPU of encoding the whole picture, the median; kB of 1000 bytes, rectangle headers included; x: how many "
    "times smaller than Raw. Compress levels stand for the three buckets (0-2, 3-5, 6-9). Quality 6 is what most "
    "viewers ask for, the lower ones are what they get on a slow network. A piece of the picture that an encoding "
    "does not suit goes as the server would send it: Raw for RRE, lossless for JPEG where there are few colours."
)


class Way(NamedTuple):
    """A name for the table, and what a viewer lists to be sent that."""

    name: str
    listed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture in an encoding."""

    peer: str
    picture: str
    size: str
    kernels: str
    way: str
    cpu_ms: float
    bytes: int


def ways() -> list[Way]:
    """Return everything that mpvnc serves, at the levels that differ."""
    plain = [Way(name, (encoding,)) for name, encoding in (
        ("Raw", Encoding.RAW), ("RRE", Encoding.RRE), ("Hextile", Encoding.HEXTILE))]  # fmt: skip
    deflated = [
        Way(f"{name}, compress {level}", (encoding, Encoding.COMPRESSION_LEVEL_0 + level))
        for name, encoding in (("Zlib", Encoding.ZLIB), ("ZRLE", Encoding.ZRLE), ("Tight", Encoding.TIGHT))
        for level in (2, 5, 9)
    ]
    lossy = [
        Way(f"Tight, quality {quality}", (Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + quality))
        for quality in (9, 6, *SHARED_QUALITIES)
    ]
    jpeg = Way("JPEG, quality 6", (Encoding.JPEG, Encoding.ZRLE, Encoding.JPEG_QUALITY_LEVEL_0 + 6))
    return [*plain, *deflated, *lossy, jpeg]


def encoded_bytes(pixels: Pixels, wire: WireClass) -> int:
    """Encode a whole picture as the server does; return how many bytes it makes."""
    height, width = pixels.shape
    total = 0
    for rect in pieces(Rect(0, 0, width, height), slice_area(wire)):
        part = pixels[rect.y : rect.bottom, rect.x : rect.right]
        total += len(encode(part, rect, wire).data)
    return total


def median_ms(run: Callable[[], int], repeats: int) -> tuple[float, int]:
    """Return the median of the CPU milliseconds, and what the last run returned; one run before is not counted."""
    result, times = run(), []
    for _ in range(repeats):
        began = time.process_time()
        result = run()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times), result


@contextmanager
def numpy_kernels() -> Iterator[None]:
    """Have the encodings use the kernels of numpy for a while, compiled or not."""
    before = {name: getattr(coding, name) for name in coding.__all__ if hasattr(coding_numpy, name)}
    for name in before:
        setattr(coding, name, getattr(coding_numpy, name))
    try:
        yield
    finally:
        for name, kernel in before.items():
            setattr(coding, name, kernel)


def measure(width: int, height: int, repeats: int, kernels: str) -> Iterator[Encoded]:
    """Encode every picture in every way."""
    for picture, draw in PICTURES.items():
        pixels = draw(width, height)
        for way in ways():
            wire = wire_class(NATIVE, way.listed)
            cpu_ms, size = median_ms(partial(encoded_bytes, pixels, wire), repeats)
            yield Encoded("mpvnc", picture, f"{width}x{height}", kernels, way.name, cpu_ms, size)


def report(found: Sequence[Encoded]) -> str:
    """Return the table: a line for each way, three columns for each picture."""
    pictures, names = (
        list(dict.fromkeys(getattr(one, name) for one in found)) for name in ("picture", "way")
    )
    cells = {(one.picture, one.way): one for one in found}
    head = ["encoding", *(f"{picture} {what}" for picture in pictures for what in ("ms", "kB", "x"))]
    rows = []
    for name in names:
        row = [name]
        for picture in pictures:
            one, raw = cells[picture, name], cells[picture, names[0]]
            row += [number(one.cpu_ms), number(one.bytes / 1000, 1), number(raw.bytes / one.bytes, 1)]
        rows.append(row)
    return table(head, rows)


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.encoders", description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=_size, default=(1920, 1080), help="of the pictures (1920x1080)")
    parser.add_argument("--repeats", type=int, default=5, help="of which the median is taken (5)")
    parser.add_argument(
        "--numpy", action="store_true", help="use the numpy kernels though there are compiled ones"
    )
    parser.add_argument("--ledger", type=Path, help="append a row for each picture and encoding to this file")
    return parser.parse_args(argv)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def main(argv: Sequence[str] | None = None) -> int:
    """Encode, and print the table."""
    arguments = read_arguments(argv)
    kernels = "compiled" if coding.COMPILED and not arguments.numpy else "numpy"
    width, height = arguments.size
    with numpy_kernels() if arguments.numpy else nullcontext():
        found = list(measure(width, height, arguments.repeats, kernels))
    ledger = Ledger(arguments.ledger)
    for one in found:
        ledger.note(one, {})
    print(f"# Encodings of {width}x{height}, {kernels} kernels\n\n{machine()}, pace {pace_ms()} ms\n")
    print(f"{report(found)}\n\n{LEGEND}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
