import pytest

from mpvnc.constants import ResizeReason, ResizeStatus
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.rfb import writers
from mpvnc.rfb.events import Screen


def test_security_types():
    assert writers.security_types((2, 1)) == bytes([2, 2, 1])


def test_security_type_3_3():
    assert writers.security_type_3_3(2) == bytes([0, 0, 0, 2])


@pytest.mark.parametrize(("version", "zero"), [((3, 3), bytes(4)), ((3, 7), bytes(1)), ((3, 8), bytes(1))])
def test_refusal(version, zero):
    assert writers.refusal(version, "fü") == zero + bytes([0, 0, 0, 3]) + b"f\xc3\xbc"


@pytest.mark.parametrize("version", [(3, 3), (3, 7), (3, 8)])
def test_security_result_ok(version):
    assert writers.security_result(version) == bytes(4)


@pytest.mark.parametrize(("version", "words"), [((3, 3), b""), ((3, 7), b""), ((3, 8), b"\0\0\0\x02no")])
def test_security_result_failed(version, words):
    assert writers.security_result(version, "no") == b"\0\0\0\x01" + words


def test_an_empty_reason_is_a_failure_too():
    assert writers.security_result((3, 8), "") == b"\0\0\0\x01" + b"\0\0\0\0"


def test_server_init():
    expected = bytes([
        5, 0, 2, 0xD0,                      # width 1280, height 720
        0x20, 0x18, 0, 1,                   # bits per pixel, depth, little endian, true colour
        0, 0xFF, 0, 0xFF, 0, 0xFF,          # maxima
        0x10, 8, 0,                         # shifts
        0, 0, 0,                            # padding
        0, 0, 0, 17,                        # length of the name in bytes
    ]) + b"Bildschirm \xc3\xa4\xe2\x82\xac!"  # fmt: skip
    assert writers.server_init(1280, 720, NATIVE, "Bildschirm ä€!") == expected


def test_update_header():
    assert writers.update_header(258) == bytes([0, 0, 1, 2])


def test_rectangle_header():
    header = writers.rectangle_header(Rect(1, 2, 0x304, 5), -239)
    assert header == bytes([0, 1, 0, 2, 3, 4, 0, 5, 0xFF, 0xFF, 0xFF, 0x11])


def test_desktop_size():
    assert writers.desktop_size(640, 480) == bytes.fromhex("0000 0000 0280 01e0 ffffff21")  # -223


def test_extended_desktop_size():
    screens = (
        Screen(1, Rect(0, 0, 320, 480), 0),
        Screen(0xFFFFFFFF, Rect(320, 0, 320, 480), 0x80000001),
    )
    made = writers.extended_desktop_size(
        ResizeReason.THIS_CLIENT, ResizeStatus.INVALID_LAYOUT, 640, 480, screens
    )
    assert made == bytes.fromhex(
        "0001 0003"  # x: reason, y: status
        "0280 01e0"  # width, height
        "fffffecc"  # -308
        "02 000000"  # screens, padding
        "00000001 0000 0000 0140 01e0 00000000"  # id, x, y, width, height, flags
        "ffffffff 0140 0000 0140 01e0 80000001"
    )


def test_desktop_name():
    assert writers.desktop_name("ä") == bytes(8) + bytes.fromhex("fffffecd 00000002 c3a4")  # -307


def test_bell():
    assert writers.bell() == b"\x02"


def test_server_cut_text():
    assert writers.server_cut_text("hello£") == bytes.fromhex("03 000000 00000006 68656c6c6fa3")
    assert writers.server_cut_text("") == bytes.fromhex("03 000000 00000000")


def test_server_cut_text_has_line_feeds_and_latin_1_only():
    assert writers.server_cut_text("a\r\nb\rc\n") == bytes.fromhex("03 000000 00000006") + b"a\nb\nc\n"
    with pytest.raises(EncodeError):
        writers.server_cut_text("\u20ac")


def test_pointer_pos():
    assert writers.pointer_pos(5, 0x102) == bytes.fromhex("0005 0102 0000 0000 ffffff18")


def test_fence():
    assert writers.fence(0x80000001, b"ab") == bytes.fromhex("f8 000000 80000001 02 6162")
    assert len(writers.fence(0, bytes(64))) == 9 + 64
    with pytest.raises(EncodeError):
        writers.fence(0, bytes(65))


def test_end_of_continuous_updates():
    assert writers.end_of_continuous_updates() == b"\x96"
