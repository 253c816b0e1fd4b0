"""The one way in: a rectangle's pixels and a wire class, to bytes."""

from __future__ import annotations

from collections.abc import Callable

from mpvnc.constants import Encoding
from mpvnc.encodings import hextile, jpeg, raw, rre, tight, zlibenc, zrle
from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels

_ENCODERS: dict[Encoding, Callable[[Pixels, Rect, WireClass], EncodedRectangle]] = {
    Encoding.RAW: raw.encode,
    Encoding.RRE: rre.encode,
    Encoding.HEXTILE: hextile.encode,
    Encoding.ZLIB: zlibenc.encode,
    Encoding.TIGHT: tight.encode,
    Encoding.ZRLE: zrle.encode,
}


def encode(pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
    """Return `rect` for the clients of a wire class. Depends on nothing but its arguments.

    pixels: the framebuffer's view of exactly `rect`: at least one pixel, any row stride; only read.
    The rectangle's encoding is what its payload is: the class's, or one that it may be replaced by (Raw where
    RRE would be larger, the fallback for what JPEG does not suit or cannot encode).

    Raises: EncodeError if the view is not of the rectangle's size, or too large for the encoding.
    """
    if pixels.shape != (rect.height, rect.width) or not pixels.size:
        raise EncodeError(f"pixels of shape {pixels.shape} for {rect}")
    if wire.encoding is Encoding.JPEG and wire.quality is not None and jpeg.worthwhile(pixels):
        try:
            return jpeg.encode(pixels, rect, wire.quality)
        except EncodeError:
            pass  # a failing library costs size, never the picture
    return _ENCODERS[wire.fallback](pixels, rect, wire)
