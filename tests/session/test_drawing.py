"""What goes behind an update because of the pointer: drawn once for all in whose pictures it moves alike."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings import encode
from mpvnc.encodings.base import rectangle
from mpvnc.geometry import Rect, Region
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.drawing import Drawing
from mpvnc.session.fanout import SHARED_BYTES, SHARED_UPDATES
from mpvnc.session.overlay import Overlay
from mpvnc.session.planner import Piece
from mpvnc.session.session import Session
from mpvnc.session.update import Update
from tests.session.stage import PaintedScreen, Stage
from tests.support.golden import golden

ARROW = Cursor(3, 2, 1, 1, bytes((0, 0, 255, 255)) * 6)
SEEN = Overlay(Rect(9, 9, 3, 2), 1)


@pytest.fixture
def stage() -> Stage:
    return Stage(PaintedScreen(golden(64, 48)))


@pytest.fixture
def drawing() -> Drawing:
    one = Drawing(encode)
    one.show(Rect(0, 0, 64, 48))
    one.point(PointerState(1, 10, 10, True, ARROW))
    return one


def session(stage: Stage, *encodings: int) -> Session:
    return stage.join(Encoding.RAW, *encodings).session


def update(stage: Stage, one: Session, key: object = None) -> Update:
    return Update((key,) if key else None, one.wire, 0, one.streams, stage.now)  # type: ignore[arg-type]


def test_it_is_drawn_for_those_who_do_not(stage: Stage, drawing: Drawing) -> None:
    one, plain = session(stage, Encoding.CURSOR), session(stage)
    assert drawing.wanted(one, 0.0) == drawing.wanted(plain, 0.0) == SEEN
    one.cursors.moved(5, 5, 0.0)
    assert drawing.wanted(one, 0.5) is None and drawing.wanted(plain, 0.5) == SEEN
    drawing.point(PointerState(1, 10, 10, False, ARROW))
    assert drawing.wanted(plain, 0.0) is None


def test_what_is_alike_is_drawn_once_until_something_changes(stage: Stage, drawing: Drawing) -> None:
    one, other = session(stage), session(stage)
    shared = update(stage, one, "shared")
    drawn = drawing.draw(one, shared, stage.screen, 0.0)
    assert drawn.overlay == SEEN and [rectangle.rect for rectangle in drawn.tail] == [SEEN.rect]
    patch = np.frombuffer(drawn.tail[0].data[12:], "<u4")
    assert (patch == 0xFF0000).all()
    assert drawing.draw(other, shared, stage.screen, 0.0) is drawn
    other.picture.overlay = SEEN
    assert drawing.draw(other, shared, stage.screen, 0.0).tail == []
    for change in (drawing.forget_frame, lambda: drawing.show(Rect(0, 0, 64, 48))):
        again = drawing.draw(one, shared, stage.screen, 0.0)
        change()
        assert drawing.draw(one, shared, stage.screen, 0.0) is not again


def test_only_so_many_are_kept(stage: Stage, drawing: Drawing) -> None:
    one = session(stage)
    for number in range(SHARED_UPDATES + 10):
        drawing.draw(one, update(stage, one, number + 1), stage.screen, 0.0)
    assert len(drawing._drawn) == SHARED_UPDATES


def test_large_ones_are_not_kept_alive(stage: Stage, drawing: Drawing) -> None:
    one, size = session(stage), SHARED_BYTES // 4 - 1000
    for number in range(10):
        large = update(stage, one, number + 1)
        large.plan([Piece(Rect(0, 0, 64, 48), 1)])
        large.add(rectangle(Rect(0, 0, 64, 48), Encoding.RAW, bytes(size)))
        drawing.draw(one, large, stage.screen, 0.0)
        assert large in [key[0] for key in drawing._drawn]
    assert len(drawing._drawn) == 4


def test_a_place_that_was_not_asked_for_is_owed(stage: Stage, drawing: Drawing) -> None:
    one = stage.join(Encoding.RAW).session
    one.demand.request(Rect(30, 30, 5, 5))
    drawn = drawing.draw(one, update(stage, one), stage.screen, 0.0)
    assert (drawn.overlay, drawn.tail, drawn.owed) == (None, [], Region())
    one.picture.overlay = Overlay(Rect(0, 0, 3, 2), 1)
    drawn = drawing.draw(one, update(stage, one), stage.screen, 0.0)
    assert (drawn.overlay, drawn.owed) == (None, Region([Rect(0, 0, 3, 2)]))
