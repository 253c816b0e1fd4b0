"""The fence between stamps and what they guard. Must not import numpy: the supervisor comes by here.

Without the compiled fence only x86-64 keeps stores, and loads, in the order in which Python makes them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec

from mpvnc.errors import FrameError


def _no_fence() -> None:
    """Stand for a fence where the processor keeps the order by itself."""


def _compiled_fence() -> Callable[[], None] | None:
    # Asked of the finder: running the source uncompiled fails, and not with an ImportError.
    spec = find_spec("mpvnc.kernels._tiles")
    if spec is None or not isinstance(spec.loader, ExtensionFileLoader):
        return None
    from mpvnc.kernels import _tiles

    return _tiles.fence


COMPILED: bool = _compiled_fence() is not None
"""Whether the compiled kernels are there."""

fence: Callable[[], None] = _compiled_fence() or _no_fence
"""Order all reads and writes before the call against all after it."""


def require_ordering() -> None:
    """Raise FrameError where stamps cannot be trusted: no compiled kernels, and not x86-64."""
    machine = platform.machine()
    if not COMPILED and machine not in ("x86_64", "AMD64"):
        raise FrameError(f"shared frames on {machine} need the compiled kernels of mpvnc; build them first")
