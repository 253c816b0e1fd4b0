"""Whatever is encoded, a viewer that keeps to the specification sees the same pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mpvnc.constants import Encoding
from mpvnc.encodings import EncodedRectangle, Stream, encode, wire_class
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE, convert
from tests.encodings.pictures import FORMATS, formats, picture, pictures, whole
from tests.encodings.viewer import Viewer

LOSSLESS = [0, 2, 5, 6, 7, 16]


class Connection:
    """What is sent to one viewer: the first form of a stream's first rectangle, the other ever after."""

    def __init__(self, fmt):
        self.viewer, self.begun = Viewer(fmt), set()

    def show(self, rectangle: EncodedRectangle):
        first = rectangle.stream not in self.begun
        self.begun.add(rectangle.stream)
        return self.viewer.decode(rectangle.first() if first else rectangle.data)


def assert_same(decoded, pixels, fmt):
    assert (decoded.values == convert(pixels, fmt).astype(np.int64)).all()


@given(pictures, formats, st.sampled_from(LOSSLESS), st.sampled_from([-256, -251, -247]))
@hypothesis_settings(max_examples=120)
def test_every_encoding_decodes_to_the_same_pixels(pixels, fmt, encoding, level):
    rectangle = encode(pixels, whole(pixels), wire_class(fmt, [encoding, level]))
    decoded = Connection(fmt).show(rectangle)
    assert_same(decoded, pixels, fmt)
    assert decoded.encoding == rectangle.encoding
    assert rectangle.encoding in {encoding, Encoding.RAW if encoding == Encoding.RRE else encoding}


@given(st.lists(st.tuples(pictures, st.sampled_from([6, 7, 16])), min_size=2, max_size=8), st.data())
@hypothesis_settings(max_examples=25)
def test_streams_last_as_long_as_the_connection_whatever_the_format(sequence, data):
    fmt = FORMATS["native"]
    connection = Connection(fmt)
    for pixels, encoding in sequence:
        fmt = data.draw(formats)
        connection.viewer.fmt = fmt
        assert_same(connection.show(encode(pixels, whole(pixels), wire_class(fmt, [encoding]))), pixels, fmt)


@pytest.mark.parametrize("encoding", [6, 16])
def test_noise_and_solid_alternate_through_one_inflater(encoding):
    connection = Connection(NATIVE)
    for turn in range(100):
        pixels = picture(33, 9, (1, 250, 3)[turn % 3], seed=turn)
        assert_same(
            connection.show(encode(pixels, whole(pixels), wire_class(NATIVE, [encoding]))), pixels, NATIVE
        )


@pytest.mark.parametrize("encoding", LOSSLESS)
@pytest.mark.parametrize("name", ["native", "565", "332"])
def test_noise_costs_hardly_more_than_raw(encoding, name):
    pixels = picture(256, 256, 60000, seed=3)
    size = FORMATS[name].bytes_per_pixel
    rectangle = encode(pixels, whole(pixels), wire_class(FORMATS[name], [encoding]))
    assert len(rectangle.data) <= 12 + 65536 * size + 256 + 40


@pytest.mark.parametrize("encoding", [6, 7, 16])
def test_a_higher_compression_level_means_fewer_bytes(encoding):
    pixels = picture(256, 256, 40, run=9)
    sizes = [
        len(encode(pixels, whole(pixels), wire_class(NATIVE, [encoding, level])).data)
        for level in (-255, -252, -247)
    ]
    assert sizes[0] >= sizes[1] >= sizes[2] < sizes[0]
    assert encoding == Encoding.ZRLE or sizes[0] > sizes[1], (
        "runs are packed already: the levels 1 to 5 may agree"
    )


def test_the_same_bytes_for_every_client_of_a_class():
    pixels = picture(100, 30, 40, run=3)
    wire = wire_class(NATIVE, [16])
    one = encode(pixels, Rect(5, 6, 100, 30), wire)
    other = encode(pixels.copy(), Rect(5, 6, 100, 30), wire)
    assert one == other
    assert one.stream is Stream.ZRLE
    assert one.rect == Rect(5, 6, 100, 30)
    assert one.data[:12] == bytes.fromhex("0005 0006 0064 001e 00000010")


def test_a_view_of_another_size_is_refused():
    with pytest.raises(EncodeError, match="shape"):
        encode(np.zeros((3, 4), np.uint32), Rect(0, 0, 3, 4), wire_class(NATIVE, []))
    with pytest.raises(EncodeError, match="shape"):
        encode(np.zeros((0, 4), np.uint32), Rect(0, 0, 4, 0), wire_class(NATIVE, []))


@pytest.mark.parametrize("pixels", [np.zeros((4, 8), np.uint32)[:, ::2], np.zeros((4, 4), np.int64)])
def test_a_view_that_the_kernels_cannot_walk_is_refused(pixels):
    with pytest.raises(EncodeError, match="rows of u4"):
        encode(pixels, whole(pixels), wire_class(NATIVE, [16]))
