"""RRE: RFC 6143 section 7.7.3."""

from __future__ import annotations

import struct

import numpy as np

from tests.support.decoders.base import DecoderState, Rect, blank, paint, require
from tests.support.pixelformat import Image
from tests.support.wire import Parser


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read the background and its subrectangles, each within the rectangle and of another value."""
    size = state.format.pixel_bytes
    (count,) = struct.unpack(">I", (yield 4))
    background = int(state.format.pixels((yield size))[0])
    require(count <= rect.area, f"{count} subrectangles in {rect}")
    table = np.frombuffer((yield count * (size + 8)), np.uint8).reshape(count, size + 8)
    values = state.format.pixels(table[:, :size].tobytes())
    areas = np.frombuffer(table[:, size:].tobytes(), ">u2").reshape(count, 4)
    image = blank(rect)
    image[:] = background
    for value, area in zip(values.tolist(), areas.tolist(), strict=True):
        subrect = Rect(*area)
        require(subrect.area > 0, f"subrectangle {subrect} is empty")
        require(subrect.within(rect.width, rect.height), f"subrectangle {subrect} is not within {rect}")
        require(value != background, f"subrectangle {subrect} has the background's value")
        paint(image, subrect, value)
    return image
