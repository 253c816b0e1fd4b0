import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import encode, wire_class
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import picture, whole
from tests.encodings.viewer import Viewer

RRE = wire_class(NATIVE, [2])


def encoded(pixels):
    return encode(pixels, whole(pixels), RRE)


def test_solid():
    assert encoded(np.full((8, 8), 0x332211, np.uint32)).data[12:] == bytes.fromhex("00000000 11223300")


def test_subrectangles():
    pixels = np.zeros((300, 500), np.uint32)
    pixels[270:290, 260:460] = 0x0000FF
    expected = bytes.fromhex("00000001 00000000 ff000000 0104 010e 00c8 0014")
    assert encoded(pixels).data[12:] == expected


def test_the_larger_of_both_ways_to_grow_is_taken():
    tall = np.zeros((20, 20), np.uint32)
    tall[2:18, 5:7] = 9
    tall[2, 7:12] = 9
    assert int.from_bytes(encoded(tall).data[12:16], "big") == 2
    wide = tall.T.copy()
    assert int.from_bytes(encoded(wide).data[12:16], "big") == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (400, 300)])
def test_what_would_not_be_shorter_is_raw_and_says_so(shape):
    rectangle = encoded(picture(*shape, 30000 if shape[0] > 2 else 1))
    assert rectangle.encoding is Encoding.RAW
    assert Viewer(NATIVE).decode(rectangle.data).encoding == 0
    assert len(rectangle.data) == 12 + shape[0] * shape[1] * 4
