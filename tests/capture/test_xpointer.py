import numpy as np

from mpvnc.capture.xpointer import straight_shape


def test_alpha_is_divided_out() -> None:
    argb = np.array([[0xFF102030, 0x80400020, 0x00000000, 0x01010101]], np.uint32)
    shape = straight_shape(argb, 1, 0)
    assert shape[:4] == (4, 1, 1, 0)
    assert shape.pixels == bytes([0x30, 0x20, 0x10, 0xFF, 64, 0, 128, 0x80, 0, 0, 0, 0, 255, 255, 255, 1])


def test_colours_beyond_their_alpha_are_clipped() -> None:
    assert straight_shape(np.array([[0x10FFFFFF]], np.uint32), 0, 0).pixels == b"\xff\xff\xff\x10"


def test_a_cursor_that_is_too_large_is_cut() -> None:
    shape = straight_shape(np.zeros((300, 400), np.uint32), 399, 299)
    assert shape[:4] == (256, 256, 255, 255)
    assert len(shape.pixels) == 256 * 256 * 4
