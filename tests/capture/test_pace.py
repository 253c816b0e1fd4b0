import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.capture.pace import Backoff, Pace, probe_report


def test_the_first_and_what_comes_after_a_rest_is_at_once() -> None:
    pace = Pace(50)
    assert pace.due(3.0) == 3.0
    pace.done(3.0)
    assert pace.due(7.0) == 7.0
    assert pace.due(None) is None


def test_what_comes_too_soon_waits_for_the_end_of_the_period() -> None:
    pace = Pace(50)
    pace.done(3.0)
    assert pace.due(3.001) == pytest.approx(3.02)


def test_being_woken_a_little_late_costs_no_frames() -> None:
    pace, now, count = Pace(60), 100.0, 0
    while now < 105.0:
        due = pace.due(now)
        assert due is not None
        now = max(now, due) + 0.001
        pace.done(now)
        count += 1
    assert 270 <= count <= 301


@given(st.lists(st.floats(0, 0.05), min_size=2, max_size=200))
def test_the_rate_is_never_exceeded(waits: list[float]) -> None:
    pace, now, done = Pace(100), 0.0, []
    for wait in waits:
        now += wait
        due = pace.due(now)
        assert due is not None
        now = max(now, due)
        pace.done(now)
        done.append(now)
    assert len(done) <= (done[-1] - done[0]) * 100 + 1.5 + 1e-6


def test_waits_double_up_to_two_seconds_and_begin_again() -> None:
    backoff = Backoff()
    assert [backoff.next() for _ in range(7)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    backoff.reset()
    assert backoff.next() == pytest.approx(0.1)


def test_probe_report() -> None:
    average_ms, line = probe_report([0.001, 0.002, 0.003])
    assert average_ms == pytest.approx(2.0)
    assert line == "probe of 3 whole frames: avg 2.00 ms, min 1.00 ms, max 3.00 ms, 500 fps possible"
