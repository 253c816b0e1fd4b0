"""Waiting for conditions, with a deadline, never for a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
TIME_FACTOR = float(os.environ.get("MPVNC_TEST_TIME_FACTOR", "1"))


def eventually(condition: Callable[[], _T], timeout_s: float = 5.0) -> _T:
    """Return the first true value of `condition`; AssertionError if none comes in time."""
    deadline = time.monotonic() + timeout_s * TIME_FACTOR
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{condition} stayed false for {timeout_s * TIME_FACTOR} s: {value!r}")
        time.sleep(0.01)
