"""CopyRect on the wire."""

from mpvnc.constants import Encoding
from mpvnc.encodings.copyrect import copy_rectangle
from mpvnc.geometry import Rect


def test_it_is_a_header_and_the_corner_of_the_source():
    encoded = copy_rectangle(Rect(60, 70, 20, 10), 20, 30)
    assert encoded.data.hex(" ", 2) == "003c 0046 0014 000a 0000 0001 0014 001e"
    assert encoded.first() == encoded.data
    assert (encoded.encoding, encoded.stream) == (Encoding.COPY_RECT, None)


def test_corners_reach_to_the_end_of_the_largest_frame():
    assert copy_rectangle(Rect(65534, 0, 1, 1), 65534, 65533).data[12:].hex() == "fffefffd"
