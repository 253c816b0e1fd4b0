"""The pointer of the screen: what it looks like and where it is."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CURSOR_SIDE = 256


@dataclass(frozen=True, slots=True)
class Cursor:
    """The picture of a pointer.

    `pixels` holds height x width pixels row by row, 4 bytes each: B, G, R and a straight (not premultiplied)
    alpha. The hot spot lies inside the picture. A cursor of size 0x0 is invisible.
    """

    width: int
    height: int
    hot_x: int
    hot_y: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class PointerState:
    """The pointer at one moment; `serial` tells cursors apart, and is 0 while none is known."""

    serial: int = 0
    x: int = 0
    y: int = 0
    is_visible: bool = False
    cursor: Cursor | None = None
