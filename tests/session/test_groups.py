"""Viewers that are alike are asked once, whoever of them goes; and nobody waits for those who are not alike."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.session.broadcast import Delivery
from mpvnc.session.fanout import PATIENCE_S
from tests.session.stage import PaintedScreen, Pair, Stage, noise

PATCH = Rect(10, 20, 90, 60)
COUNT = 4


@pytest.fixture
def stage() -> Stage:
    """Four viewers that are alike and wait for the next frame."""
    stage = Stage(PaintedScreen(noise(200, 150)))
    pairs = [stage.join(Encoding.ZRLE) for _ in range(COUNT)]
    for incremental in (False, True):
        for pair in pairs:
            pair.viewer.request(incremental)
        stage.settle()
    stage.polls = False
    return stage


def paint(stage: Stage, seed: int) -> None:
    """Take a frame, and encode nothing of it yet."""
    stage.screen.paint(PATCH, noise(PATCH.width, PATCH.height, seed))
    stage.broadcast.advance()
    stage.lead()


def waiting(stage: Stage) -> list[Pair]:
    return [pair for pair in stage.pairs if pair.session.is_served]


def see_all(stage: Stage) -> bool:
    return all(np.array_equal(pair.viewer.rgb(), stage.screen.pixels) for pair in stage.pairs)


def test_one_waits_and_the_others_follow(stage: Stage) -> None:
    paint(stage, 2)
    assert len(waiting(stage)) == 1
    stage.settle()
    assert see_all(stage) and sorted(pair.followed for pair in stage.pairs) == [0, 1, 1, 1]


def test_a_leader_that_wants_something_else_is_succeeded_at_once(stage: Stage) -> None:
    paint(stage, 2)
    (leader,) = waiting(stage)
    leader.viewer.request(False, (0, 0, 10, 10))
    stage.exchange(leader)
    assert len(waiting(stage)) == 2, "itself, and its successor"
    stage.settle()
    leader.viewer.request()
    stage.settle()
    assert see_all(stage) and sum(pair.followed for pair in stage.pairs) == COUNT - 2


def test_a_leader_that_goes_is_succeeded_at_once(stage: Stage) -> None:
    paint(stage, 2)
    (leader,) = waiting(stage)
    stage.pairs.remove(leader)
    stage.broadcast.leave(leader.session)
    stage.groups.left(leader.session)
    assert len(waiting(stage)) == 1
    stage.settle()
    assert see_all(stage)


def test_who_is_not_alike_any_more_is_offered_its_own(stage: Stage) -> None:
    paint(stage, 2)
    follower = next(pair for pair in stage.pairs if pair.is_led)
    follower.session.picture.owe(Rect(0, 0, 5, 5))
    stage.settle()
    assert see_all(stage) and follower.followed == 0 and not follower.session.picture.owed.rects


def test_a_full_frame_for_who_leads_holds_no_frame_back(stage: Stage) -> None:
    for pair in stage.pairs[:2]:
        pair.viewer.request(False)
        pair.session.receive_data(pair.viewer.data_to_send(), stage.now)
    stage.pairs = stage.pairs[:2]
    paint(stage, 2)
    assert len(waiting(stage)) == 1, "the one waits for a full frame, the other for the one"
    assert stage.broadcast.may_advance(stage.now)
    paint(stage, 3)
    stage.now += 2 * PATIENCE_S
    assert not stage.broadcast.may_advance(stage.now), "but not for ever"
    stage.settle()
    assert see_all(stage)


def test_what_is_made_is_sent_before_anybody_is_offered_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(stage, 2)
    (leader,) = waiting(stage)
    impatient = next(pair for pair in stage.pairs if pair is not leader)
    impatient.advance()
    assert waiting(stage) == [leader, impatient] and impatient in next(iter(stage.groups._followers.values()))
    done: list[tuple[str, Pair]] = []

    def send(delivery: Delivery) -> None:
        pair = stage.pair_of(delivery.session)
        done.append(("sent", pair))
        if pair is leader:
            stage.broadcast.leave(leader.session)
            stage.groups.left(leader.session)

    for pair in stage.pairs:
        monkeypatch.setattr(pair, "offer", lambda pair=pair: done.append(("offered", pair)))
    deliveries = []
    while not deliveries:
        deliveries = stage.broadcast.step(stage.now)
    ((delivery, followers),) = stage.groups.hand_out(deliveries, send, stage.now)
    assert done[:2] == [("sent", leader), ("sent", impatient)] and ("offered", impatient) in done
    assert delivery.session is leader.session
    assert followers == [pair for pair in stage.pairs if pair not in (leader, impatient)]
