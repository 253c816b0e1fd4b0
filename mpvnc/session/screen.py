"""What the session layer needs to know of the screen it shows."""

from __future__ import annotations

from typing import Protocol

from mpvnc.damage import MovedFrame, TileTable
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels


class Screen(Protocol):
    """One generation of the screen, at the newest frame that this worker holds.

    The pixels are the worker's own and whole: they change only when the worker takes a newer frame.
    """

    @property
    def generation(self) -> int:
        """Number of this incarnation; a new one for every change of size or restart of the source."""

    @property
    def width(self) -> int:
        """In pixels."""

    @property
    def height(self) -> int:
        """In pixels."""

    @property
    def frame(self) -> int:
        """Number of the frame in `pixels`; at least 1."""

    @property
    def pixels(self) -> Pixels:
        """The frame, (height, width), top bytes clear."""

    @property
    def tiles(self) -> TileTable:
        """When each tile last changed, and where."""

    @property
    def move(self) -> MovedFrame | None:
        """The frame as one that went before it with a part moved, if it can be told like that."""


def area(screen: Screen) -> Rect:
    """Return the whole screen as a rectangle."""
    return Rect(0, 0, screen.width, screen.height)
