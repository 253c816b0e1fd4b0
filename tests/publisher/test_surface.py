from __future__ import annotations

import cairo
import numpy as np
import pytest

from mpvnc.errors import PublishError
from mpvnc.publisher.surface import Reader, pixels_of


class Own:
    """A surface of a program's own, of any format and stride."""

    def __init__(self, width: int, height: int, stride: int, number: int = 1, missing: int = 0) -> None:
        self.data = bytearray(stride * height - missing)
        self._facts = width, height, stride, number

    def get_width(self) -> int:
        return self._facts[0]

    def get_height(self) -> int:
        return self._facts[1]

    def get_stride(self) -> int:
        return self._facts[2]

    def get_format(self) -> int:
        return self._facts[3]

    def get_data(self) -> bytearray:
        return self.data


@pytest.mark.parametrize("form", [cairo.FORMAT_RGB24, cairo.FORMAT_ARGB32])
def test_both_formats_have_the_same_colours(form: cairo.Format) -> None:
    surface = cairo.ImageSurface(form, 7, 5)
    context = cairo.Context(surface)
    context.set_source_rgb(0.2, 0.4, 0.6)
    context.paint()
    pixels = pixels_of(surface)
    assert pixels.shape == (5, 7)
    assert (pixels & 0xFFFFFF == 0x336699).all()


def test_it_is_a_view_of_the_surface() -> None:
    surface = Own(4, 3, 16)
    pixels = pixels_of(surface)
    surface.data[16:20] = b"\x01\x02\x03\x00"
    assert pixels[1, 0] == 0x030201


def test_rows_may_be_padded() -> None:
    surface = Own(4, 3, 36)
    surface.data[36 * 2 + 4 : 36 * 2 + 8] = b"\xff\x00\x00\x00"
    assert np.argwhere(pixels_of(surface)).tolist() == [[2, 1]]


@pytest.mark.parametrize(
    "bad",
    [
        cairo.ImageSurface(cairo.FORMAT_A8, 4, 4),
        cairo.ImageSurface(cairo.FORMAT_RGB16_565, 4, 4),
        cairo.ImageSurface(cairo.FORMAT_RGB24, 0, 4),
        Own(4, 3, 12),
        Own(4, 3, 16, missing=1),
        Own(40000, 1, 160000),
        object(),
        None,
    ],
)
def test_what_cannot_be_published(bad: object) -> None:
    with pytest.raises(PublishError):
        pixels_of(bad)


def test_a_size_that_pycairo_cannot_hand_out_is_told_with_one_that_it_can() -> None:
    with pytest.raises(
        PublishError, match=r"30000x30000 is too large: .* 2147483647 bytes at most, .* 30000x17895$"
    ):
        pixels_of(cairo.ImageSurface(cairo.FORMAT_RGB24, 30000, 30000))
    assert pixels_of(cairo.ImageSurface(cairo.FORMAT_RGB24, 30000, 17895)).shape == (17895, 30000)


def test_memory_that_is_too_short_is_told_with_its_size() -> None:
    with pytest.raises(PublishError, match="4x3 has 48 bytes, its library hands out 47"):
        pixels_of(Own(4, 3, 16, missing=1))


def test_a_finished_surface() -> None:
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 4, 4)
    surface.finish()
    with pytest.raises(PublishError, match="the target surface has been finished"):
        pixels_of(surface)


def test_a_reader_sees_what_is_drawn_and_what_is_finished() -> None:
    reader, surface = Reader(), cairo.ImageSurface(cairo.FORMAT_RGB24, 4, 4)
    for value in (1, 0):
        context = cairo.Context(surface)
        context.set_source_rgb(0, 0, value)
        context.paint()
        assert (reader.read(surface) & 0xFFFFFF == 255 * value).all()
    other = Own(2, 2, 8)
    assert reader.read(other).shape == (2, 2)
    other._facts = 1, 2, 8, 1
    assert reader.read(other).shape == (2, 1)
    reader.read(surface)
    surface.finish()
    with pytest.raises(PublishError, match="finished"):
        reader.read(surface)
