"""A pointer's shape, which the viewer draws itself: the three pseudo-encodings for it.

RFC 6143 section 7.8.1 (Cursor); rfbproto "X Cursor Pseudo-encoding", "Cursor With Alpha Pseudo-encoding".
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings.base import rectangle
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pixels import PixelFormat, Pixels, convert
from mpvnc.pointer import Cursor

_OPAQUE = 128
_RAW = struct.pack(">i", Encoding.RAW)
_LUMINANCE = np.array([299, 587, 114])
_Mask = np.ndarray[Any, np.dtype[np.bool_]]


@lru_cache(maxsize=32)
def cursor_rectangle(encoding: int, fmt: PixelFormat, cursor: Cursor | None) -> bytes:
    """Return the rectangle, header included. Made once for all clients of an encoding and a format.

    Args:
        encoding: CURSOR, X_CURSOR or CURSOR_WITH_ALPHA.
        fmt: the client's; only CURSOR has pixels in it.
        cursor: None hides the pointer.
    """
    if encoding == Encoding.CURSOR_WITH_ALPHA:
        body = _RAW + (_premultiplied(cursor) if cursor else b"")
    elif cursor is None:
        body = b""
    elif encoding == Encoding.X_CURSOR:
        body = _two_colours(cursor)
    else:
        body = _masked(cursor, fmt)
    where = Rect(cursor.hot_x, cursor.hot_y, cursor.width, cursor.height) if cursor else EMPTY
    return rectangle(where, Encoding(encoding), body).data


def _masked(cursor: Cursor, fmt: PixelFormat) -> bytes:
    """Return pixels and mask: one is in it if its alpha is at least 128, the others are sent as black."""
    shape, opaque = _shape(cursor)
    pixels = np.where(opaque, shape & 0xFFFFFF, 0).astype(np.uint32)
    return convert(pixels, fmt).tobytes() + np.packbits(opaque, axis=1).tobytes()


def _two_colours(cursor: Cursor) -> bytes:
    """Return two colours, which pixels have the first one, and the mask.

    The colours are the means of the lighter and of the darker half, so that a cursor of two colours keeps its own.
    """
    shape, opaque = _shape(cursor)
    rgb = np.stack([shape >> 16 & 0xFF, shape >> 8 & 0xFF, shape & 0xFF], axis=2).astype(np.int64)
    luminance = rgb @ _LUMINANCE
    seen = luminance[opaque]
    middle = (int(seen.min()) + int(seen.max())) / 2 if seen.size else 0
    light = opaque & (luminance >= middle)
    colours = _mean(rgb, light) + _mean(rgb, opaque & ~light)
    return colours + np.packbits(light, axis=1).tobytes() + np.packbits(opaque, axis=1).tobytes()


def _premultiplied(cursor: Cursor) -> bytes:
    """Return R, G, B, A of each pixel, the colours multiplied by alpha."""
    bgra = np.frombuffer(cursor.pixels, np.uint8).reshape(-1, 4)
    alpha = bgra[:, 3:].astype(np.uint16)
    rgb = (bgra[:, 2::-1] * alpha + 127) // 255
    return np.concatenate([rgb, alpha], axis=1).astype(np.uint8).tobytes()


def _shape(cursor: Cursor) -> tuple[Pixels, _Mask]:
    shape = np.frombuffer(cursor.pixels, dtype="<u4").reshape(cursor.height, cursor.width)
    return shape, (shape >> 24) >= _OPAQUE


def _mean(rgb: np.ndarray[Any, np.dtype[np.int64]], chosen: _Mask) -> bytes:
    """Return the mean colour of the chosen pixels as three bytes; black if there are none."""
    return bytes(np.rint(rgb[chosen].mean(axis=0)).astype(np.uint8)) if chosen.any() else bytes(3)
