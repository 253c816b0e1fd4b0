"""A program's surface as pixels: what is accepted, and how it is read. Copies nothing.

A surface is anything with get_data, get_width, get_height, get_stride and get_format, as pycairo's and
cairocffi's image surfaces have them; `flush` is called first where there is one. Formats are cairo's:
ARGB32 (0) and RGB24 (1). ARGB32 is premultiplied, so what is transparent shows as over black.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from mpvnc.errors import PublishError
from mpvnc.pixels import Pixels

ARGB32, RGB24 = 0, 1
_FORMATS = {2: "A8", 3: "A1", 4: "RGB16_565", 5: "RGB30", 6: "RGB96F", 7: "RGBA128F"}
MAX_SIDE = 32768
HANDED_OUT_MAX = (1 << 31) - 1
"""Bytes that pycairo can hand out of a surface's memory: for more, the length of the buffer wraps around."""
_PREPARES = ("flush", "has_show_text_glyphs")
"""The second changes nothing: it is the one question that raises for a finished surface, whose memory is still
handed out.
"""
_METHODS = ("get_data", "get_width", "get_height", "get_stride", "get_format")


class Surface(Protocol):
    """What `publish` draws its pixels from."""

    def get_data(self) -> Any:
        """Return the pixels as a buffer."""

    def get_width(self) -> int:
        """Return its width in pixels."""

    def get_height(self) -> int:
        """Return its height in pixels."""

    def get_stride(self) -> int:
        """Return the bytes from one row to the next."""

    def get_format(self) -> int:
        """Return cairo's number of its format."""


class Reader:
    """Reads a surface again and again. One whose size and memory stay is asked for them once: a pycairo one."""

    def __init__(self) -> None:
        self._surface: Surface | None = None
        self._pixels: Pixels | None = None

    def read(self, surface: Surface) -> Pixels:
        """Return what `pixels_of` does, sooner if it is the surface of the last time. Raises: PublishError."""
        if surface is not self._surface or self._pixels is None:
            pixels = pixels_of(surface)
            is_fixed = type(surface).__module__ == "cairo"
            self._surface, self._pixels = (surface, pixels) if is_fixed else (None, None)
            return pixels
        try:
            _prepare(surface)
        except Exception as error:
            raise PublishError(f"the surface cannot be read: {error}") from error
        return self._pixels


def pixels_of(surface: Surface) -> Pixels:
    """Return a view of the surface's pixels as they are now, (height, width), any top byte.

    The view is to be dropped before the program draws on.

    Raises: PublishError if it is no surface, is finished, or has a size or format that cannot be published.
    """
    try:
        _prepare(surface)
        number = int(surface.get_format())
        width, height, stride = surface.get_width(), surface.get_height(), surface.get_stride()
        _check(number, width, height, stride)
        data = surface.get_data()
        _check_memory(memoryview(data).nbytes, width, height, stride)
        return np.ndarray((height, width), np.uint32, data, strides=(stride, 4))
    except PublishError:
        raise
    except Exception as error:  # a surface may be anything, and raise anything
        raise PublishError(_strangeness(surface) or f"the surface cannot be read: {error}") from error


def _prepare(surface: object) -> None:
    for name in _PREPARES:
        prepare = getattr(surface, name, None)
        if prepare is not None:
            prepare()


def _strangeness(surface: object) -> str:
    """Return why it is no surface; "" if it is one."""
    missing = [name for name in _METHODS if not callable(getattr(surface, name, None))]
    if not missing:
        return ""
    hint = "; its get_target() may be one" if hasattr(surface, "get_target") else ""
    return f"a {type(surface).__name__} is no image surface: it has no {', '.join(missing)}{hint}"


def _check(number: int, width: int, height: int, stride: int) -> None:
    if number not in (ARGB32, RGB24):
        name = _FORMATS.get(number, str(number))
        raise PublishError(f"a surface of format {name}, expected RGB24 or ARGB32")
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise PublishError(f"a surface of {width}x{height}, expected sides of 1 to {MAX_SIDE}")
    if stride < 4 * width:
        raise PublishError(f"a stride of {stride} bytes is too short for a width of {width}")


def _check_memory(found: int, width: int, height: int, stride: int) -> None:
    needed = stride * (height - 1) + 4 * width
    if found >= needed:
        return
    if needed > HANDED_OUT_MAX:
        raise PublishError(
            f"a surface of {width}x{height} is too large: its library hands out {HANDED_OUT_MAX} bytes at most, "
            f"such as {width}x{HANDED_OUT_MAX // stride}"
        )
    raise PublishError(f"a surface of {width}x{height} has {needed} bytes, its library hands out {found}")
