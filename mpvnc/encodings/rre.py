"""RRE: subrectangles on a background. RFC 6143 section 7.7.3. Raw, and labelled so, if that is shorter."""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings import raw
from mpvnc.encodings.base import EncodedRectangle, rectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.kernels import coding
from mpvnc.pixels import Pixels


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return `rect` as RRE if that is shorter than Raw, else as Raw."""
    layout = wire.layout
    subrects = coding.rre(layout.units(pixels), layout.size, layout.reverse)
    if subrects is None:
        return raw.encode(pixels, rect, wire)
    return rectangle(rect, Encoding.RRE, subrects)
