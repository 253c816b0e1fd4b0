"""Zlib: raw pixels in a zlib stream that lives as long as the connection. rfbproto "Zlib Encoding"."""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings import deflate
from mpvnc.encodings.base import EncodedRectangle, Stream, stream_rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return the pixels of `rect`, deflated."""
    data = wire.layout.pack(wire.layout.units(pixels))
    return stream_rectangle(rect, Encoding.ZLIB, deflate.fragment(data, wire.compression), Stream.ZLIB)
