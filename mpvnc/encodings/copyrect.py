"""CopyRect: pixels that the client has already, at another place. RFC 6143 section 7.7.2.

The one encoding whose bytes do not hold the pixels: it is right only for a client whose framebuffer is known.
"""

from __future__ import annotations

import struct

from mpvnc.constants import Encoding
from mpvnc.encodings.base import EncodedRectangle, rectangle
from mpvnc.geometry import Rect

_SOURCE = struct.Struct(">HH")


def copy_rectangle(target: Rect, source_x: int, source_y: int) -> EncodedRectangle:
    """Return the rectangle that fills `target` with what is at (source_x, source_y), as large as it."""
    return rectangle(target, Encoding.COPY_RECT, _SOURCE.pack(source_x, source_y))
