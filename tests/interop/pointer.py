"""The pointer of an X display, as whoever does not draw it must see it."""

from __future__ import annotations

import numpy as np
import xcffib
import xcffib.xfixes

from tests.support.pixelformat import Image


def with_pointer(display: str, picture: Image, x: int, y: int) -> Image:
    """Return the picture with the display's pointer drawn at x, y."""
    connection = xcffib.connect(display=display)
    fixes = connection(xcffib.xfixes.key)
    fixes.QueryVersion(5, 0).reply()
    image = fixes.GetCursorImage().reply()
    connection.disconnect()
    argb = np.array(image.cursor_image, np.uint32).reshape(image.height, image.width)
    opaque = argb >> 24 == 255
    assert opaque.any() and (argb[~opaque] == 0).all()
    height, width = picture.shape
    padded = np.pad(picture, 64)
    place = padded[64 + y - image.yhot :, 64 + x - image.xhot :][: image.height, : image.width]
    place[opaque] = (argb & 0xFFFFFF)[opaque]
    return padded[64 : 64 + height, 64 : 64 + width]
