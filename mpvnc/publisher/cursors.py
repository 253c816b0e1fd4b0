"""Cursors from surfaces: cairo's premultiplied pixels become the straight ones that a `Cursor` has."""

from __future__ import annotations

import numpy as np

from mpvnc.errors import FrameError, PublishError
from mpvnc.pixels import Pixels
from mpvnc.pointer import Cursor
from mpvnc.publisher.surface import ARGB32, Surface, pixels_of

_OPAQUE = np.uint32(0xFF000000)


def cursor_of(surface: Surface, hotspot: tuple[int, int] = (0, 0)) -> Cursor:
    """Return a cursor that looks like the surface now; what is drawn there later does not change it.

    Args:
        surface: ARGB32, or RGB24, which is opaque everywhere; at most 256x256.
        hotspot: the pixel that points, from the top left corner.
    Raises: PublishError if it is no such surface, or the hot spot lies outside.
    """
    pixels = pixels_of(surface)
    height, width = pixels.shape
    try:
        hot_x, hot_y = (int(value) for value in hotspot)
    except (TypeError, ValueError) as error:
        raise PublishError(f"a hot spot is (x, y), not {hotspot!r}") from error
    straight = _straight(pixels) if int(surface.get_format()) == ARGB32 else pixels | _OPAQUE
    try:
        return Cursor(width, height, hot_x, hot_y, straight.astype("<u4").tobytes())
    except FrameError as error:
        raise PublishError(str(error)) from None


def _straight(pixels: Pixels) -> Pixels:
    """Return the pixels with their colours divided by alpha, rounded; black where nothing can be seen."""
    alpha = pixels >> 24
    divisor = np.maximum(alpha, 1)
    straight = alpha << 24
    for shift in (0, 8, 16):
        channel = (pixels >> shift) & 0xFF
        straight |= np.minimum((channel * 255 + divisor // 2) // divisor, 255) * (alpha > 0) << shift
    return straight.astype(np.uint32)
