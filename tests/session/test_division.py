"""One worker's view of an update that others make parts of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings.wire import wire_class
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.session.division import PATIENCE_S, Division, pick
from mpvnc.session.planner import Piece
from mpvnc.session.reliance import Reliance

ZRLE = wire_class(NATIVE, [Encoding.ZRLE])
A, B, C, D = (Piece(Rect(0, y, 256, 64), 5) for y in range(0, 256, 64))
SMALL = Piece(Rect(0, 0, 8, 8), 5)


def division(progress: int = 5, **options: bool) -> Division:
    """Worker 0 makes A, worker 1 makes B, C and D; SMALL is everybody's own."""
    colleagues = SimpleNamespace(
        slot=0,
        reliance=Reliance(),
        has_begun=lambda slot, wire, epoch: progress == epoch,
        has_passed=lambda slot, wire, epoch: progress > epoch,
    )
    return Division(colleagues, ZRLE, {A: 0, B: 1, C: 1, D: 1}, 5, **{"may_wait": True, **options})


def test_ones_own_part_comes_first_in_order():
    one = division()
    assert one.choose([D, C, SMALL, A, B], 1.0) == 3
    assert one.choose([D, C, SMALL, B], 1.0) == 2
    assert one.choose([D, C, B], 1.0) is None


def test_what_does_not_come_is_made_last_things_first():
    one = division()
    assert one.choose([D, C, B], 1.0) is None and one.until == 1.0 + PATIENCE_S
    assert not one.give_up([D, C, B], 1.001)
    assert one.choose([D, C, B], 1.0 + PATIENCE_S) == 0
    assert one.give_up([D, C, B], 1.0 + PATIENCE_S) and not one.give_up([C, B], 2.0), "told once"
    assert one.choose([C, B], 1.0 + PATIENCE_S) == 0


def test_nothing_that_hangs_costs_more_than_one_wait_however_slow_one_is():
    for pace_s in (0.0001, 0.003, 0.1):
        one = division()
        one._colleagues.reliance.learn(ZRLE, B.rect.area, pace_s)
        todo, now = [D, C, B], 1.0
        assert one.choose(todo, now) is None
        now += PATIENCE_S
        while todo:
            index = one.choose(todo, now)
            assert index == 0
            del todo[index]
            now += 0.002


def test_who_was_late_is_waited_for_again_once_it_shows():
    one = division()
    one._colleagues.reliance.learn(ZRLE, B.rect.area, 0.003)
    one.choose([D, C, B], 1.0)
    assert one.choose([D, C, B], 1.0 + PATIENCE_S) == 0
    one.came(B, 1)
    assert one.choose([C], 1.0 + PATIENCE_S + 0.003) is None
    assert one.until == pytest.approx(1.0 + PATIENCE_S + 0.006)


def test_what_comes_is_worth_waiting_for():
    one = division()
    one._colleagues.reliance.learn(ZRLE, B.rect.area, 0.003)
    one.choose([D, C, B], 1.0)
    one.came(B, 1)
    assert one.choose([D, C], 1.0 + PATIENCE_S) is None
    assert one.choose([D, C], 1.0031 + PATIENCE_S) == 0


def test_who_makes_its_own_part_in_time_is_counted_on_again():
    one = division()
    reliance = one._colleagues.reliance
    for slot in (1, 2):
        reliance.waited_in_vain(slot, ZRLE, 1.0, is_at_it=False)
    one.came(B, 2)
    assert not reliance.counts_on(1, ZRLE, 1.0) and not reliance.counts_on(2, ZRLE, 1.0), "not its part"
    one.choose([D, C], 1.0)
    one.came(C, 1)
    assert reliance.counts_on(1, ZRLE, 1.0)


def test_what_comes_after_it_was_given_up_makes_up_for_nothing():
    one = division()
    one.choose([D, C, B], 1.0)
    assert one.give_up([D, C, B], 1.0 + PATIENCE_S)
    one._colleagues.reliance.waited_in_vain(1, ZRLE, 1.0, is_at_it=False)
    one.came(C, 1)
    assert not one._colleagues.reliance.counts_on(1, ZRLE, 1.0)


def test_who_is_ahead_or_need_not_be_at_it_is_not_waited_for():
    assert division(progress=6).choose([D, C, B], 1.0) == 2
    one = division(may_wait=False)
    assert one.choose([D, C, B], 1.0) == 0 and not one.give_up([D, C, B], 1.0)


def test_only_what_is_divided_is_shared():
    assert division().is_shared(D) and not division().is_shared(SMALL)


def test_parts_are_even_and_stay_when_a_worker_goes():
    names = [number * 7919 for number in range(400)]
    before = [pick(name, [0, 1, 2, 3]) for name in names]
    assert all(70 < before.count(slot) < 130 for slot in range(4))
    after = [pick(name, [3, 1, 0]) for name in names]
    assert all(was in (2, now) for was, now in zip(before, after, strict=True))
    assert pick(5, [7]) == 7
