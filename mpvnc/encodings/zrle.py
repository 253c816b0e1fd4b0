"""ZRLE: run lengths and palettes in tiles of 64x64, deflated. RFC 6143 section 7.7.6.

The tiles are made by the kernels, each in its smallest form; the zlib stream lives as long as the connection.
"""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings import deflate
from mpvnc.encodings.base import EncodedRectangle, Stream, stream_rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.kernels import coding
from mpvnc.pixels import Pixels


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return the tiles of `rect`, deflated."""
    layout = wire.layout
    tiles = coding.zrle(layout.units(pixels), layout.size, layout.reverse)
    return stream_rectangle(rect, Encoding.ZRLE, deflate.fragment(tiles, wire.compression), Stream.ZRLE)
