"""Zlib: rfbproto "zlib Encoding". One stream per connection."""

from __future__ import annotations

import struct

from tests.support.decoders.base import DecoderState, Rect, inflate, require
from tests.support.pixelformat import Image
from tests.support.wire import Parser


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read a length and so many bytes, which inflate to exactly the Raw rectangle."""
    (length,) = struct.unpack(">I", (yield 4))
    expected = rect.area * state.format.pixel_bytes
    require(length <= 2 * expected + 1024, f"{length} bytes of zlib data for {expected}")
    raw = inflate(state.zlib, (yield length), expected)
    require(len(raw) == expected, f"inflates to {len(raw)} bytes instead of {expected}")
    return state.format.pixels(raw).reshape(rect.height, rect.width)
