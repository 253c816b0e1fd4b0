"""JPEG images, for the JPEG encoding (21) and for Tight. rfbproto "JPEG Encoding", "Tight Encoding".

An image is whole, with its tables: it depends on nothing sent before. The levels are those of the field
(TurboVNC, TigerVNC), by the DCT quality and the subsampling of the colours:

| level       | 0     | 1     | 2     | 3     | 4     | 5     | 6     | 7     | 8     | 9     |
|-------------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|
| quality     | 15    | 29    | 41    | 42    | 62    | 77    | 79    | 86    | 92    | 100   |
| subsampling | 4:2:0 | 4:2:0 | 4:2:0 | 4:2:2 | 4:2:2 | 4:2:2 | 4:4:4 | 4:4:4 | 4:4:4 | 4:4:4 |
"""

from __future__ import annotations

import numpy as np
import simplejpeg

from mpvnc.encodings.palette import MAX_COLOURS
from mpvnc.errors import EncodeError
from mpvnc.kernels import coding
from mpvnc.pixels import Pixels

_QUALITY = (15, 29, 41, 42, 62, 77, 79, 86, 92, 100)
_SUBSAMPLING = ("420", "420", "420", "422", "422", "422", "444", "444", "444", "444")


def photograph(pixels: Pixels, level: int) -> bytes | None:
    """Return the pixels as a JPEG image if they are good for one; None if they want another encoding.

    That is content of more than 256 colours. Under 257 pixels there is none, nor could a JPEG, whose tables
    take 600 bytes, be shorter there. An image that cannot be made, or is longer than three bytes a pixel, is
    none: a failing library costs bytes, never the picture.
    """
    if pixels.size <= MAX_COLOURS or coding.colours(pixels, MAX_COLOURS) is not None:
        return None
    try:
        data = image(pixels, level)
    except EncodeError:
        return None
    return data if len(data) < 3 * pixels.size else None


def image(pixels: Pixels, level: int) -> bytes:
    """Return the pixels as a JPEG image of quality level 0-9.

    Raises: EncodeError if the library cannot.
    """
    height, width = pixels.shape
    bgrx = pixels.view(np.uint8).reshape(height, width, 4)
    try:
        data: bytes = simplejpeg.encode_jpeg(bgrx, _QUALITY[level], "BGRX", _SUBSAMPLING[level])
    except (ValueError, RuntimeError, MemoryError) as error:
        raise EncodeError(f"JPEG of {width}x{height} at level {level}: {error}") from error
    return data
