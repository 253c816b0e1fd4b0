"""The Cursor pseudo-encoding: a pointer's shape, which the viewer draws itself. RFC 6143 section 7.8.1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings.base import rectangle
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pixels import PixelFormat, convert
from mpvnc.pointer import Cursor

_OPAQUE = 128


@lru_cache(maxsize=16)
def cursor_rectangle(fmt: PixelFormat, cursor: Cursor | None) -> bytes:
    """Return the rectangle, header included: the hot spot, then pixels in the client's format, then the mask.

    A pixel is in the mask if its alpha is at least 128; the others are sent as black. None hides the pointer.
    Made once for all clients of a format.
    """
    if cursor is None:
        return rectangle(EMPTY, Encoding.CURSOR).data
    shape = np.frombuffer(cursor.pixels, dtype="<u4").reshape(cursor.height, cursor.width)
    opaque = (shape >> 24) >= _OPAQUE
    pixels = np.where(opaque, shape & 0xFFFFFF, 0).astype(np.uint32)
    mask = np.packbits(opaque, axis=1)
    where = Rect(cursor.hot_x, cursor.hot_y, cursor.width, cursor.height)
    return rectangle(where, Encoding.CURSOR, convert(pixels, fmt).tobytes(), mask.tobytes()).data
