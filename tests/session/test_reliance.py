"""Who is counted on, and who is not for a while."""

from __future__ import annotations

import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings.wire import wire_class
from mpvnc.pixels import NATIVE
from mpvnc.session.reliance import DISTRUST_MAX_S, DISTRUST_S, LATE_TIMES, Reliance

ZRLE, RAW = wire_class(NATIVE, [Encoding.ZRLE]), wire_class(NATIVE, [Encoding.RAW])


def test_who_does_not_answer_is_left_alone_for_longer_each_time():
    one, now = Reliance(), 10.0
    assert one.counts_on(1, ZRLE, now)
    for lasts_s in (DISTRUST_S, 2 * DISTRUST_S, 4 * DISTRUST_S):
        one.waited_in_vain(1, ZRLE, now, is_at_it=False)
        assert not one.counts_on(1, ZRLE, now + 0.99 * lasts_s)
        assert one.counts_on(1, RAW, now) and one.counts_on(2, ZRLE, now)
        now += lasts_s
        assert one.counts_on(1, ZRLE, now)
    for _ in range(20):
        one.waited_in_vain(1, ZRLE, now, is_at_it=False)
    assert one.counts_on(1, ZRLE, now + DISTRUST_MAX_S)


def test_who_has_not_answered_for_hours_is_waited_for_as_soon_as_after_a_minute():
    one, now = Reliance(), 10.0
    for _ in range(5000):
        one.waited_in_vain(1, ZRLE, now, is_at_it=False)
        now += DISTRUST_MAX_S
        assert one.counts_on(1, ZRLE, now)
    for _ in range(10):
        one.came(1, ZRLE)
    one.waited_in_vain(1, ZRLE, now, is_at_it=True)
    assert one.counts_on(1, ZRLE, now)


def test_who_is_late_a_few_times_is_still_counted_on():
    one = Reliance()
    for _ in range(LATE_TIMES):
        one.waited_in_vain(1, ZRLE, 1.0, is_at_it=True)
        assert one.counts_on(1, ZRLE, 1.0)
    one.waited_in_vain(1, ZRLE, 1.0, is_at_it=True)
    assert not one.counts_on(1, ZRLE, 1.0)


def test_what_comes_in_time_makes_up_for_what_did_not():
    one = Reliance()
    for _ in range(LATE_TIMES):
        one.waited_in_vain(1, ZRLE, 1.0, is_at_it=True)
        one.came(1, ZRLE)
        one.came(1, ZRLE)
    one.waited_in_vain(1, ZRLE, 1.0, is_at_it=True)
    assert one.counts_on(1, ZRLE, 1.0)


def test_the_pace_is_learned():
    one = Reliance()
    assert 0 < one.saved_s(ZRLE, 1000) < 1e-3
    for _ in range(30):
        one.learn(ZRLE, 1000, 0.01)
    assert one.saved_s(ZRLE, 500) == pytest.approx(0.005)


def test_little_is_remembered():
    one = Reliance()
    for slot in range(1000):
        one.waited_in_vain(slot, ZRLE, 1.0, is_at_it=False)
    assert len(one._misses) <= 64
