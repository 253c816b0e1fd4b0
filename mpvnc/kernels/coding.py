"""The pixel loops of the encodings: compiled if they are, else in numpy. Same bytes either way.

Documented in `coding_numpy`. The uncompiled source of `_coding` is never run: it would take seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpvnc.kernels import coding_numpy
from mpvnc.kernels.coding_numpy import Units

try:
    from mpvnc.kernels import _coding
except ImportError:  # no Cython to import, hence nothing compiled
    COMPILED = False
else:
    COMPILED = bool(_coding.COMPILED)

_kernels: Any = _coding if COMPILED else coding_numpy

colours: Callable[[Units, int], Units | None] = _kernels.colours
indices: Callable[[Units, Units, int], bytearray] = _kernels.indices
pack: Callable[[Units, int, bool], bytearray] = _kernels.pack
convert: Callable[[Units, Units], Units] = _kernels.convert
zrle: Callable[[Units, int, bool], bytearray] = _kernels.zrle
hextile: Callable[[Units, int, bool], bytearray] = _kernels.hextile
rre: Callable[[Units, int, bool], bytearray | None] = _kernels.rre

__all__ = ["COMPILED", "colours", "convert", "hextile", "indices", "pack", "rre", "zrle"]
