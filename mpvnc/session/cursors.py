"""The pointer as one client is told of it: what it looks like and where it is.

Owns: whether the client draws the pointer itself or finds it in the picture, and what it has been told. The
rules, from design to wire:

1. A client that can draw the pointer does so while it moves it: for a second after each motion. At all other times
   it is drawn into the client's picture (see `overlay`), and what the client draws itself is nothing.
2. Of the ways to tell a shape a client gets the best that it knows: with alpha, with colours, with two of them.
3. Who can be told a place (PointerPos) is told it when the pointer is elsewhere than the client put it. Not while
   it moves: what it sees then is where the pointer was some motions ago.

Sources: RFC 6143 section 7.8.1; PointerPos is TightVNC's (in rfbproto "POINTPOS" of the Tight capabilities): a
rectangle without a size, at the place of the hot spot.
"""

from __future__ import annotations

import math
from collections.abc import Set

from mpvnc.constants import Encoding
from mpvnc.encodings.cursor import cursor_rectangle
from mpvnc.geometry import Rect
from mpvnc.pixels import PixelFormat
from mpvnc.pointer import PointerState
from mpvnc.rfb import writers

OWN_POINTER_S = 1.0
"""How long after its last motion a client is taken to draw the pointer itself."""

SHAPES = (Encoding.CURSOR_WITH_ALPHA, Encoding.CURSOR, Encoding.X_CURSOR)
"""The best first."""

_BLANK = -1
_UNSENT = -2


class Cursors:
    """What one client knows of the pointer; `now` is monotonic seconds.

    Args:
        with_cursor: whether clients may draw the pointer themselves.
        with_pointer: whether it is drawn for those who do not.
    """

    __slots__ = (
        "_moved_at",
        "_place",
        "_serial",
        "_with_cursor",
        "_with_pointer",
        "is_active",
        "shape",
        "tells_place",
    )

    def __init__(self, *, with_cursor: bool, with_pointer: bool) -> None:
        self.shape: Encoding | None = None
        """How it is told shapes; None: not at all."""
        self.tells_place = False
        self.is_active = False
        """Whether it is ever told anything."""
        self._with_cursor = with_cursor
        self._with_pointer = with_pointer
        self._moved_at = -math.inf
        self._place: tuple[int, int] | None = None
        """Where the client takes the pointer to be."""
        self._serial = _UNSENT

    def list_encodings(self, listed: Set[int]) -> None:
        """Note a SetEncodings."""
        known = listed if self._with_cursor else frozenset[int]()
        shape = next((one for one in SHAPES if one in known), None)
        if shape is not self.shape:
            self.shape, self._serial = shape, _UNSENT
        if Encoding.POINTER_POS not in known:
            self._place = None
        self.tells_place = Encoding.POINTER_POS in known
        self.is_active = shape is not None or self.tells_place

    def forget_shape(self) -> None:
        """Tell the shape again: the client's pixel format is another one."""
        self._serial = _UNSENT

    def moved(self, x: int, y: int, now: float) -> None:
        """Note that the client put the pointer there."""
        self._moved_at = now
        self._place = (x, y)

    def draws(self, now: float) -> bool:
        """Whether the client draws the pointer itself: it can, and moved it just now, or we never do."""
        if self.shape is None:
            return False
        return not self._with_pointer or now - self._moved_at < OWN_POINTER_S

    def wants_drawn(self, now: float) -> bool:
        """Whether the pointer is drawn into its picture."""
        return self._with_pointer and not self.draws(now)

    def hand(self, now: float) -> tuple[bool, object]:
        """Return who draws the pointer, and what the client was told of it: those who are alike in that lack the same.

        One that is told places is like nobody else.
        """
        told = None if self.shape is None else self._serial
        return self.draws(now), self if self.tells_place else told

    def changes_hands_at(self) -> float:
        """When there may be something to tell although nothing happens; infinity if never."""
        return self._moved_at + OWN_POINTER_S if self.is_active else math.inf

    def is_told(self, pointer: PointerState, area: Rect, now: float) -> bool:
        """Whether the client, whose framebuffer is `area`, knows all that it is to know."""
        if self.shape is not None and self._serial != self._wanted(pointer, now):
            return False
        return not self.tells_place or self._is_placed(pointer, area, now)

    def rectangles(self, pointer: PointerState, area: Rect, fmt: PixelFormat, now: float) -> list[bytes]:
        """Return the rectangles that tell what it does not know; it does then. The pointer has to have a shape."""
        told = []
        if self.shape is not None:
            wanted = self._wanted(pointer, now)
            if wanted != self._serial:
                self._serial = wanted
                told.append(cursor_rectangle(self.shape, fmt, pointer.cursor if wanted != _BLANK else None))
        if self.tells_place and not self._is_placed(pointer, area, now):
            self._place = (pointer.x, pointer.y)
            told.append(writers.pointer_pos(pointer.x, pointer.y))
        return told

    def _wanted(self, pointer: PointerState, now: float) -> int:
        """Return the shape, or the absence of one, that a client that is told shapes is to draw itself."""
        draws = pointer.is_own or not self._with_pointer or now - self._moved_at < OWN_POINTER_S
        return pointer.serial if draws and pointer.visible else _BLANK

    def _is_placed(self, pointer: PointerState, area: Rect, now: float) -> bool:
        if not pointer.visible or pointer.is_own or now - self._moved_at < OWN_POINTER_S:
            return True
        return self._place == (pointer.x, pointer.y) or not area.contains(Rect(pointer.x, pointer.y, 1, 1))
