"""Raw: the pixels as they are. RFC 6143 section 7.7.1. Every client must take it, whatever it listed."""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings.base import EncodedRectangle, rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return the pixels of `rect`. `wire` must have a layout of whole pixels (not of Tight or ZRLE)."""
    return rectangle(rect, Encoding.RAW, wire.layout.pack(wire.layout.units(pixels)))
