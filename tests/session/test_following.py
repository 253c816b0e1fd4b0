"""Followers get what their leader got if they were exactly where it was, and are left alone if not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings.base import Stream
from mpvnc.geometry import Rect
from mpvnc.pointer import Cursor, PointerState
from mpvnc.session.broadcast import Kind
from mpvnc.session.following import Following
from mpvnc.session.overlay import Overlay
from tests.session.stage import PaintedScreen, Pair, Stage, noise

ENCODINGS = (Encoding.TIGHT, Encoding.COPY_RECT, Encoding.CURSOR, Encoding.DESKTOP_NAME)
PATCH = Rect(10, 20, 90, 60)


class House(Stage):
    """A stage of two viewers, of which one leads."""

    def __init__(self, *, cursor: bool = False, encodings: tuple[int, ...] = ENCODINGS) -> None:
        super().__init__(PaintedScreen(noise(200, 150)))
        self.screen.finds_moves = True
        if cursor:
            shape = Cursor(8, 8, 0, 0, bytes(range(256)))
            self.broadcast.point(PointerState(1, 50, 50, True, shape))
        self.leader, self.other = self.join(*ENCODINGS), self.join(*encodings)
        self.ask(incremental=False)
        self.ask()

    def ask(self, *, incremental: bool = True) -> None:
        for pair in self.pairs:
            pair.viewer.request(incremental)
        self.settle()

    def lead(self) -> Following | None:
        """Paint, and return what can be followed when the leader has its update."""
        return self.lead_to(noise(PATCH.width, PATCH.height, 7), PATCH)

    def lead_to(self, pixels: np.ndarray, rect: Rect) -> Following | None:
        session = self.leader.session
        kind: Kind = (session.wire, session.streams, session.picture.base, session.picture.overlay)
        self.screen.paint(rect, pixels)
        self.broadcast.advance()
        assert self.broadcast.offer(session, self.now) is None
        deliveries = []
        while self.broadcast.is_busy:
            deliveries += self.broadcast.step(self.now)
        (delivery,) = deliveries
        self.leader.send(delivery.buffers)
        return self.broadcast.following(delivery, kind, self.now)

    def follow(self, same: Following) -> bool:
        """Let the other one follow; return whether it could."""
        taken = same.take(self.other.session)
        if taken:
            self.other.send(same.buffers)
        return taken

    def shows(self, pair: Pair) -> np.ndarray:
        self.settle()
        return pair.viewer.rgb()


@pytest.mark.parametrize("cursor", [False, True])
def test_who_is_alike_gets_the_very_same(cursor: bool) -> None:
    house = House(cursor=cursor)
    same = house.lead()
    assert same is not None
    updates = house.other.updates_sent
    assert house.follow(same)
    assert house.other.session.picture.base == house.screen.frame
    assert not same.take(house.other.session), "one request is answered once"
    assert house.other.session.content_at == house.broadcast.stage
    assert not house.other.session.demand.is_open, "and what it has not asked for, it is not sent"
    np.testing.assert_array_equal(house.shows(house.other), house.shows(house.leader))
    house.ask()
    assert house.other.updates_sent == updates + 1, "nothing was left for it"


def test_frames_follow_one_another() -> None:
    house = House()
    for seed in range(3):
        same = house.lead_to(noise(PATCH.width, PATCH.height, seed), PATCH)
        assert same is not None and house.follow(same)
        np.testing.assert_array_equal(house.shows(house.other), house.screen.pixels)
        house.ask()


def test_streams_begin_for_all_who_follow() -> None:
    stage = Stage(PaintedScreen(noise(200, 150)))
    stage.polls = False
    pairs = [stage.join(Encoding.ZRLE) for _ in range(3)]
    for pair in pairs:
        pair.viewer.request(False)
        pair.session.receive_data(pair.viewer.data_to_send(), stage.now)
    stage.lead()
    stage.settle()
    for seed in range(2):
        for pair in pairs:
            np.testing.assert_array_equal(pair.viewer.rgb(), stage.screen.pixels)
            pair.viewer.request()
        stage.settle()
        stage.paint(PATCH, noise(PATCH.width, PATCH.height, seed))
    assert sorted(pair.followed for pair in pairs) == [0, 3, 3]


def _asks_again(house: House) -> None:
    house.other.viewer.request(False)
    house.other.session.receive_data(house.other.viewer.data_to_send(), house.now)


def _is_renamed(house: House) -> None:
    house.other.session.rename("another")


def _has_not_asked(house: House) -> None:
    house.other.session.demand.answered()


def _asks_for_a_part(house: House) -> None:
    house.other.session.demand.answered()
    house.other.session.demand.request(PATCH)


def _is_sent_updates_unasked(house: House) -> None:
    house.other.session.demand.set_continuous(PATCH)


def _waits_for_its_own(house: House) -> None:
    house.other.session.is_served = True


def _has_begun_another_stream(house: House) -> None:
    house.other.session.streams = frozenset({Stream.ZLIB})


def _shows_another_pointer(house: House) -> None:
    house.other.session.picture.overlay = Overlay(Rect(0, 0, 8, 8), 9)


def _has_another_size(house: House) -> None:
    house.other.session.picture.area = Rect(0, 0, 100, 150)


def _is_slower(house: House) -> None:
    house.other.session.every = 2


def _holds_another_frame(house: House) -> None:
    house.other.session.picture.base -= 1


def _owes(house: House) -> None:
    house.other.session.picture.owe(Rect(0, 0, 5, 5))


def _takes_another_class(house: House) -> None:
    house.other.session.wire = house.other.session.wire.with_quality(None)
    house.other.viewer.set_encodings((Encoding.ZRLE,))
    house.other.session.receive_data(house.other.viewer.data_to_send(), house.now)


@pytest.mark.parametrize(
    "differs",
    [
        _asks_again,
        _is_renamed,
        _has_not_asked,
        _asks_for_a_part,
        _is_sent_updates_unasked,
        _waits_for_its_own,
        _has_begun_another_stream,
        _shows_another_pointer,
        _has_another_size,
        _is_slower,
        _holds_another_frame,
        _owes,
        _takes_another_class,
    ],
)
def test_who_is_elsewhere_is_left_as_it_was(differs: Callable[[House], None]) -> None:
    house = House()
    differs(house)
    same = house.lead()
    before = house.other.session.picture.base, house.other.session.streams
    assert same is not None and not house.follow(same)
    assert (house.other.session.picture.base, house.other.session.streams) == before


def test_who_moves_the_pointer_does_not_follow_who_watches_it() -> None:
    house = House(cursor=True)
    house.other.viewer.send_pointer(0, 60, 60)
    house.other.session.receive_data(house.other.viewer.data_to_send(), house.now)
    same = house.lead()
    assert same is not None and not house.follow(same)


def test_who_is_still_to_be_told_of_its_cursor_does_not_follow_who_knows_none() -> None:
    house = House(cursor=True, encodings=ENCODINGS[:2])
    house.leader, house.other = house.other, house.leader
    house.other.session.cursors.forget_shape()
    same = house.lead()
    assert same is not None and not house.follow(same)
    house.shows(house.other)
    assert house.other.session.cursors.is_told(house.broadcast.pointer, Rect(0, 0, 200, 150), house.now)


@pytest.mark.parametrize(("encodings", "follows"), [(ENCODINGS, True), (ENCODINGS[:1], False)])
def test_a_move_is_followed_by_who_can_copy(encodings: tuple[int, ...], follows: bool) -> None:
    house = House(encodings=encodings)
    same = house.lead_to(np.roll(house.screen.pixels, 16, axis=0), Rect(0, 0, 200, 150))
    assert same is not None
    assert house.follow(same) is follows
    house.shows(house.other)
    house.ask()
    np.testing.assert_array_equal(house.shows(house.other), house.screen.pixels)


def test_a_move_is_not_followed_by_who_holds_something_coarser() -> None:
    house = House()
    house.other.session.picture.outgrow()
    same = house.lead_to(np.roll(house.screen.pixels, 16, axis=0), Rect(0, 0, 200, 150))
    assert same is not None and not house.follow(same)


def test_what_is_the_leaders_alone_is_not_followed() -> None:
    house = House()
    house.leader.session.rename("its own")
    assert house.lead() is None


def test_a_later_stage_ends_contentment() -> None:
    house = House()
    house.lead()
    before = house.leader.session.content_at
    assert before == house.broadcast.stage
    house.broadcast.point(PointerState())
    assert house.broadcast.stage > before
