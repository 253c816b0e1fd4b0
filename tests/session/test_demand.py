"""What may be sent, against a plain set of pixels."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.geometry import EMPTY, Rect, Region
from mpvnc.session.demand import Demand, bounded

WHOLE = Rect(0, 0, 100, 100)
rects = st.builds(Rect, st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40))


def test_nothing_is_open_at_first():
    demand = Demand()
    assert not demand.is_open and not demand.is_continuous and not demand.region
    assert not demand.covers(WHOLE)


def test_an_answer_closes_all_requests():
    demand = Demand()
    for _ in range(200):
        demand.request(WHOLE)
    demand.request(EMPTY)
    assert demand.is_open and demand.wants_answer
    demand.answered()
    assert not demand.is_open and not demand.wants_answer


def test_an_empty_request_wants_an_answer_and_no_pixels():
    demand = Demand()
    demand.request(EMPTY)
    assert demand.is_open and not demand.region


def test_continuous_updates_outlive_answers():
    demand = Demand()
    demand.set_continuous(Rect(10, 10, 20, 20))
    demand.answered()
    assert demand.is_open and demand.covers(Rect(10, 10, 5, 5)) and not demand.covers(WHOLE)
    demand.request(WHOLE)
    assert demand.covers(WHOLE)
    demand.set_continuous(EMPTY)
    demand.answered()
    assert not demand.is_open


@settings(max_examples=60)
@given(st.lists(rects, min_size=1, max_size=60), rects)
def test_every_requested_pixel_may_be_sent(requested, probe):
    demand = Demand()
    for rect in requested:
        demand.request(rect)
    assert all(demand.covers(rect) for rect in requested)
    assert not demand.region.subtract([Region(requested).bounds])
    assert len(demand.region.rects) <= 32, "a client cannot make its own region grow"
    assert demand.covers(probe) == demand.region.contains(probe)


def test_a_region_of_too_many_rectangles_becomes_its_bounds():
    dots = Region(Rect(2 * x, 0, 1, 1) for x in range(32))
    assert bounded(dots) is dots
    assert bounded(dots.union([Rect(90, 9, 1, 1)])).rects == (Rect(0, 0, 91, 10),)
