import numpy as np
import pytest

from mpvnc.encodings import encode, tight, wire_class
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from tests.encodings.pictures import FORMATS, picture, whole
from tests.encodings.viewer import Viewer

TIGHT = wire_class(NATIVE, [7])
BASIC, MONO, INDEXED = 0x01, 0x52, 0x64


def encoded(pixels, wire=TIGHT):
    return encode(pixels, whole(pixels), wire)


def payload(values, wire=TIGHT):
    return encoded(np.array(values, np.uint32), wire).data[12:]


def control(pixels, wire=TIGHT):
    return encoded(pixels, wire).data[12]


def test_one_colour_is_a_fill():
    assert payload([[0xFF0000] * 8] * 8) == bytes.fromhex("80 ff 00 00")


def test_three_colours_are_a_palette_and_bytes_under_12_go_raw():
    expected = bytes.fromhex("60 01 02 010203 040506 070809 00 01 02")
    assert payload([[0x010203, 0x040506, 0x070809]]) == expected


def test_two_colours_are_bits():
    expected = bytes.fromhex("50 01 01 000000 ffffff 00 ff")
    assert payload([[0] * 8, [0xFFFFFF] * 8]) == expected


def test_256_colours_are_a_palette_with_an_explicit_filter_and_a_stream_begun_here():
    data = encoded(picture(32, 32, 256)).data[12:]
    assert data[:3] == bytes([INDEXED, 1, 255])
    length = 3 + 256 * 3
    assert data[length + 2 : length + 4] == b"\x78\x01"


def test_few_bytes_of_pixels_go_without_length_and_reset():
    units = np.array([[0x010203, 0x040506, 0x070809]], np.uint32)
    assert tight.pixels_payload(units, TIGHT.layout, 0) == bytes.fromhex("00 010203 040506 070809")


def test_12_bytes_are_deflated_and_11_are_not():
    assert payload([[1, 2, 3] * 4])[0] == INDEXED
    assert payload([[1, 2, 3] * 3 + [1, 2]])[0] == INDEXED & 0xF0


@pytest.mark.parametrize(("colours", "expected"), [(2, MONO), (3, INDEXED), (256, INDEXED), (257, BASIC)])
def test_rectangles_with_zlib_data_reset_their_stream_and_need_no_other(colours, expected):
    pixels = picture(70, 33, colours)
    assert control(pixels) == expected
    for _ in range(2):  # a viewer that has seen nothing decodes it, whatever another one has seen
        assert (Viewer(NATIVE).decode(encoded(pixels).data).values == pixels).all()


def test_rectangles_mix_in_one_connection():
    viewer = Viewer(NATIVE)
    for turn, colours in enumerate([2, 300, 5, 1, 2, 256, 257, 3, 1, 300, 2]):
        pixels = picture(20 + turn, 19, colours, seed=turn)
        assert (viewer.decode(encoded(pixels).data).values == pixels).all()


@pytest.mark.parametrize("wire", [TIGHT, wire_class(NATIVE, [7, -32])], ids=["lossless", "lossy"])
@pytest.mark.parametrize("where", [(0, 0), (0, 1), (100, 77), (255, 255)])
def test_one_odd_pixel_in_65536_is_not_lost(wire, where):
    pixels = np.full((256, 256), 0x336699, np.uint32)
    pixels[where] ^= 1
    assert control(pixels, wire) == MONO
    decoded = Viewer(NATIVE).decode(encoded(pixels, wire).data)
    assert (decoded.values == pixels).all()


def test_photographs_are_jpeg_only_with_a_quality_level():
    pixels = picture(64, 64, 2000)
    assert control(pixels) == BASIC
    assert control(pixels, wire_class(NATIVE, [7, -26])) == 0x90
    assert control(pixels, wire_class(FORMATS["565"], [7, -26])) == BASIC
    assert control(picture(64, 64, 256), wire_class(NATIVE, [7, -26])) == INDEXED


def test_a_failing_jpeg_library_costs_size_only(monkeypatch):
    def fail(*_args):
        raise RuntimeError("no memory")

    monkeypatch.setattr("simplejpeg.encode_jpeg", fail)
    pixels = picture(64, 64, 2000)
    decoded = Viewer(NATIVE).decode(encoded(pixels, wire_class(NATIVE, [7, -26])).data)
    assert not decoded.lossy
    assert (decoded.values == pixels).all()


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (10000, "904e"),
        (16383, "ff7f"),
        (16384, "808001"),
        (4194303, "ffffff"),
    ],
)
def test_compact_length(length, expected):
    assert tight.compact_length(length) == bytes.fromhex(expected)


@pytest.mark.parametrize(("width", "height"), [(2049, 1), (2048, 700)])
def test_what_does_not_fit_is_refused(width, height):
    pixels = np.zeros((height, width), np.uint32)
    with pytest.raises(EncodeError, match="too large"):
        encode(pixels, Rect(0, 0, width, height), TIGHT)


def test_the_largest_noise_still_fits():
    pixels = picture(2048, 682, 300)
    assert len(encoded(pixels).data) < tight.MAX_LENGTH_BYTES
