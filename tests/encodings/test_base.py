from mpvnc.constants import Encoding
from mpvnc.encodings.base import Stream, rectangle, stream_rectangle
from mpvnc.geometry import Rect

RECT = Rect(1, 2, 3, 4)


def test_header():
    made = rectangle(RECT, Encoding.CURSOR, b"ab", b"c")
    assert made.data == bytes.fromhex("0001 0002 0003 0004 ffffff11") + b"abc"
    assert made.first() is made.data


def test_the_first_form_counts_the_zlib_header():
    made = stream_rectangle(RECT, Encoding.ZLIB, b"xyz", Stream.ZLIB)
    assert made.data[12:] == b"\0\0\0\x03xyz"
    assert made.first() == made.data[:12] + b"\0\0\0\x05\x78\x01xyz"
