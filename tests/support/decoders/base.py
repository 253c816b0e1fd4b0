"""What all decoders share: the signature, the state of a connection, strict inflation.

`decode(rect, state)` is a parser (see tests.support.wire) of the data of one rectangle after its header; it
returns the rectangle's pixel values, shape (height, width). It never writes the framebuffer.
"""

from __future__ import annotations

import zlib as deflate
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.support.errors import DecodeError
from tests.support.pixelformat import Image, PixelFormat
from tests.support.wire import Feeder, Parser

if TYPE_CHECKING:
    from zlib import _Decompress

QUALITY_LEVELS = range(-32, -22)
TIGHT_WITHOUT_ZLIB = -317


class Rect(NamedTuple):
    """A rectangle in framebuffer pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def intersects(self, other: Rect) -> bool:
        """Whether both share a pixel."""
        return max(self.x, other.x) < min(self.x + self.width, other.x + other.width) and max(
            self.y, other.y
        ) < min(self.y + self.height, other.y + other.height)

    def within(self, width: int, height: int) -> bool:
        """Whether it lies in a framebuffer of that size."""
        return self.x + self.width <= width and self.y + self.height <= height


@dataclass
class DecoderState:
    """What decoding depends on beyond the bytes: one per connection, streams for its whole life."""

    format: PixelFormat
    framebuffer: Image
    listed: frozenset[int] = frozenset()
    """Encodings that the client has listed: Tight needs them to judge JPEG and uncompressed data."""
    zlib: _Decompress = field(default_factory=deflate.decompressobj)
    zrle: _Decompress = field(default_factory=deflate.decompressobj)
    tight: list[_Decompress] = field(default_factory=lambda: [deflate.decompressobj() for _ in range(4)])
    jpeg_tables: dict[int, bytes] = field(default_factory=dict)
    """Latest DQT (0xDB) and DHT (0xC4) segments of encoding 21."""

    @property
    def quality_listed(self) -> bool:
        """Whether the client gave a JPEG quality level."""
        return any(level in QUALITY_LEVELS for level in self.listed)


Decoder = Callable[[Rect, DecoderState], Parser[Image]]


def require(condition: bool, problem: str) -> None:
    """Raise DecodeError with `problem` unless the condition holds."""
    if not condition:
        raise DecodeError(problem)


def inflate(stream: _Decompress, data: bytes, limit: int) -> bytes:
    """Return what the fragment inflates to, all of it, at most `limit` bytes.

    Raises: DecodeError on bad deflate data, more than `limit` bytes, or the end of a stream that must go on.
    """
    try:
        inflated = stream.decompress(data, limit + 1)
    except deflate.error as error:
        raise DecodeError(f"deflate: {error}") from error
    require(len(inflated) <= limit, f"inflates to more than {limit} bytes")
    require(not stream.eof, "the zlib stream was ended, it has to live on")
    return inflated


def grid(rect: Rect, side: int) -> list[Rect]:
    """Return the tiles of a rectangle from left to right, top to bottom, relative to its corner."""
    return [
        Rect(x, y, min(side, rect.width - x), min(side, rect.height - y))
        for y in range(0, rect.height, side)
        for x in range(0, rect.width, side)
    ]


def paint(image: Image, area: Rect, pixels: Image | int) -> None:
    """Set an area of an image; flat arrays are taken row by row."""
    if isinstance(pixels, np.ndarray):
        pixels = pixels.reshape(area.height, area.width)
    image[area.y : area.y + area.height, area.x : area.x + area.width] = pixels


def blank(rect: Rect) -> Image:
    """Return an image of the rectangle's size."""
    return np.zeros((rect.height, rect.width), np.uint32)


def decode_all(decode: Decoder, rect: Rect, state: DecoderState, data: bytes) -> Image:
    """Decode data that must be exactly one rectangle. Raises: DecodeError also if short or too long."""
    feeder = Feeder(decode(rect, state))
    feeder.feed(data)
    if not feeder.finished or feeder.result is None:
        raise DecodeError(f"{rect}: ends early, {feeder.buffered} bytes are no whole field")
    require(feeder.buffered == 0, f"{rect}: {feeder.buffered} bytes left over")
    return feeder.result
