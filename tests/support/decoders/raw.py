"""Raw: RFC 6143 section 7.7.1."""

from __future__ import annotations

from tests.support.decoders.base import DecoderState, Rect
from tests.support.pixelformat import Image
from tests.support.wire import Parser


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read width * height pixels."""
    data = yield rect.area * state.format.pixel_bytes
    return state.format.pixels(data).reshape(rect.height, rect.width)
