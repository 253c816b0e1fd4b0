"""What a client's framebuffer holds: a base frame, less what is owed, and perhaps the pointer on top."""

from __future__ import annotations

from collections.abc import Iterable

from mpvnc.geometry import EMPTY, Rect, Region
from mpvnc.session.demand import NOTHING, bounded
from mpvnc.session.overlay import Overlay
from mpvnc.session.screen import Screen, area


class Picture:
    """The state of one client's framebuffer.

    `base` is the number of the frame that it holds within `generation`, 0 while it holds nothing of use;
    `owed` are the pixels of it that are nevertheless missing, normally none. `area` is the framebuffer as the
    client knows it: no rectangle may ever go beyond it. It `is_uniform` if every pixel that it holds is as exact
    as one that is sent now: what was sent coarser must not be copied to where something exact is due.
    """

    __slots__ = ("_beyond", "area", "base", "generation", "is_uniform", "overlay", "owed")

    def __init__(self) -> None:
        self.area = EMPTY
        self.generation = 0
        self.base = 0
        self.is_uniform = True
        self.owed = Region()
        self.overlay: Overlay | None = None
        self._beyond = Region()

    def begin(self, screen: Screen) -> None:
        """Start with an empty framebuffer of the screen's size."""
        self.area = area(screen)
        self.lose(screen)

    def lose(self, screen: Screen) -> None:
        """Hold nothing of use: the screen is another one. What lies beyond it becomes black."""
        self.generation = screen.generation
        self.base = 0
        self.is_uniform = True
        self._beyond = self.owed = Region([self.area]).subtract([area(screen)])
        self.overlay = None

    def owe(self, rect: Rect) -> None:
        """Send `rect` again, changed or not (a non-incremental request)."""
        if rect.contains(self.area):
            self.base = 0
            self.is_uniform = True
            self.owed = self._beyond
            self.overlay = None
        elif self.base:
            self.owed = bounded(self.owed.union([rect]))
            self._forget_overlay([rect])

    def outgrow(self) -> None:
        """Hold what may be coarser than what is sent from now on."""
        self.is_uniform = not self.base

    def update(self, frame: int, owed: Region, overlay: Overlay | None) -> None:
        """Hold `frame` from now on, less `owed`, with the pointer at `overlay`."""
        self.base = frame
        self.owed = bounded(owed) if owed.rects else NOTHING
        self.overlay = overlay

    def _forget_overlay(self, rects: Iterable[Rect]) -> None:
        """Owe the pointer's place too, as soon as any part of it is drawn over."""
        if self.overlay and any(not rect.intersect(self.overlay.rect).is_empty for rect in rects):
            self.owed = bounded(self.owed.union([self.overlay.rect]))
            self.overlay = None
