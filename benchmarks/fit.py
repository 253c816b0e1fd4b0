"""The arithmetic of the benchmark: A + B x N, percentiles, the search for the most viewers. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Fit(NamedTuple):
    """CPU milliseconds of a painted frame: `a_ms` whoever looks, `b_ms` more for each viewer."""

    a_ms: float
    b_ms: float


def fit(points: Sequence[tuple[int, float]]) -> Fit | None:
    """Fit A + B x N to (viewers, CPU ms of a painted frame).

    Least squares of the relative error, so that one viewer counts as much as a thousand.
    Returns: None if there are not two different numbers of viewers, or a cost is not positive.
    """
    if len({n for n, _ in points}) < 2 or any(cost <= 0 for _, cost in points):
        return None
    weights = [1 / cost**2 for _, cost in points]
    total = sum(weights)
    mean_n = sum(w * n for w, (n, _) in zip(weights, points, strict=True)) / total
    mean_cost = sum(w * cost for w, (_, cost) in zip(weights, points, strict=True)) / total
    spread = sum(w * (n - mean_n) ** 2 for w, (n, _) in zip(weights, points, strict=True))
    rise = sum(w * (n - mean_n) * (cost - mean_cost) for w, (n, cost) in zip(weights, points, strict=True))
    b_ms = rise / spread
    return Fit(mean_cost - b_ms * mean_n, b_ms)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of the values do not exceed; nan of nothing."""
    if not values:
        return math.nan
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def delivered_frames(updates: int, pixels: int, painted: int, viewers: int, changed_area: int) -> float:
    """Return how many frames were delivered to all viewers together.

    A frame is an update, but servers split frames (x11vnc, the lossless refresh of TigerVNC): where every step
    changes `changed_area` pixels (0: it varies), a frame has at least 0.9 of them; and nobody gets more frames
    than were painted.
    """
    frames = min(float(updates), float(painted * viewers))
    if changed_area:
        frames = min(frames, pixels / (0.9 * changed_area))
    return frames


def most_viewers(is_served: Callable[[int], bool], known: Sequence[tuple[int, bool]], guess: float, most: int,
                 tries: int = 5) -> int:  # fmt: skip
    """Search for the largest number of viewers that are served in full.

    Args:
        is_served: measures a number of viewers.
        known: what was measured already.
        guess: where to look first.
        most: no more than that.
        tries: how many measurements at most; it ends sooner when the bounds are 10 % apart.
    """
    low = max((n for n, served in known if served), default=0)
    high = min((n for n, served in known if not served), default=most + 1)
    number = round(guess)
    for _ in range(tries):
        number = min(max(number, low + 1), high - 1)
        if low >= most or number <= low or high - low <= max(1, low // 10):
            break
        if is_served(number):
            low = number
        else:
            high = number
        number = low * 2 + 1 if high > most else round(math.sqrt(max(low, 1) * high))
    return low
