"""One file per encoding: pixels in, bytes out. Pure functions of the pixels and the wire class."""

from mpvnc.encodings.base import EncodedRectangle, Stream
from mpvnc.encodings.cursor import cursor_rectangle
from mpvnc.encodings.encode import encode
from mpvnc.encodings.wire import WireClass, WireOptions, wire_class

__all__ = [
    "EncodedRectangle",
    "Stream",
    "WireClass",
    "WireOptions",
    "cursor_rectangle",
    "encode",
    "wire_class",
]
