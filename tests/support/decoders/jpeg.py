"""JPEG: rfbproto "JPEG Encoding", and the images within Tight rectangles. The pixels come from Pillow."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image as PillowImage

from tests.support.decoders.base import DecoderState, Rect, require
from tests.support.errors import DecodeError
from tests.support.pixelformat import Image
from tests.support.wire import Parser, Until

START, END, SCAN, TABLES = 0xD8, 0xD9, 0xDA, (0xC4, 0xDB)
STUFFED, RESTARTS = 0x00, range(0xD0, 0xD8)


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read one image up to its EOI; missing tables are those of the image before."""
    start = yield 2
    require(start == bytes((0xFF, START)), f"begins with {start.hex()} instead of ffd8")
    body, tables = yield from _segments()
    missing = b"".join(old for kind, old in state.jpeg_tables.items() if kind not in tables)
    state.jpeg_tables.update(tables)
    return state.format.from_rgb(image_of(start + missing + body, rect))


def image_of(data: bytes, rect: Rect) -> Image:
    """Return 0x00RRGGBB. Raises: DecodeError unless it is one whole JPEG of the rectangle's size."""
    require(data[:2] == b"\xff\xd8", f"begins with {data[:2].hex()} instead of ffd8")
    require(data[-2:] == b"\xff\xd9", f"ends with {data[-2:].hex()} instead of ffd9")
    try:
        with PillowImage.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            require(picture.size == (rect.width, rect.height), f"a picture of {picture.size} for {rect}")
            channels = np.asarray(picture.convert("RGB"), np.uint32)
    except (OSError, SyntaxError) as error:
        raise DecodeError(f"JPEG: {error}") from error
    return channels[..., 0] << np.uint32(16) | channels[..., 1] << np.uint32(8) | channels[..., 2]


def _segments() -> Parser[tuple[bytes, dict[int, bytes]]]:
    """Read from behind SOI to EOI; return the bytes, and the tables by their marker."""
    body, tables = bytearray(), dict[int, bytes]()
    marker = yield from _marker()
    while marker != END:
        size = yield 2
        (length,) = struct.unpack(">H", size)
        require(length >= 2, f"a segment of length {length}")
        segment = bytes((0xFF, marker)) + size + (yield length - 2)
        body += segment
        if marker in TABLES:
            tables[marker] = tables.get(marker, b"") + segment
        if marker == SCAN:
            entropy, marker = yield from _entropy()
            body += entropy
        else:
            marker = yield from _marker()
    return bytes(body) + bytes((0xFF, END)), tables


def _marker() -> Parser[int]:
    (first,) = yield 1
    require(first == 0xFF, f"{first:#04x} where a marker belongs")
    kind = first
    while kind == 0xFF:
        (kind,) = yield 1
    require(kind not in (STUFFED, START, *RESTARTS), f"marker {kind:#04x} between segments")
    return int(kind)


def _entropy() -> Parser[tuple[bytes, int]]:
    """Read the data of a scan; return them and the marker that ended it."""
    data = bytearray()
    while True:
        data += yield Until(0xFF)
        (kind,) = yield 1
        if kind != STUFFED and kind not in RESTARTS:
            while kind == 0xFF:
                (kind,) = yield 1
            return bytes(data[:-1]), kind
        data.append(kind)
