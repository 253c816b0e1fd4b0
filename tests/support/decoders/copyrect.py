"""CopyRect: RFC 6143 section 7.7.2."""

from __future__ import annotations

import struct

from tests.support.decoders.base import DecoderState, Rect, require
from tests.support.pixelformat import Image
from tests.support.wire import Parser


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read the source's corner; return a copy of what the framebuffer holds there now."""
    x, y = struct.unpack(">HH", (yield 4))
    height, width = state.framebuffer.shape
    source = Rect(x, y, rect.width, rect.height)
    require(source.within(width, height), f"{source} is not within {width}x{height}")
    return state.framebuffer[y : y + rect.height, x : x + rect.width].copy()
