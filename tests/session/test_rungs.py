"""On which rung a session is: down because of the network, up with patience, and never by itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.session.broadcast import HOLD_S
from mpvnc.session.pacing import Link
from mpvnc.session.rungs import DOWN_S, UP_S, Ladder, Rung, ladder
from tests.session.stage import PaintedScreen, Pair, Stage, noise

LEVEL = Encoding.JPEG_QUALITY_LEVEL_0
LOOPBACK = Link(0.0001, 0.00002, 0, 0)
CROWDED = Link(0.4, 0.02, 60_000, 30_000)


def test_rungs_of_quality_come_first_and_most_are_shared():
    assert ladder(8) == tuple(Rung(*one) for one in ((8, 1), (5, 1), (3, 1), (1, 1), (1, 2), (1, 4)))
    assert ladder(5) == ladder(8)[1:]
    assert ladder(0) == (Rung(0, 1), Rung(0, 2), Rung(0, 4))
    assert ladder(None) == (Rung(None, 1), Rung(None, 2), Rung(None, 4))


def seconds(one: Ladder, count: int, frames: int, got: int, *, is_network: bool, since: int) -> list[int]:
    """Judge for so many seconds; return the positions after each."""
    positions = []
    for second in range(count):
        one.judge(float(since + second), frames, got // one.rung.every, is_network=is_network)
        positions.append(one.position)
    return positions


def test_down_while_much_is_missed_then_up_one_by_one():
    one = Ladder(8)
    down = seconds(one, 20, 30, 10, is_network=True, since=0)
    assert down[0] == 1 and down[-1] == len(one.rungs) - 1
    assert down.index(2) - down.index(1) == DOWN_S
    up = seconds(one, 40, 30, 30, is_network=False, since=20)
    assert up[-1] == 0 and up.index(3) - up.index(4) >= UP_S - 1


@pytest.mark.parametrize(
    "frames, got, is_network", [(30, 10, False), (30, 25, True), (4, 0, True), (30, 30, True)]
)
def test_nobody_goes_down_without_a_reason(frames, got, is_network):
    assert set(seconds(Ladder(8), 60, frames, got, is_network=is_network, since=0)) == {0}


def test_what_a_rung_leaves_out_is_not_missed():
    one = Ladder(None)
    one.position = 1
    assert not one.judge(1.0, 30, 15, is_network=True) or one.position == 0


def test_to_go_up_too_early_costs_patience():
    one, ups, now = Ladder(8), [], 0.0
    for _ in range(200):
        now += 1
        before = one.position
        crowded = one.position == 0  # the network carries the second rung, never the first
        one.judge(now, 30, 5 if crowded else 30, is_network=crowded)
        if one.position < before:
            ups.append(now)
    waits = [b - a for a, b in itertools.pairwise(ups)]
    assert len(ups) < 9 and waits[-1] > 50, "the first rung is tried ever less often"


def test_another_ceiling_keeps_the_place():
    one = Ladder(8)
    one.judge(0.0, 30, 0, is_network=True)
    one.own(8)
    assert one.position == 1
    one.own(None)
    assert one.rung == Rung(None, 2)


# -- in a session


def watch(stage: Stage, *encodings: int) -> Pair:
    pair = stage.join(*encodings)
    pair.viewer.request(incremental=False)
    stage.settle()
    pair.session.judge(stage.now, stage.broadcast.shown, LOOPBACK)
    return pair


def a_second(stage: Stage, pair: Pair, link: Link | None, asks: bool = True) -> None:
    """Show 30 frames in a second; a viewer that asks gets what it may."""
    for number in range(30):
        if asks:
            pair.viewer.request()
        stage.paint(Rect(0, 0, 64, 64), noise(64, 64, number))
        stage.rest(1 / 30)
    pair.session.judge(stage.now, stage.broadcast.shown, link)
    stage.broadcast.review(pair.session)


def test_on_loopback_nobody_leaves_the_top():
    stage = Stage(PaintedScreen(noise(128, 64)))
    quick, slow = watch(stage, Encoding.TIGHT, LEVEL + 8), watch(stage, Encoding.TIGHT, LEVEL + 8)
    for _ in range(10):
        a_second(stage, quick, LOOPBACK)
        slow.session.judge(stage.now, stage.broadcast.shown, LOOPBACK)
        slow.viewer.request()
        stage.settle()
    assert quick.session.limits().rung == slow.session.limits().rung == 0
    assert quick.session.limits().limited_by == "" and quick.session.limits().skipped == 0
    assert slow.session.limits().limited_by == "decode" and slow.session.limits().skipped > 250


def test_a_crowded_network_lowers_the_quality_and_leaves_what_is_settled():
    stage = Stage(PaintedScreen(noise(128, 64)))
    pair = watch(stage, Encoding.TIGHT, LEVEL + 8)
    a_second(stage, pair, LOOPBACK)
    settled = pair.session.picture.settled
    a_second(stage, pair, CROWDED, asks=False)
    assert pair.session.wire.quality == 5 and pair.session.limits().limited_by == "network"
    assert pair.session.picture.settled == settled
    for _ in range(int(UP_S) + 2):
        a_second(stage, pair, LOOPBACK)
    assert pair.session.wire.quality == 8


def test_every_fourth_frame_and_always_the_last():
    stage = Stage(PaintedScreen(noise(128, 64)))
    pair = watch(stage, Encoding.ZRLE)
    for _ in range(6):
        a_second(stage, pair, CROWDED, asks=False)
    assert pair.session.limits()[:3] == (2, None, 4)
    pair.viewer.request()
    stage.rest(1.0)
    before = pair.viewer.updates
    a_second(stage, pair, CROWDED)
    assert 7 <= pair.viewer.updates - before <= 9
    for number in range(5):
        pair.viewer.request()
        stage.paint(Rect(0, 0, 64, 64), noise(64, 64, 100 + number))
    stage.rest(2 * HOLD_S)
    assert np.array_equal(pair.viewer.rgb(), stage.screen.pixels), "the last one is not kept from it"


def test_those_on_the_same_rung_get_the_same_frames():
    stage = Stage(PaintedScreen(noise(128, 64)))
    pairs = [watch(stage, Encoding.ZRLE) for _ in range(2)]
    for pair in pairs:
        pair.session.every = 4
    pairs[0].viewer.request()
    stage.paint(Rect(0, 0, 64, 64), 1)
    bases = []
    for number in range(20):
        for pair in pairs:
            pair.viewer.request()
        stage.paint(Rect(0, 0, 64, 64), number)
        stage.now += 1 / 30
        bases.append({pair.session.picture.base for pair in pairs})
    assert all(len(one) == 1 for one in bases[4:])
    assert len(set(map(tuple, bases))) <= 7
