import struct
import zlib

import numpy as np
import pytest

from mpvnc.encodings import encode, wire_class
from tests.encodings.pictures import FORMATS, picture, whole

ZLIB = 6


def opened(data: bytes) -> bytes:
    """Return the deflated bytes of one rectangle; the length is that of all the rest."""
    encoding, length = struct.unpack(">iI", data[8:16])
    assert (encoding, length) == (ZLIB, len(data) - 16)
    return data[16:]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("level", [0, 5, 9])
def test_rectangles_go_through_one_stream_as_the_pixels_of_raw(name: str, level: int) -> None:
    fmt, inflater = FORMATS[name], zlib.decompressobj()
    wire, raw = wire_class(fmt, [ZLIB, -256 + level]), wire_class(fmt, [0])
    for number, pixels in enumerate((picture(37, 11, 250), picture(5, 1, 2), picture(64, 64, 3, run=40))):
        rectangle = encode(pixels, whole(pixels), wire)
        data = rectangle.first() if number == 0 else rectangle.data
        assert inflater.decompress(opened(data)) == encode(pixels, whole(pixels), raw).data[12:]


def test_the_header_of_the_stream_is_in_the_first_form_alone() -> None:
    pixels = np.zeros((8, 8), np.uint32)
    rectangle = encode(pixels, whole(pixels), wire_class(FORMATS["native"], [ZLIB]))
    assert opened(rectangle.first()) == b"\x78\x01" + opened(rectangle.data)
