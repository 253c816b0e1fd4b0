import zlib

import numpy as np
import pytest

from mpvnc.encodings import encode, wire_class
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import FORMATS, picture, whole
from tests.encodings.viewer import Viewer


def tiles(pixels, fmt=NATIVE):
    pixels = np.asarray(pixels, np.uint32)
    data = encode(pixels, whole(pixels), wire_class(fmt, [16])).first()
    return zlib.decompressobj().decompress(data[16:])


def assert_decodes(pixels):
    decoded = Viewer(NATIVE).decode(encode(pixels, whole(pixels), wire_class(NATIVE, [16])).first())
    assert (decoded.values == pixels).all()


def test_solid():
    assert tiles(np.full((8, 8), 0x0000FF)) == bytes.fromhex("01 ff0000")
    assert tiles(np.full((8, 8), 0xFF0000), FORMATS["big"]) == bytes.fromhex("01 ff0000")
    assert tiles(np.full((8, 8), 0x332211), FORMATS["565"]) == bytes.fromhex("01 0231")


def test_packed_palette():
    assert tiles([[1, 1, 1, 1, 2, 2, 2, 2]]) == bytes.fromhex("02 010000 020000 0f")


def test_a_shortened_pixel_is_only_for_depths_up_to_24():
    assert tiles([[0x332211]], FORMATS["depth 32"]) == bytes.fromhex("01 11223300")


def test_long_runs():
    line = np.concatenate([np.full(256, 7), np.full(255, 9), [11]]).reshape(16, 32)
    assert tiles(line) == bytes.fromhex("80 070000 ff00 090000 fe 0b0000 00")
    runs = bytes.fromhex("80ff00 81fe 02")
    assert tiles(np.vstack([line] * 3)) == bytes.fromhex("83 070000 090000 0b0000") + 3 * runs


@pytest.mark.parametrize(
    ("colours", "run", "expected"),
    [
        (1, 1, 1),
        (2, 1, 2),
        (4, 1, 4),
        (5, 1, 5),
        (16, 1, 16),
        (17, 1, 145),
        (127, 1, 255),
        (128, 40, 128),
        (500, 1, 0),
    ],
)
def test_every_subencoding(colours, run, expected):
    pixels = picture(64, 64, colours, run=run)
    assert tiles(pixels)[0] in ({128, 0} if colours == 128 else {expected})
    assert_decodes(pixels)


def test_plain_runs():
    pixels = (np.arange(4096) // 16).astype(np.uint32).reshape(64, 64)
    assert tiles(pixels)[0] == 128
    assert_decodes(pixels)
