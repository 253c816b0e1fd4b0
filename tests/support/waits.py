"""Waiting in tests: poll a condition against a deadline, never sleep and hope.

MPVNC_TEST_TIME_FACTOR (default 1) multiplies every time-out, for slow or loaded machines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def time_factor() -> float:
    """Return MPVNC_TEST_TIME_FACTOR."""
    return float(os.environ.get("MPVNC_TEST_TIME_FACTOR", "1"))


TIME_FACTOR = time_factor()


def deadline(timeout_s: float) -> float:
    """Return the moment (time.monotonic) that lies the scaled time-out ahead."""
    return time.monotonic() + timeout_s * time_factor()


def eventually(
    condition: Callable[[], T | None],
    timeout_s: float = 5.0,
    *,
    interval_s: float = 0.02,
    what: str = "",
    ignoring: tuple[type[Exception], ...] = (),
) -> T:
    """Return the condition's first true value.

    Exceptions named in `ignoring` count as false. Raises: TimeoutError when the scaled time-out is over, with
    the last value or exception in its text.
    """
    end = deadline(timeout_s)
    last: object = None
    while True:
        try:
            value = condition()
        except ignoring as error:
            last = error
        else:
            if value:
                return value
            last = value
        if time.monotonic() >= end:
            name = what or getattr(condition, "__name__", repr(condition))
            raise TimeoutError(f"not within {timeout_s * time_factor():.1f} s: {name} (last: {last!r})")
        time.sleep(interval_s)
