"""Capture by screenshots (python-mss): the last fallback, for X servers that cannot write into our memory.

Owns an mss instance. Every frame is a whole screenshot, compared by the frame writer: costs CPU even when
nothing changes, at the role's frame rate. It knows no pointer.
"""

from __future__ import annotations

from contextlib import suppress

import mss
import numpy as np

from mpvnc.capture.base import PointerUpdate, Slot
from mpvnc.capture.xconnection import XConnection
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect

_FAILURES = (mss.ScreenShotError, OSError, AssertionError)
"""mss asserts that a reply comes; from a server that has gone none does."""
_REOPEN_S = 2.0
"""mss reads the size of the screen once per instance; a new one is made this often."""


class MssCapture:
    """The whole virtual screen of an X display ("" is $DISPLAY).

    Raises: CaptureError if the display cannot be reached.
    """

    def __init__(self, display: str, why: str = "") -> None:
        self._display = display
        self.backend = f"mss ({why})" if why else "mss"
        self._mss: mss.MSS | None = None
        self._reopen_at: float | None = None
        XConnection(display).close()  # says what is wrong with a screen; mss would also leak its connection
        self._way = "default"
        self._open()

    def fileno(self) -> None:
        """Only time matters."""

    def attach(self, fd: int, width: int, height: int) -> None:
        """The segment itself is not needed: slots have pixels."""

    def invalidate(self) -> None:
        """Every draw is one of the whole screen."""

    def handle_events(self) -> None:
        """There are none."""

    def frame_due(self, now: float) -> float:
        """Always `now`: only looking tells whether something changed."""
        return now

    def draw(self, slot: Slot, now: float) -> list[Rect]:
        """Put a screenshot into the slot. A screen of another size by now is cut, or not drawn at all."""
        if self._reopen_at is not None and now >= self._reopen_at:
            self._open()
            self._reopen_at = None
        self._reopen_at = self._reopen_at or now + _REOPEN_S
        height, width = slot.pixels.shape
        if self.size != (width, height):
            return []
        slot.pixels[:] = self._grab()
        return [Rect(0, 0, width, height)]

    def pointer_due(self, now: float) -> None:
        """Never."""

    def pointer(self, now: float) -> PointerUpdate | None:
        """Return None: unknown here."""
        return None

    def close(self) -> None:
        """Disconnect; mss complains if the server did so first."""
        instance, self._mss = self._mss, None
        if instance:
            with suppress(*_FAILURES):
                instance.close()

    def _open(self) -> None:
        self.close()
        try:
            self._mss = self._instance()
            self._screen = self._mss.monitors[0]
        except _FAILURES as error:
            raise CaptureError(f"mss cannot open display {self._display!r}: {error}") from error
        self.size = self._screen["width"], self._screen["height"]

    def _instance(self) -> mss.MSS:
        """Return mss with its own choice of way, else by Xlib: the others refuse TigerVNC's visuals."""
        try:
            return mss.MSS(display=self._display or None, backend=self._way)
        except mss.ScreenShotError:
            if self._way == "xlib":
                raise
            self._way = "xlib"
            return mss.MSS(display=self._display or None, backend=self._way)

    def _grab(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
        assert self._mss is not None, "draw() after close()"
        try:
            shot = self._mss.grab(self._screen)
        except _FAILURES as error:
            raise CaptureError(f"mss cannot read display {self._display!r}: {error}") from error
        return np.frombuffer(shot.raw, np.uint32).reshape(shot.height, shot.width)
