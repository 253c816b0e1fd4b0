from __future__ import annotations

import math

import pytest

from benchmarks.fit import delivered_frames, fit, most_viewers, percentile


def test_the_fit_finds_the_line_that_the_points_lie_on() -> None:
    found = fit([(n, 6.5 + 0.0125 * n) for n in (1, 50, 1000)])
    assert found is not None
    assert found == pytest.approx((6.5, 0.0125))


def test_the_fit_weighs_one_viewer_like_a_thousand() -> None:
    points = [(1, 1.0), (10, 1.9), (1000, 110.0)]
    found = fit(points)
    assert found is not None
    assert all(abs(found.a_ms + found.b_ms * n - cost) < 0.1 * cost for n, cost in points)


@pytest.mark.parametrize("points", [[], [(5, 1.0)], [(5, 1.0), (5, 2.0)], [(1, 0.0), (2, 1.0)]])
def test_no_line_goes_through_one_number_of_viewers_or_no_cost(points: list[tuple[int, float]]) -> None:
    assert fit(points) is None


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (90, 90), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(percent: int, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_there_is_no_percentile_of_nothing() -> None:
    assert math.isnan(percentile([], 50))


def test_updates_are_frames_where_the_area_varies() -> None:
    assert delivered_frames(updates=95, pixels=1, painted=10, viewers=10, changed_area=0) == 95


def test_nobody_gets_more_frames_than_were_painted() -> None:
    assert delivered_frames(updates=500, pixels=10**9, painted=10, viewers=10, changed_area=100) == 100


def test_a_split_frame_counts_once() -> None:
    """Four updates of a quarter each are one frame."""
    assert delivered_frames(updates=40, pixels=10 * 900, painted=90, viewers=1, changed_area=1000) == 10


@pytest.mark.parametrize("truth", [1, 2, 7, 40, 333, 1900])
@pytest.mark.parametrize("guess", [1.0, 40.0, 5000.0])
def test_the_search_comes_near_the_most_viewers(truth: int, guess: float) -> None:
    asked: list[int] = []

    def is_served(number: int) -> bool:
        asked.append(number)
        return number <= truth

    found = most_viewers(is_served, [(1, True)], guess, most=2000, tries=20)
    assert found <= truth < found * 1.11 + 1.5
    assert len(asked) == len(set(asked))


def test_the_search_is_bounded() -> None:
    asked: list[int] = []

    def never(number: int) -> bool:
        asked.append(number)
        return False

    assert most_viewers(never, [(1, True), (50, False)], 30.0, most=2000, tries=3) == 1
    assert len(asked) == 3
    assert most_viewers(lambda n: True, [(1, True)], 1e9, most=2000) == 2000
    assert most_viewers(lambda n: True, [(1, False)], 1.0, most=2000) == 0
