"""Snapshots are read back by decoders that are not ours: simplejpeg's, and one by the letter of PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import simplejpeg

from mpvnc.pixels import Pixels
from mpvnc.web.snapshot import jpeg, png
from tests.support import golden


def picture() -> Pixels:
    return golden.golden(101, 67)


def read_png(data: bytes) -> Pixels:
    """Return the pixels of an 8-bit RGB PNG without filters; every checksum must be right."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">II5B", chunks[0][1])
    assert form == [8, 2, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, 1 + 3 * width)
    assert not lines[:, 0].any()
    red, green, blue = np.moveaxis(lines[:, 1:].reshape(height, width, 3).astype(np.uint32), 2, 0)
    return golden.pack(red, green, blue)


def test_png_is_the_picture() -> None:
    assert np.array_equal(read_png(png(picture())), picture())
    assert np.array_equal(read_png(png(picture()[3:20, 5:9])), picture()[3:20, 5:9])


def test_jpeg_is_nearly_the_picture() -> None:
    smooth = golden.pack(
        *np.meshgrid(np.arange(64, dtype=np.uint32) * 2, np.arange(48, dtype=np.uint32) * 3), 99
    )
    decoded = simplejpeg.decode_jpeg(jpeg(smooth), "RGB").astype(np.int32)
    wanted = np.stack([smooth >> 16 & 255, smooth >> 8 & 255, smooth & 255], 2).astype(np.int32)
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded - wanted).max() <= 8
