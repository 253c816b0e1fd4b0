"""The one way in: a rectangle's pixels and a wire class, to bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.encodings import hextile, jpeg, raw, rre, tight, zlibenc, zrle
from mpvnc.encodings.base import EncodedRectangle, rectangle
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

    Raises: EncodeError if the view is not of the rectangle's size, not of contiguous rows of u4, or too large
    for the encoding.
    """
    if pixels.shape != (rect.height, rect.width) or not pixels.size:
        raise EncodeError(f"pixels of shape {pixels.shape} for {rect}")
    if pixels.dtype != np.uint32 or pixels.strides[1] != pixels.itemsize:
        raise EncodeError(f"pixels of {pixels.dtype} with strides {pixels.strides}, expected rows of u4")
    if wire.encoding is Encoding.JPEG and wire.quality is not None:
        image = jpeg.photograph(pixels, wire.quality)
        if image is not None:
            return rectangle(rect, Encoding.JPEG, image, is_lossy=True)
    return _ENCODERS[wire.fallback](pixels, rect, wire)
