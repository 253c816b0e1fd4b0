from mpvnc.encodings import cursor_rectangle
from mpvnc.pixels import NATIVE
from mpvnc.pointer import Cursor
from tests.encodings.pictures import FORMATS


def cursor(width, height, bgra, hot=(0, 0), fmt=NATIVE):
    return cursor_rectangle(fmt, Cursor(width, height, *hot, bytes.fromhex(bgra)))


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
    assert cursor_rectangle(NATIVE, None) == bytes.fromhex("0000 0000 0000 0000 ffffff11")


def test_it_is_made_once_for_all():
    assert cursor(1, 1, "112233ff") is cursor(1, 1, "112233ff")
