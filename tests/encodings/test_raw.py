"""The vectors of pixel formats, as Raw, and inside a Zlib stream."""

import numpy as np
import pytest

from mpvnc.encodings import encode, wire_class
from mpvnc.pixels import PixelFormat
from tests.encodings.pictures import FORMATS, picture, whole
from tests.encodings.viewer import Viewer


def payload(values, fmt, encoding=0):
    pixels = np.array([values], np.uint32)
    return encode(pixels, whole(pixels), wire_class(fmt, [encoding]))


@pytest.mark.parametrize(
    ("fmt", "values", "expected"),
    [
        ("10100001 001f003f001f 0b0500 000000", [0x332211], "02 31"),
        ("10100101 001f003f001f 0b0500 000000", [0x332211], "31 02"),
        ("08060001 000300030003 040200 000000", [0xFF0000, 0x00FF00], "30 0c"),
        ("20180001 00ff00ff00ff 100800 000000", [0x332211], "11 22 33 00"),
        ("20180101 00ff00ff00ff 100800 000000", [0x332211], "00 33 22 11"),
        ("20180001 00ff00ff00ff 000810 000000", [0x332211], "33 22 11 00"),
        ("20180001 0007007f00ff 1c0a01 000000", [0xFFFFFF], "fe fd 01 70"),
    ],
)
def test_vectors(fmt, values, expected):
    fmt = PixelFormat.from_bytes(bytes.fromhex(fmt))
    assert payload(values, fmt).data[12:] == bytes.fromhex(expected)
    viewer = Viewer(fmt)
    raw = viewer.decode(payload(values, fmt).data)
    assert (viewer.decode(payload(values, fmt, 6).first()).values == raw.values).all()


@pytest.mark.parametrize("name", FORMATS)
def test_white_sets_every_bit_of_every_channel_and_no_other(name):
    fmt = FORMATS[name]
    value = sum(maximum << shift for maximum, shift in fmt.channels)
    assert Viewer(fmt).decode(payload([0xFFFFFF], fmt).data).values == value


def test_length_is_that_of_the_pixels():
    pixels = picture(37, 11, 250)
    for fmt in FORMATS.values():
        rectangle = encode(pixels, whole(pixels), wire_class(fmt, []))
        assert len(rectangle.data) == 12 + 37 * 11 * fmt.bytes_per_pixel
