import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import cursor_rectangle
from mpvnc.pixels import NATIVE
from mpvnc.pointer import Cursor
from tests.encodings.pictures import FORMATS

SHAPES = (Encoding.CURSOR, Encoding.X_CURSOR, Encoding.CURSOR_WITH_ALPHA)


def cursor(width, height, bgra, hot=(0, 0), fmt=NATIVE, encoding=Encoding.CURSOR):
    return cursor_rectangle(encoding, fmt, Cursor(width, height, *hot, bytes.fromhex(bgra)))


def test_hot_spot_size_pixels_and_mask():
    made = cursor(2, 1, "010203ff 040506ff", hot=(1, 0))
    assert made == bytes.fromhex("0001 0000 0002 0001 ffffff11 01020300 04050600 c0")


def test_the_mask_comes_from_alpha():
    made = cursor(3, 1, "010203ff 04050600 070809ff")
    assert made[12:] == bytes.fromhex("01020300 00000000 07080900 a0")
    assert cursor(2, 1, "0102037f 01020380")[-1] == 0x40


def test_mask_rows_are_padded_to_bytes():
    made = cursor(9, 2, "000000ff" * 18)
    assert made[-4:] == bytes.fromhex("ff80 ff80")


def test_pixels_are_in_the_clients_format():
    assert cursor(1, 1, "112233ff", fmt=FORMATS["565"])[12:] == bytes.fromhex("0231 80")


def test_nothing_hides_the_pointer():
    nothing = {encoding: cursor_rectangle(encoding, NATIVE, None) for encoding in SHAPES}
    assert nothing[Encoding.CURSOR] == bytes.fromhex("0000 0000 0000 0000 ffffff11")
    assert nothing[Encoding.X_CURSOR] == bytes.fromhex("0000 0000 0000 0000 ffffff10")
    assert nothing[Encoding.CURSOR_WITH_ALPHA] == bytes.fromhex("0000 0000 0000 0000 fffffec6 00000000")


def test_two_colours_are_kept_as_they_are():
    made = cursor(
        3, 2, "102030ff 405060ff 00000000 405060ff 405060ff 102030ff", (1, 1), encoding=Encoding.X_CURSOR
    )
    assert made == bytes.fromhex("0001 0001 0003 0002 ffffff10 605040 302010 40c0 c0e0")


def test_many_colours_become_a_light_and_a_dark_one():
    made = cursor(4, 1, "000000ff 202020ff e0e0e0ff ffffffff", encoding=Encoding.X_CURSOR)
    assert made[12:] == bytes.fromhex("f0f0f0 101010 30 f0")


@pytest.mark.parametrize(
    ("pixel", "expected"), [("00000000", "000000 000000 00 00"), ("4080c0ff", "c08040 000000 80 80")]
)
def test_one_colour_or_none(pixel, expected):
    assert cursor(1, 1, pixel, encoding=Encoding.X_CURSOR)[12:] == bytes.fromhex(expected)


def test_alpha_is_multiplied_in_and_the_clients_format_does_not_matter():
    made = cursor(3, 1, "4080c0ff 4080c080 4080c000", (2, 0), FORMATS["565"], Encoding.CURSOR_WITH_ALPHA)
    assert made == bytes.fromhex("0002 0000 0003 0001 fffffec6 00000000 c08040ff 60402080 00000000")


def test_it_is_made_once_for_all():
    assert cursor(1, 1, "112233ff") is cursor(1, 1, "112233ff")
