"""What a client's framebuffer holds."""

from __future__ import annotations

import numpy as np

from mpvnc.geometry import Rect, Region
from mpvnc.session.overlay import Overlay
from mpvnc.session.picture import Picture
from tests.session.stage import PaintedScreen

SMALL = PaintedScreen(np.zeros((50, 80), np.uint32), generation=2)
LARGE = PaintedScreen(np.zeros((100, 200), np.uint32), generation=3)
POINTER = Overlay(Rect(10, 10, 8, 8), 1)


def held(screen: PaintedScreen) -> Picture:
    picture = Picture()
    picture.begin(screen)
    picture.update(7, Region(), POINTER)
    return picture


def test_it_begins_with_nothing_of_use():
    picture = Picture()
    picture.begin(LARGE)
    assert (picture.area, picture.generation, picture.base) == (Rect(0, 0, 200, 100), 3, 0)
    assert not picture.owed and picture.overlay is None


def test_all_of_it_is_owed_as_a_base_of_nothing():
    picture = held(LARGE)
    picture.owe(Rect(0, 0, 200, 100))
    assert picture.base == 0 and not picture.owed and picture.overlay is None


def test_a_part_is_owed_apart_from_the_base():
    picture = held(LARGE)
    picture.owe(Rect(100, 50, 20, 20))
    assert picture.base == 7 and picture.owed == Region([Rect(100, 50, 20, 20)])
    assert picture.overlay == POINTER, "it was not touched"


def test_the_pointer_is_owed_whole_as_soon_as_it_is_touched():
    picture = held(LARGE)
    picture.owe(Rect(0, 0, 11, 11))
    assert picture.overlay is None and picture.owed.contains(POINTER.rect)


def test_nothing_is_owed_beside_a_base_of_nothing():
    picture = Picture()
    picture.begin(LARGE)
    picture.owe(Rect(1, 1, 5, 5))
    assert not picture.owed


def test_what_lies_beyond_a_smaller_screen_is_owed_and_asked_for_again():
    picture = held(LARGE)
    picture.lose(SMALL)
    beyond = Region([Rect(0, 0, 200, 100)]).subtract([Rect(0, 0, 80, 50)])
    assert picture.area == Rect(0, 0, 200, 100) and picture.owed == beyond
    picture.update(8, Region(), None)
    picture.owe(picture.area)
    assert picture.base == 0 and picture.owed == beyond
    picture.lose(LARGE)
    picture.owe(picture.area)
    assert not picture.owed


def test_what_is_owed_stays_bounded():
    picture = held(LARGE)
    for x in range(0, 200, 2):
        picture.owe(Rect(x, x % 100, 1, 1))
    assert len(picture.owed.rects) <= 32


def test_it_is_uniform_until_it_outgrows_what_it_holds():
    picture = Picture()
    picture.begin(LARGE)
    picture.outgrow()
    assert picture.is_uniform, "it holds nothing yet"
    picture.update(7, Region(), None)
    picture.outgrow()
    picture.owe(Rect(0, 0, 100, 100))
    picture.update(8, Region(), None)
    assert not picture.is_uniform, "only a part of it was sent again"
    picture.owe(Rect(0, 0, 200, 100))
    assert picture.is_uniform
    picture.update(9, Region(), None)
    picture.outgrow()
    picture.lose(SMALL)
    assert picture.is_uniform
