"""The tile kernels: compiled if they have been built, else their numpy twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpvnc.kernels.ordering import COMPILED, fence
from mpvnc.kernels.tiles_numpy import Boxes, Tiles, runs

if TYPE_CHECKING or not COMPILED:
    from mpvnc.kernels.tiles_numpy import compare, copy, copy_masked, follow, mark, missing
else:
    from mpvnc.kernels._tiles import compare, copy, copy_masked, follow, mark, missing

__all__ = [
    "COMPILED", "Boxes", "Tiles", "compare", "copy", "copy_masked", "fence", "follow", "mark", "missing", "runs",
]  # fmt: skip
