"""Hextile: tiles of 16x16, as subrectangles on a background, or raw. RFC 6143 section 7.7.4.

Background and foreground carry over between the tiles of a rectangle, never between rectangles.
"""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings.base import EncodedRectangle, rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.kernels import coding
from mpvnc.pixels import Pixels


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return the tiles of `rect`; never longer than Raw and a byte per tile."""
    layout = wire.layout
    tiles = coding.hextile(layout.units(pixels), layout.size, layout.reverse)
    return rectangle(rect, Encoding.HEXTILE, tiles)
