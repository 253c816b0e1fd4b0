"""The pointer drawn into pictures, against arithmetic done pixel by pixel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.damage import Move
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.overlay import Overlay, changes, compose, copied, place
from tests.session.stage import noise

SCREEN = Rect(0, 0, 40, 30)


def cursor(width: int, height: int, seed: int = 0) -> Cursor:
    data = np.random.default_rng(seed).integers(0, 256, width * height * 4, np.uint8)
    return Cursor(width, height, width // 2, height // 3, data.tobytes())


def slow(pixels: np.ndarray, pointer: PointerState) -> np.ndarray:
    """Blend one pixel after the other, in plain integers, rounding to the nearest."""
    out, shape = pixels.copy(), pointer.cursor
    for row in range(shape.height):
        for column in range(shape.width):
            x, y = pointer.x - shape.hot_x + column, pointer.y - shape.hot_y + row
            if not (0 <= x < SCREEN.width and 0 <= y < SCREEN.height):
                continue
            at = 4 * (row * shape.width + column)
            *bgr, alpha = shape.pixels[at : at + 4]
            below = int(pixels[y, x]).to_bytes(4, "little")
            mixed = [
                (2 * (c * alpha + b * (255 - alpha)) + 255) // 510 for c, b in zip(bgr, below, strict=False)
            ]
            out[y, x] = int.from_bytes(bytes(mixed), "little")
    return out


@settings(max_examples=40)
@given(st.integers(-9, 49), st.integers(-9, 39), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_it_is_blended_exactly(x, y, width, height, seed):
    frame, pointer = noise(40, 30, seed), PointerState(1, x, y, True, cursor(width, height, seed))
    before = frame.copy()
    expected = slow(frame, pointer)
    assert np.array_equal(compose(frame, SCREEN, pointer), expected)
    part = Rect(5, 6, 20, 11)
    assert np.array_equal(compose(frame, part, pointer), expected[6:17, 5:25])
    seen = place(pointer, SCREEN)
    changed = np.argwhere(expected != frame)
    assert all(seen and seen.rect.contains(Rect(int(cx), int(cy), 1, 1)) for cy, cx in changed)
    assert np.array_equal(frame, before), "the frame itself stays clean"


def test_nothing_is_placed_that_cannot_be_seen():
    shape = cursor(4, 4)
    assert place(PointerState(0, 5, 5, True, None), SCREEN) is None
    assert place(PointerState(1, 5, 5, False, shape), SCREEN) is None
    assert place(PointerState(1, 400, 5, True, shape), SCREEN) is None
    assert place(PointerState(1, -2, 0, True, shape), SCREEN) is None
    assert place(PointerState(7, 0, 0, True, shape), SCREEN) == Overlay(Rect(0, 0, 2, 3), 7)


def test_without_a_pointer_the_frame_comes_as_it_is():
    frame = noise(40, 30)
    patch = compose(frame, Rect(3, 4, 5, 6), None)
    assert np.array_equal(patch, frame[4:10, 3:8]) and patch.base is None


def test_both_places_are_drawn_again():
    here, there = Overlay(Rect(0, 0, 8, 8), 1), Overlay(Rect(300, 0, 8, 8), 1)
    assert changes(here, there, []) == [here.rect, there.rect]
    assert changes(None, here, []) == [here.rect]
    assert changes(here, None, []) == [here.rect]
    assert changes(here, Overlay(Rect(4, 4, 8, 8), 1), []) == [Rect(0, 0, 12, 12)]
    assert changes(here, Overlay(here.rect, 2), []) == [here.rect], "another shape at the same place"


def test_a_pointer_at_rest_is_drawn_again_over_damage_only():
    here = Overlay(Rect(10, 10, 8, 8), 1)
    assert changes(here, here, []) == []
    assert changes(here, here, [Rect(0, 0, 10, 10)]) == []
    assert changes(here, here, [Rect(0, 0, 11, 11)]) == [here.rect]
    assert changes(None, None, [Rect(0, 0, 11, 11)]) == []


def test_what_a_move_takes_along_of_a_drawn_pointer():
    move = Move(Rect(10, 10, 20, 20), -5, 3)
    assert copied(Overlay(Rect(25, 25, 9, 2), 1), move) == Rect(20, 28, 5, 2)
    assert copied(Overlay(Rect(30, 10, 9, 9), 1), move) == EMPTY
    assert copied(None, move) == EMPTY
