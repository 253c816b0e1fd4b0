"""What a client's framebuffer holds: a base frame, less what is owed, and perhaps the pointer on top."""

from __future__ import annotations

from collections.abc import Iterable

from mpvnc.geometry import EMPTY, Rect, Region
from mpvnc.session.demand import NOTHING, bounded
from mpvnc.session.overlay import Overlay
from mpvnc.session.screen import Screen, area

PLACE_BITS = 20
"""Of the index of a tile in a place; a screen has at most 2**20 tiles."""

EVERYWHERE = 1 << 63
"""The place after all others: where a picture is that never was sent anything with losses."""


def place(epoch: int, index: int = 0) -> int:
    """Return a place in the order of tiles by (epoch, index)."""
    return epoch << PLACE_BITS | index


class Picture:
    """The state of one client's framebuffer.

    `base` is the number of the frame that it holds within `generation`, 0 while it holds nothing of use;
    `owed` are the pixels of it that are nevertheless missing, normally none. `area` is the framebuffer as the
    client knows it: no rectangle may ever go beyond it. `frames` counts the frames that it was brought to. It
    `is_uniform` if every pixel that it holds is as exact as one that is sent now: what was sent coarser must not be
    copied to where something exact is due.

    `settled` is the place before which everything it holds is exact (see `refresh`), as found when it held the frame
    `settled_frame`; beyond it, what was marked as lossy is not, or anything if it `is_blurred`.
    """

    __slots__ = (
        "_beyond", "_is_lossy", "area", "base", "frames", "generation", "is_blurred", "is_uniform", "overlay", "owed",
        "settled", "settled_frame",
    )  # fmt: skip

    def __init__(self) -> None:
        self.area = EMPTY
        self.generation = 0
        self.base = 0
        self.is_uniform = True
        self.owed = Region()
        self.overlay: Overlay | None = None
        self._beyond = Region()
        self._is_lossy = False
        self.frames = 0
        self.settled = EVERYWHERE
        self.settled_frame = 0
        self.is_blurred = False

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
        self._unsettle()

    def owe(self, rect: Rect) -> None:
        """Send `rect` again, changed or not (a non-incremental request)."""
        if rect.contains(self.area):
            self.base = 0
            self.is_uniform = True
            self.owed = self._beyond
            self.overlay = None
            self._unsettle()
        elif self.base:
            self.owed = bounded(self.owed.union([rect]))
            self._unsettle()
            self._forget_overlay([rect])

    def outgrow(self) -> None:
        """Hold what may be coarser than what is sent from now on."""
        self.is_uniform = not self.base

    def update(self, frame: int, owed: Region, overlay: Overlay | None) -> None:
        """Hold `frame` from now on, less `owed`, with the pointer at `overlay`."""
        if frame != self.base:
            self.frames += 1
            self.base = frame
        self.owed = bounded(owed) if owed.rects else NOTHING
        self.overlay = overlay

    def settle(self, reached: int, rested: int) -> None:
        """Be exact before the place `reached`, in the frame that it holds; everything before `rested` rests."""
        if self.settled == EVERYWHERE:
            return
        self.settled = reached
        self.settled_frame = self.base
        if reached >= rested and rested >> PLACE_BITS >= self.base:
            self.is_blurred = False
            self.settled = reached if self._is_lossy else EVERYWHERE

    def expect(self, *, is_lossy: bool, is_other: bool) -> None:
        """Note whether what comes may be lossy, and if it `is_other` what the marks of what came were kept for."""
        if is_lossy == self._is_lossy and not is_other:
            return
        self.is_blurred |= self._is_lossy and self.base > 0
        self._is_lossy = is_lossy
        self._unsettle()

    def _unsettle(self) -> None:
        """Begin again with what rests; where nothing ever is lossy, nothing has to settle."""
        self.is_blurred &= self.base > 0
        self.settled = 0 if self._is_lossy or self.is_blurred else EVERYWHERE
        self.settled_frame = 0

    def _forget_overlay(self, rects: Iterable[Rect]) -> None:
        """Owe the pointer's place too, as soon as any part of it is drawn over."""
        if self.overlay and any(not rect.intersect(self.overlay.rect).is_empty for rect in rects):
            self.owed = bounded(self.owed.union([self.overlay.rect]))
            self.overlay = None
