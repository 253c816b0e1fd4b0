from __future__ import annotations

import threading

import cairo
import pytest

from mpvnc.cairovnc import CairoVNCBadCursorError, CairoVNCBadSurfaceFormatError, VNCCursor


def row(surface: cairo.ImageSurface, *pixels: int) -> cairo.ImageSurface:
    surface.get_data()[: 4 * len(pixels)] = b"".join(pixel.to_bytes(4, "little") for pixel in pixels)
    surface.mark_dirty()
    return surface


@pytest.fixture
def surface() -> cairo.ImageSurface:
    return row(cairo.ImageSurface(cairo.FORMAT_ARGB32, 3, 1), 0xFF0000FF, 0, 0xFF00FF00)


def test_a_mask_says_what_can_be_seen():
    cursor = VNCCursor(2, 1, (1, 0), bytes([1, 2, 3, 99, 4, 5, 6, 99]), b"\x80")
    assert (cursor.shape.hot_x, cursor.shape.hot_y) == (1, 0)
    assert cursor.shape.pixels == bytes([1, 2, 3, 255, 4, 5, 6, 0])


@pytest.mark.parametrize(
    ("width", "hotspot", "pixels", "mask"),
    [
        (0, (0, 0), b"", b""),
        (1, (1, 0), bytes(4), b"\x80"),
        (1, (0, -1), bytes(4), b"\x80"),
        (1, (0,), bytes(4), b"\x80"),
        (1, (0, 0), bytes(3), b"\x80"),
        (1, (0, 0), bytes(4), b"\x80\x80"),
        (257, (0, 0), bytes(257 * 4), bytes(33)),
    ],
)
def test_what_contradicts_itself_is_told(width, hotspot, pixels, mask):
    with pytest.raises(CairoVNCBadCursorError):
        VNCCursor(width, 1, hotspot, pixels, mask)


def test_a_surface_is_taken_as_it_is_now(surface):
    cursor = VNCCursor.from_surface(surface, (2, 0))
    row(surface, 0, 0, 0)
    assert cursor.mask == b"\xa0"
    assert cursor.pixels == bytes([255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0])
    assert cursor.shape.pixels[3::4] == b"\xff\x00\xff"


def test_alpha_is_kept_for_those_who_can_draw_it(surface):
    cursor = VNCCursor.from_surface(row(surface, 0x80400000, 0, 0))
    assert cursor.mask == b"\x80"
    assert cursor.shape.pixels[:4] == bytes([0, 0, 128, 128])


def test_a_lock_is_held_meanwhile(surface):
    class Lock:
        held = 0

        def __enter__(self):
            self.held += 1

        def __exit__(self, *_):
            pass

    lock = Lock()
    VNCCursor.from_surface(surface, surface_lock=lock)
    VNCCursor.from_surface(surface, surface_lock=threading.Lock())
    assert lock.held == 1


def test_other_formats_are_told(surface):
    with pytest.raises(CairoVNCBadSurfaceFormatError, match="A8"):
        VNCCursor.from_surface(cairo.ImageSurface(cairo.FORMAT_A8, 3, 3))
    with pytest.raises(CairoVNCBadCursorError, match="hot spot"):
        VNCCursor.from_surface(surface, (3, 0))
