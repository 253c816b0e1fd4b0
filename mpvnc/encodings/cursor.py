"""The Cursor pseudo-encoding: a pointer's shape, which the viewer draws itself. RFC 6143 section 7.8.1."""

from __future__ import annotations

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings.base import rectangle
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import PixelFormat, convert

MAX_SIDE = 1024
_OPAQUE = 128


def cursor_rectangle(
    fmt: PixelFormat, *, width: int, height: int, hot_x: int, hot_y: int, bgra: bytes | memoryview
) -> bytes:
    """Return the rectangle, header included: the hot spot, then pixels in the client's format, then the mask.

    bgra: width * height * 4 bytes, row by row, straight (not premultiplied) alpha. A pixel is in the mask if
    its alpha is at least 128; the others are sent as black. 0x0 hides the pointer.

    Raises: EncodeError if the bytes do not fit the size, or the hot spot lies outside.
    """
    _check(width, height, hot_x, hot_y, len(bgra))
    shape = np.frombuffer(bgra, dtype="<u4").reshape(height, width)
    opaque = (shape >> 24) >= _OPAQUE
    pixels = np.where(opaque, shape & 0xFFFFFF, 0).astype(np.uint32)
    mask = np.packbits(opaque, axis=1) if opaque.size else opaque
    where = Rect(hot_x, hot_y, width, height)
    return rectangle(where, Encoding.CURSOR, convert(pixels, fmt).tobytes(), mask.tobytes()).data


def _check(width: int, height: int, hot_x: int, hot_y: int, length: int) -> None:
    if not (0 <= width <= MAX_SIDE and 0 <= height <= MAX_SIDE):
        raise EncodeError(f"cursor of {width}x{height}, expected at most {MAX_SIDE}x{MAX_SIDE}")
    if length != width * height * 4:
        raise EncodeError(f"cursor of {width}x{height} with {length} bytes of pixels")
    inside = 0 <= hot_x < width and 0 <= hot_y < height
    if not (inside or (width * height == 0 and hot_x == hot_y == 0)):
        raise EncodeError(f"hot spot {hot_x},{hot_y} outside of a cursor of {width}x{height}")
