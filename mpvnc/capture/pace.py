"""How often: the cap on frames per second, the wait before the next try, and the verdict of a probe.

Pure values over given times; owns no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

_RETRY_FIRST_S, _RETRY_MAX_S = 0.1, 2.0


class Pace:
    """At most `rate` times a second: at once after a rest, else at the end of the running period."""

    def __init__(self, rate: float) -> None:
        self._period_s = 1 / rate
        self._next = float("-inf")

    def due(self, wanted: float | None) -> float | None:
        """Return when what is `wanted` at a time may happen."""
        return None if wanted is None else max(wanted, self._next)

    def done(self, now: float) -> None:
        """It happened. A little late does not shift the periods, or the rate would stay below the cap."""
        late = now - self._next
        self._next = (self._next if late < self._period_s / 2 else now) + self._period_s


class Backoff:
    """Waits between tries: 0.1 s, doubling to 2 s."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """It worked: the next wait is the first again."""
        self._wait_s = _RETRY_FIRST_S

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, _RETRY_MAX_S)
        return wait_s


def probe_report(durations_s: Sequence[float]) -> tuple[float, str]:
    """Return the average of some frames' durations in milliseconds, and a line about them."""
    average = sum(durations_s) / len(durations_s)
    low, high = min(durations_s), max(durations_s)
    return average * 1e3, (
        f"probe of {len(durations_s)} whole frames: avg {average * 1e3:.2f} ms, min {low * 1e3:.2f} ms,"
        f" max {high * 1e3:.2f} ms, {1 / max(average, 1e-9):.0f} fps possible"
    )
