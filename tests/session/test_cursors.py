"""What a client is told of the pointer: which shape in which words, and where it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.cursors import OWN_POINTER_S, SHAPES, Cursors
from mpvnc.session.session import SessionSettings
from tests.session.stage import PaintedScreen, Pair, Stage
from tests.support.events import AlphaCursor, CursorShape, PointerMoved, TwoColourCursor
from tests.support.golden import golden

ARROW = Cursor(3, 2, 1, 1, bytes((0, 0, 255, 255)) * 6)
AREA = Rect(0, 0, 64, 48)
PLACES = Encoding.POINTER_POS


def at(x: int, y: int, serial: int = 1, *, visible: bool = True) -> PointerState:
    return PointerState(serial, x, y, visible, ARROW)


def cursors(*listed: int, with_cursor: bool = True, with_pointer: bool = True) -> Cursors:
    one = Cursors(with_cursor=with_cursor, with_pointer=with_pointer)
    one.list_encodings(frozenset(listed))
    return one


def stage(**settings: bool) -> Stage:
    return Stage(PaintedScreen(golden(64, 48)), SessionSettings(**settings))


def watch(one: Stage, *listed: int) -> Pair:
    """Return a viewer that asks for the next change whenever it gets one."""
    pair = one.join(Encoding.RAW, *listed)
    pair.viewer.request(False)
    one.settle()
    pair.viewer.request()
    one.settle()
    return pair


def point(one: Stage, pointer: PointerState) -> None:
    """Move the pointer, and let everybody ask again for what comes then."""
    one.broadcast.point(pointer)
    one.settle()
    for pair in one.pairs:
        pair.viewer.ledger.forget_requests()
        pair.viewer.request()
    one.settle()


# -- shapes


@pytest.mark.parametrize(
    ("listed", "shape"),
    [
        ((), None),
        ((Encoding.X_CURSOR,), Encoding.X_CURSOR),
        ((Encoding.X_CURSOR, Encoding.CURSOR), Encoding.CURSOR),
        (SHAPES[::-1], Encoding.CURSOR_WITH_ALPHA),
    ],
)
def test_the_best_way_that_a_client_knows(listed: tuple[int, ...], shape: Encoding | None) -> None:
    assert cursors(*listed).shape is shape
    assert cursors(*listed, with_cursor=False).shape is None


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (Encoding.CURSOR, CursorShape(1, 1, 3, 2, bytes((0, 0, 255, 0)) * 6, b"\xe0\xe0")),
        (Encoding.X_CURSOR, TwoColourCursor(1, 1, 3, 2, (255, 0, 0), (0, 0, 0), b"\xe0\xe0", b"\xe0\xe0")),
        (Encoding.CURSOR_WITH_ALPHA, AlphaCursor(1, 1, 3, 2, bytes((255, 0, 0, 255)) * 6)),
    ],
)
def test_each_way_reaches_the_viewer_that_moves_the_pointer_and_is_hidden_from_others(
    listed: int, expected: object
) -> None:
    one = stage()
    pair = watch(one, listed)
    point(one, at(5, 5))
    told = (pair.viewer.cursor, pair.viewer.x_cursor, pair.viewer.alpha_cursor)
    assert [(shape.width, shape.height) for shape in told if shape is not None] == [(0, 0)]
    pair.viewer.send_pointer(0, 5, 5)
    one.settle()
    assert expected in (pair.viewer.cursor, pair.viewer.x_cursor, pair.viewer.alpha_cursor)
    point(one, at(5, 5, visible=False))
    told = (pair.viewer.cursor, pair.viewer.x_cursor, pair.viewer.alpha_cursor)
    assert [(shape.width, shape.height) for shape in told if shape is not None] == [(0, 0)]


def test_a_shape_that_changes_while_nothing_else_does() -> None:
    one = stage(with_pointer=False)
    pair = watch(one, Encoding.CURSOR)
    for serial in (1, 2):
        pair.viewer.cursor = None
        point(one, at(5, 5, serial))
        assert pair.viewer.cursor is not None and pair.viewer.cursor.width == 3


def test_another_way_tells_the_shape_again() -> None:
    one = cursors(Encoding.CURSOR)
    one.moved(5, 5, 0.0)
    assert len(one.rectangles(at(5, 5), AREA, NATIVE, 0.1)) == 1
    one.list_encodings(frozenset({Encoding.CURSOR}))
    assert one.is_told(at(5, 5), AREA, 0.1) and one.rectangles(at(5, 5), AREA, NATIVE, 0.1) == []
    for listed in (Encoding.X_CURSOR, Encoding.CURSOR):
        one.list_encodings(frozenset({listed}))
        assert not one.is_told(at(5, 5), AREA, 0.1)
        assert len(one.rectangles(at(5, 5), AREA, NATIVE, 0.1)) == 1


def test_who_has_a_pointer_of_its_own_gets_the_shape_and_no_place_and_nothing_is_drawn() -> None:
    one = stage()
    pair, plain = watch(one, Encoding.CURSOR, PLACES), watch(one)
    point(one, PointerState(1, 0, 0, True, ARROW, is_own=True))
    assert pair.viewer.cursor is not None and pair.viewer.cursor.width == 3
    assert pair.viewer.pointer is None
    for viewer in (pair.viewer, plain.viewer):
        assert np.array_equal(viewer.rgb(), one.screen.pixels)
    point(one, PointerState(1, 0, 0, False, ARROW))
    assert pair.viewer.cursor.width == 0


# -- places


@pytest.mark.parametrize("listed", [(PLACES,), (PLACES, Encoding.CURSOR)])
def test_a_place_is_told_to_who_can_hear_it(listed: tuple[int, ...]) -> None:
    one = stage()
    told, other = watch(one, *listed), watch(one, Encoding.CURSOR)
    for x, y in ((5, 6), (63, 47), (0, 0)):
        point(one, at(x, y))
        assert told.viewer.pointer == PointerMoved(x, y)
    assert other.viewer.pointer is None
    sent = told.updates_sent
    point(one, at(0, 0))
    assert told.updates_sent == sent, "and only once"


def test_alike_viewers_are_told_although_one_leads() -> None:
    one = stage()
    pairs = [
        watch(one, Encoding.CURSOR),
        watch(one, Encoding.CURSOR, PLACES),
        watch(one, Encoding.CURSOR, PLACES),
    ]
    point(one, at(5, 6))
    assert [pair.viewer.pointer for pair in pairs] == [None, PointerMoved(5, 6), PointerMoved(5, 6)]


def test_who_is_told_places_is_like_nobody() -> None:
    assert cursors(Encoding.CURSOR).hand(0.0) == cursors(Encoding.CURSOR).hand(0.0)
    one = cursors(Encoding.CURSOR, PLACES)
    assert one.hand(0.0) != cursors(Encoding.CURSOR, PLACES).hand(0.0) != cursors(Encoding.CURSOR).hand(0.0)


def test_a_place_outside_is_not_told() -> None:
    one = cursors(PLACES)
    for x, y in ((-1, 0), (0, -1), (64, 0), (0, 48), (70000, 5)):
        assert one.is_told(at(x, y), AREA, 0.0)
    assert one.is_told(at(5, 5, visible=False), AREA, 0.0)
    assert not one.is_told(at(63, 47), AREA, 0.0)


def test_who_moves_it_is_told_when_it_went_elsewhere() -> None:
    one = stage()
    pair = watch(one, Encoding.CURSOR, PLACES)
    pair.viewer.send_pointer(0, 20, 20)
    one.settle()
    point(one, at(10, 10))
    assert pair.viewer.pointer is None, "where it was some motions ago"
    point(one, at(20, 20))
    one.now += OWN_POINTER_S
    point(one, at(20, 20))
    assert pair.viewer.pointer is None, "where it put it"
    point(one, at(30, 5))
    assert pair.viewer.pointer == PointerMoved(30, 5)


def test_what_is_due_in_time_is_known_beforehand() -> None:
    assert cursors().changes_hands_at() == math.inf
    for listed in (Encoding.X_CURSOR, PLACES):
        one = cursors(listed)
        one.moved(5, 5, 10.0)
        assert one.changes_hands_at() == 10.0 + OWN_POINTER_S
        assert one.is_told(at(9, 9), AREA, 10.5) == (listed == PLACES)
        assert not one.is_told(at(9, 9), AREA, 10.0 + OWN_POINTER_S)


def test_a_place_is_told_again_to_who_has_unlearnt_it() -> None:
    one = cursors(PLACES)
    one.rectangles(at(5, 5), AREA, NATIVE, 0.0)
    one.list_encodings(frozenset())
    assert not one.is_active
    one.list_encodings(frozenset({PLACES}))
    assert not one.is_told(at(5, 5), AREA, 0.0)
