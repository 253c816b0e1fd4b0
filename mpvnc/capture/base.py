"""What a capture backend is: the protocol that `workers/capture.py` drives, and the values that cross it.

A backend knows how to bring a slot up to date and when it wants to. It owns no clock, no frame segment, no
frame rate and no control socket: those belong to the role that drives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels


class Slot(Protocol):
    """What a backend needs of a slot of the frame segment (`mpvnc.frames.writer.Slot` is one)."""

    @property
    def pixels(self) -> Pixels:
        """(height, width), writable; rows may be further apart than they are long."""

    @property
    def offset(self) -> int:
        """Where the pixels begin in the segment, in bytes."""

    @property
    def stale(self) -> Sequence[Rect]:
        """Where this slot is older than the newest frame."""


class CursorShape(NamedTuple):
    """A cursor image: BGRA bytes, row-major, straight alpha; hot spot in pixels from its top left."""

    width: int
    height: int
    hot_x: int
    hot_y: int
    pixels: bytes


class PointerUpdate(NamedTuple):
    """Where the pointer is, and its shape if that is another one than at the last update."""

    x: int
    y: int
    visible: bool
    shape: CursorShape | None


class Capture(Protocol):
    """One screen that can be captured. After a `CaptureError` of any method: `close()` and open anew."""

    @property
    def backend(self) -> str:
        """What captures and how, for logs and status: "x11 (shared pixmaps)"."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the screen now; when it is not the attached segment's, a new one is needed."""

    def fileno(self) -> int | None:
        """Return the descriptor that is readable when something happened; None if only time matters."""

    def attach(self, fd: int, width: int, height: int) -> None:
        """Draw into slots of the segment `fd` (borrowed; dup it to keep it) from now on, first everything."""

    def invalidate(self) -> None:
        """Make the next `draw` one of the whole screen."""

    def handle_events(self) -> None:
        """Take in all that has happened, without blocking. To be called before every wait on `fileno()`."""

    def frame_due(self, now: float) -> float | None:
        """Return when there is something to draw (monotonic seconds, may be past); None: nothing known."""

    def draw(self, slot: Slot, now: float) -> list[Rect]:
        """Bring the slot up to date, `slot.stale` included; return all that was written."""

    def pointer_due(self, now: float) -> float | None:
        """Return when `pointer` is worth asking (monotonic seconds, may be past); None: nothing known."""

    def pointer(self, now: float) -> PointerUpdate | None:
        """Return the pointer's state; None if the backend does not know it."""

    def close(self) -> None:
        """Let go of the screen and the segment. May be called twice."""
