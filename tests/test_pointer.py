"""A cursor that contradicts itself never comes into being."""

from __future__ import annotations

import dataclasses

import pytest

from mpvnc.errors import FrameError
from mpvnc.pointer import MAX_CURSOR_SIDE, Cursor, PointerState


@pytest.mark.parametrize("width, height", [(1, 1), (MAX_CURSOR_SIDE, 1), (MAX_CURSOR_SIDE, MAX_CURSOR_SIDE)])
def test_the_hot_spot_may_be_anywhere_inside(width, height):
    data = bytes(width * height * 4)
    Cursor(width, height, 0, 0, data)
    Cursor(width, height, width - 1, height - 1, data)


@pytest.mark.parametrize(
    "width, height, hot_x, hot_y",
    [
        (0, 1, 0, 0), (1, 0, 0, 0), (-1, -1, 0, 0), (MAX_CURSOR_SIDE + 1, 1, 0, 0),
        (1, MAX_CURSOR_SIDE + 1, 0, 0), (4, 4, 4, 0), (4, 4, 0, 4), (4, 4, -1, 0), (4, 4, 0, -1),
    ],
)  # fmt: skip
def test_shapes_that_cannot_be(width, height, hot_x, hot_y):
    with pytest.raises(FrameError, match=f"{width}x{height}"):
        Cursor(width, height, hot_x, hot_y, bytes(max(width * height * 4, 0)))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_pixels_that_are_not_as_many(size):
    with pytest.raises(FrameError, match=f"{size} bytes"):
        Cursor(4, 4, 0, 0, bytes(size))


def test_a_pointer_is_nowhere_at_first_and_a_value():
    pointer = PointerState()
    assert not pointer.visible and pointer.cursor is None and pointer == PointerState()
    with pytest.raises(dataclasses.FrozenInstanceError):
        pointer.x = 5
