"""Tight: one colour, two colours, a palette, pixels, or JPEG. rfbproto "Tight Encoding".

Rectangles that carry zlib data reset the stream they use (bits 0-3 of the control byte) and begin it anew:
they are the same bytes for every client. Fills, images and data under 12 bytes touch no stream. Streams as in
the field: 0 pixels, 1 two colours, 2 palettes. No gradient filter.
"""

from __future__ import annotations

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings import deflate, jpeg
from mpvnc.encodings.base import ZLIB_HEADER, EncodedRectangle, rectangle
from mpvnc.encodings.layout import Layout
from mpvnc.encodings.palette import tight_limit
from mpvnc.encodings.wire import WireClass
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.kernels import coding
from mpvnc.pixels import Pixels

MAX_WIDTH = 2048
MAX_LENGTH_BYTES = 0x3FFFFF
"""What a compact length can tell."""

_FILL = 0x80
_JPEG = 0x90
_EXPLICIT_FILTER = 0x40
_PALETTE_FILTER = 1
_PIXELS, _MONO, _INDEXED = 0, 1, 2
_MIN_TO_COMPRESS = 12
_OVERHEAD_BYTES = 1024


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return `rect` in the form that its content asks for; lossy if the class has a quality level.

    Raises: EncodeError if it is wider than 2048 or could get too long for a compact length.
    """
    layout = wire.layout
    if rect.width > MAX_WIDTH or rect.area * layout.size > MAX_LENGTH_BYTES - _OVERHEAD_BYTES:
        raise EncodeError(f"{rect.width}x{rect.height} is too large for one Tight rectangle")
    if wire.encoding is Encoding.TIGHT and wire.quality is not None:
        data = jpeg.photograph(pixels, wire.quality)
        if data is not None:
            length = compact_length(len(data))
            return rectangle(rect, Encoding.TIGHT, bytes([_JPEG]), length, data, is_lossy=True)
    return rectangle(rect, Encoding.TIGHT, _lossless(pixels, layout, wire.compression))


def _lossless(pixels: Pixels, layout: Layout, compression: int) -> bytes:
    units = layout.units(pixels)
    palette = coding.colours(units, tight_limit(pixels.size, layout.size))
    if palette is None:
        return pixels_payload(units, layout, compression)
    if len(palette) == 1:
        return bytes([_FILL]) + layout.pack(palette[np.newaxis])
    return palette_payload(units, palette, layout, compression)


def pixels_payload(units: Pixels, layout: Layout, compression: int) -> bytes:
    """Return the pixels themselves ("basic compression", copy filter)."""
    return _basic(_PIXELS, b"", layout.pack(units), compression)


def palette_payload(units: Pixels, palette: Pixels, layout: Layout, compression: int) -> bytes:
    """Return 2 to 256 colours and the pixels' places in them: bits for two colours, else bytes."""
    stream, bits = (_MONO, 1) if len(palette) == 2 else (_INDEXED, 8)
    header = bytes([_PALETTE_FILTER, len(palette) - 1]) + layout.pack(palette[np.newaxis])
    return _basic(stream, header, coding.indices(units, palette, bits), compression)


def compact_length(length: int) -> bytes:
    """Return a length in 1 to 3 bytes: 7, 7 and 8 bits, the lowest first."""
    if length < 1 << 7:
        return bytes([length])
    if length < 1 << 14:
        return bytes([length & 0x7F | 0x80, length >> 7])
    return bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])


def _basic(stream: int, filter_header: bytes, data: bytearray, compression: int) -> bytes:
    """Return control byte, filter and data; the data, unless tiny, deflated in a stream begun here."""
    control = stream << 4 | (_EXPLICIT_FILTER if filter_header else 0)
    if len(data) < _MIN_TO_COMPRESS:
        return b"".join((bytes([control]), filter_header, data))
    fragment = deflate.fragment(data, compression)
    length = compact_length(len(ZLIB_HEADER) + len(fragment))
    return b"".join((bytes([control | 1 << stream]), filter_header, length, ZLIB_HEADER, fragment))
