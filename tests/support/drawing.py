"""An X client that draws on the root window of a display, for tests of capture."""

from __future__ import annotations

from typing import Any

import xcffib
import xcffib.xproto

from mpvnc.geometry import Rect

_FOREGROUND = 4
_SUBWINDOW_MODE = 0x8000


class Painter:
    """Fills rectangles of the root window; each call has taken effect when it returns."""

    def __init__(self, display: str) -> None:
        self._connection: Any = xcffib.Connection(display)
        self._screen = self._connection.setup.roots[0]
        self._context = self._connection.generate_id()
        self._core = self._connection.core
        self._core.CreateGC(self._context, self._screen.root, _FOREGROUND | _SUBWINDOW_MODE, [0, 1])

    def fill(self, rect: Rect, colour: int, *, wait: bool = True) -> None:
        """Fill one rectangle with 0xRRGGBB; without `wait` it is only queued."""
        self.fill_many([rect], colour, wait=wait)

    def fill_many(self, rects: list[Rect], colour: int, *, wait: bool = True) -> None:
        """Fill rectangles with one request, whose damage may be reported as one area."""
        self._core.ChangeGC(self._context, _FOREGROUND, [colour])
        boxes = [xcffib.xproto.RECTANGLE.synthetic(*rect) for rect in rects]
        self._core.PolyFillRectangle(self._screen.root, self._context, len(boxes), boxes)
        self.wait() if wait else self._connection.flush()

    def set_cursor(self, glyph: int) -> None:
        """Give the root window a glyph of the cursor font. The server forgets its image with this client."""
        font, cursor = self._connection.generate_id(), self._connection.generate_id()
        self._core.OpenFont(font, len("cursor"), "cursor")
        white = (0xFFFF, 0xFFFF, 0xFFFF)
        self._core.CreateGlyphCursor(cursor, font, font, glyph, glyph + 1, 0, 0, 0, *white)
        self._core.ChangeWindowAttributes(self._screen.root, xcffib.xproto.CW.Cursor, [cursor])
        self.wait()

    def warp(self, x: int, y: int) -> None:
        """Put the pointer somewhere."""
        self._core.WarpPointer(0, self._screen.root, 0, 0, 0, 0, x, y)
        self.wait()

    def wait(self) -> None:
        """Return when the server has done everything."""
        self._core.GetInputFocus().reply()

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()
