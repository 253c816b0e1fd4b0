"""Viewers that ask once and wait: what follows is theirs unasked."""

from __future__ import annotations

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect
from mpvnc.session.session import SessionSettings
from tests.session.stage import PaintedScreen, Pair, Stage, noise
from tests.support.golden import golden

PUSH = Encoding.APPLE_PUSH


def stage(*, pushes: bool = False) -> Stage:
    return Stage(PaintedScreen(golden(64, 48)), SessionSettings(pushes=pushes))


def ask_once(one: Stage, *listed: int, incremental: bool = False) -> Pair:
    pair = one.join(Encoding.RAW, *listed)
    pair.viewer.request(incremental)
    one.settle()
    return pair


def is_exact(one: Stage, pair: Pair) -> bool:
    return np.array_equal(pair.viewer.rgb(), one.screen.pixels)


@pytest.mark.parametrize("incremental", [False, True])
def test_who_lists_it_gets_every_frame_after_one_request(incremental: bool) -> None:
    one = stage()
    pushed, other = ask_once(one, PUSH, incremental=incremental), ask_once(one)
    assert is_exact(one, pushed) and pushed.updates_sent == 1
    for number in range(5):
        one.paint(Rect(10 * number, 5, 7, 7), number)
        assert is_exact(one, pushed) and pushed.updates_sent == number + 2
    assert other.updates_sent == 1
    one.settle()
    assert pushed.updates_sent == 6, "nothing without a change"


def test_nobody_gets_anything_before_asking() -> None:
    one = stage(pushes=True)
    pair = one.join(Encoding.RAW, PUSH)
    one.paint(Rect(0, 0, 5, 5), 1)
    assert pair.updates_sent == 0


def test_with_the_option_everybody_is_pushed() -> None:
    one = stage(pushes=True)
    pair = ask_once(one)
    pair.viewer.ledger.continuous = True
    one.paint(Rect(0, 0, 5, 5), 1)
    assert is_exact(one, pair) and pair.updates_sent == 2
    pair.viewer.request()
    one.settle()
    assert pair.updates_sent == 2, "a request that is one too many"


def test_it_ends_with_the_list() -> None:
    one = stage()
    pair = ask_once(one, PUSH)
    pair.viewer.set_encodings([Encoding.RAW])
    one.settle()
    one.paint(Rect(0, 0, 5, 5), 1)
    assert pair.updates_sent == 1
    pair.viewer.request()
    one.settle()
    assert is_exact(one, pair)
    pair.viewer.set_encodings([Encoding.RAW, PUSH])
    one.settle()
    one.paint(Rect(0, 0, 5, 5), 2)
    assert pair.updates_sent == 2, "it has not asked since"


def test_a_part_that_is_asked_for_begins_it_for_the_whole() -> None:
    one = stage()
    pair = one.join(Encoding.RAW, PUSH)
    pair.viewer.request(False, (5, 5, 10, 10))
    one.settle()
    one.paint(Rect(40, 40, 5, 5), 1)
    assert is_exact(one, pair)


def test_another_size_goes_on_by_itself() -> None:
    one = stage()
    pair = ask_once(one, PUSH, Encoding.DESKTOP_SIZE)
    one.show(PaintedScreen(noise(80, 30), generation=2))
    assert (pair.viewer.width, pair.viewer.height) == (80, 30) and is_exact(one, pair)
    one.paint(Rect(70, 20, 5, 5), 1)
    assert is_exact(one, pair)


def test_who_says_what_it_wants_gets_that() -> None:
    """Continuous updates that are switched off stay so until it asks again."""
    one = stage()
    pair = ask_once(one, PUSH, Encoding.CONTINUOUS_UPDATES)
    pair.viewer.enable_continuous_updates(False)
    one.settle()
    one.paint(Rect(0, 0, 5, 5), 1)
    assert pair.updates_sent == 1
    pair.viewer.request()
    one.settle()
    one.paint(Rect(0, 0, 5, 5), 2)
    assert is_exact(one, pair) and pair.updates_sent == 3


def test_who_says_which_part_it_wants_keeps_to_it() -> None:
    one = stage()
    pair = ask_once(one, PUSH, Encoding.CONTINUOUS_UPDATES, Encoding.DESKTOP_SIZE)
    pair.viewer.enable_continuous_updates(True, (0, 0, 10, 10))
    one.settle()
    one.show(PaintedScreen(noise(80, 30), generation=2))
    sent = pair.updates_sent
    one.paint(Rect(70, 20, 5, 5), 1)
    assert pair.updates_sent == sent
    one.paint(Rect(5, 5, 2, 2), 1)
    assert pair.updates_sent == sent + 1


def test_it_is_paced_by_what_is_received() -> None:
    one = stage()
    pair = ask_once(one, PUSH)
    session = pair.session
    session.pacer.suppose_base(0.01, one.now)
    one.screen.paint(Rect(0, 0, 64, 48), 3)
    one.broadcast.advance()
    assert one.broadcast.offer(session, one.now, unacknowledged_bytes=1 << 30) is None
    one.settle()
    assert is_exact(one, pair)
