from __future__ import annotations

import cairo
import numpy as np
import pytest

from mpvnc.errors import PublishError
from mpvnc.publisher.cursors import cursor_of


def straight(pixels: bytes) -> list[list[int]]:
    return np.frombuffer(pixels, np.uint8).reshape(-1, 4).tolist()


def test_premultiplied_becomes_straight() -> None:
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 4, 1)
    data = surface.get_data()
    for x, pixel in enumerate([(0, 0, 128, 128), (10, 20, 30, 255), (0, 0, 0, 0), (64, 32, 0, 64)]):
        data[4 * x : 4 * x + 4] = bytes(pixel)
    cursor = cursor_of(surface, (3, 0))
    assert (cursor.width, cursor.height, cursor.hot_x, cursor.hot_y) == (4, 1, 3, 0)
    assert straight(cursor.pixels) == [[0, 0, 255, 128], [10, 20, 30, 255], [0, 0, 0, 0], [255, 128, 0, 64]]


def test_rgb24_is_opaque() -> None:
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 2, 1)
    surface.get_data()[:8] = bytes([1, 2, 3, 0, 4, 5, 6, 77])
    assert straight(cursor_of(surface).pixels) == [[1, 2, 3, 255], [4, 5, 6, 255]]


def test_more_colour_than_alpha_stays_a_colour() -> None:
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 1, 1)
    surface.get_data()[:4] = bytes([200, 0, 0, 100])
    assert straight(cursor_of(surface).pixels) == [[255, 0, 0, 100]]


def test_it_is_a_snapshot() -> None:
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 3, 3)
    cursor = cursor_of(surface)
    cairo.Context(surface).paint()
    assert not any(cursor.pixels)


@pytest.mark.parametrize(
    ("surface", "hotspot", "reason"),
    [
        (cairo.ImageSurface(cairo.FORMAT_ARGB32, 257, 1), (0, 0), "at most 256x256"),
        (cairo.ImageSurface(cairo.FORMAT_ARGB32, 8, 8), (8, 0), "hot spot"),
        (cairo.ImageSurface(cairo.FORMAT_ARGB32, 8, 8), (-1, 0), "hot spot"),
        (cairo.ImageSurface(cairo.FORMAT_ARGB32, 8, 8), 3, "hot spot"),
        (cairo.ImageSurface(cairo.FORMAT_A8, 8, 8), (0, 0), "A8"),
        (None, (0, 0), "no image surface"),
    ],
)
def test_what_is_no_cursor(surface: object, hotspot: object, reason: str) -> None:
    with pytest.raises(PublishError, match=reason):
        cursor_of(surface, hotspot)
