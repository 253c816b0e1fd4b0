import numpy as np
import pytest

from mpvnc.encodings import encode, wire_class
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import FORMATS, picture, whole
from tests.encodings.viewer import Viewer

HEXTILE = wire_class(NATIVE, [5])


def payload(pixels):
    pixels = np.asarray(pixels, np.uint32)
    return encode(pixels, whole(pixels), HEXTILE).data[12:]


def decodable(tiles):
    pixels = np.hstack(tiles)
    decoded = Viewer(NATIVE).decode(encode(pixels, whole(pixels), HEXTILE).data)
    assert (decoded.values == pixels).all()
    return pixels


def test_a_background_is_named_once():
    assert payload(np.full((64, 64), 0x332211)) == bytes.fromhex("02 11223300") + bytes(15)


def test_a_small_tile_of_different_pixels_is_raw():
    assert payload([[1, 2]]) == bytes.fromhex("01 01000000 02000000")


def test_two_colours():
    tile = np.zeros((16, 16), np.uint32)
    tile[2:5, 3:7] = 0xFFFFFF
    assert payload(tile) == bytes.fromhex("0e 00000000 ffffff00 01 32 32")


def test_background_and_foreground_carry_over():
    tile = np.zeros((16, 16), np.uint32)
    tile[0, 0] = 5
    first, other = "0e 00000000 05000000 01 00 00", "08 01 00 00"
    assert payload(decodable([tile, tile, tile])) == bytes.fromhex(first + other + other)


def test_nothing_carries_over_a_raw_tile():
    tile = np.zeros((16, 16), np.uint32)
    tile[0, 0] = 5
    noise = picture(16, 16, 256)
    corner = bytes.fromhex("0e 00000000 05000000 01 00 00")
    raw = b"\x01" + noise.astype("<u4").tobytes()
    assert payload(decodable([tile, noise, tile])) == corner + raw + corner


def test_no_foreground_after_coloured_subrectangles():
    tile = np.zeros((16, 16), np.uint32)
    tile[0, 0] = 5
    coloured = tile.copy()
    coloured[4, 4] = 6
    first, both = "0e 00000000 05000000 01 00 00", "18 02 05000000 00 00 06000000 44 00"
    again = "0c 05000000 01 00 00"
    assert payload(decodable([tile, coloured, tile])) == bytes.fromhex(first + both + again)


@pytest.mark.parametrize("name", ["native", "565", "332"])
def test_noise_is_raw_and_a_byte_per_tile(name):
    pixels = picture(100, 50, 4000)
    rectangle = encode(pixels, whole(pixels), wire_class(FORMATS[name], [5]))
    assert len(rectangle.data) <= 12 + 7 * 4 + 100 * 50 * FORMATS[name].bytes_per_pixel
