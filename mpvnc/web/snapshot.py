"""A picture of the whole screen as one file. Pure; takes tens of milliseconds, releasing the GIL for most of it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import simplejpeg
from isal import isal_zlib

from mpvnc.pixels import Pixels

JPEG_QUALITY = 90
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
_LEVEL = 2


def png(pixels: Pixels) -> bytes:
    """Return pixels as PNG (RFC 2083): 8-bit RGB, no filter, which suits what programs draw."""
    height, width = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)
    lines[:, 1:].reshape(height, width, 3)[...] = _bytes(pixels)[:, :, 2::-1]
    header = struct.pack(">II5B", width, height, *_EIGHT_BIT_RGB)
    packed = isal_zlib.compress(lines, _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def jpeg(pixels: Pixels) -> bytes:
    """Return pixels as JPEG, its colours as fine as its brightness."""
    encoded: bytes = simplejpeg.encode_jpeg(
        _bytes(np.ascontiguousarray(pixels)), JPEG_QUALITY, "BGRX", "444", fastdct=True
    )
    return encoded


def _bytes(pixels: Pixels) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return pixels as height, width, and the bytes B, G, R, X."""
    return pixels.astype("<u4", copy=False).view(np.uint8).reshape(*pixels.shape, 4)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
