"""The fence between stamps and what they guard. Must not import numpy: the supervisor comes by here.

Without the compiled fence only x86-64 keeps stores, and loads, in the order in which Python makes them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable

from mpvnc.errors import FrameError


def _no_fence() -> None:
    """Stand for a fence where the processor keeps the order by itself."""


def _compiled_fence() -> Callable[[], None] | None:
    try:
        from mpvnc.kernels import _tiles
    except ImportError:
        return None
    return _tiles.fence if _tiles.COMPILED else None


COMPILED: bool = _compiled_fence() is not None
"""Whether the compiled kernels are there."""

fence: Callable[[], None] = _compiled_fence() or _no_fence
"""Order all reads and writes before the call against all after it."""


def require_ordering() -> None:
    """Raise FrameError where stamps cannot be trusted: no compiled kernels, and not x86-64."""
    machine = platform.machine()
    if not COMPILED and machine not in ("x86_64", "AMD64"):
        raise FrameError(f"shared frames on {machine} need the compiled kernels of mpvnc; build them first")
