"""The search for moved pixels: compiled if it has been built, else in numpy. Documented in `moves_numpy`."""

from __future__ import annotations

from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mpvnc.kernels.moves_numpy import Gains, Spans, Votes

# Asked of the finder, as in `ordering`: the source is never run uncompiled.
_spec = find_spec("mpvnc.kernels._moves")
COMPILED: bool = _spec is not None and isinstance(_spec.loader, ExtensionFileLoader)

if TYPE_CHECKING or not COMPILED:
    from mpvnc.kernels.moves_numpy import residual, vote, weigh
else:
    from mpvnc.kernels._moves import residual, vote, weigh

__all__ = ["COMPILED", "Gains", "Spans", "Votes", "residual", "vote", "weigh"]
