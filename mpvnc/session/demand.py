"""What a client has asked for and not yet got: the union of its requests, and its continuous updates."""

from __future__ import annotations

from functools import lru_cache

from mpvnc.geometry import EMPTY, Rect, Region

NOTHING = Region()
_MAX_RECTS = 32


class Demand:
    """The requests of one client. RFC 6143 section 7.5.3; rfbproto "EnableContinuousUpdates".

    Any number of requests is answered by one update that covers their union. What a non-incremental request
    asks for again is owed by the picture, not remembered here.
    """

    __slots__ = ("_continuous", "_requested", "is_continuous", "is_open", "wants_answer")

    def __init__(self) -> None:
        self._requested = NOTHING
        self._continuous = EMPTY
        self.wants_answer = False
        """Whether an empty area was asked for: an update without pixels is due."""
        self.is_open = False
        """Whether anything may be sent."""
        self.is_continuous = False
        """Whether updates go out unasked."""

    @property
    def region(self) -> Region:
        """What may be sent now."""
        if not self.is_continuous:
            return self._requested
        return self._requested.union([self._continuous])

    def covers(self, area: Rect) -> bool:
        """Whether the whole of `area` may be sent."""
        return self._requested.rects == (area,) or self.region.contains(area)

    def request(self, rect: Rect) -> None:
        """Add a request for `rect`, already clipped to what the client knows as its framebuffer."""
        self.is_open = True
        if rect.is_empty:
            self.wants_answer = True
        elif not self._requested.rects or rect.contains(self._requested.bounds):
            self._requested = whole(rect)
        else:
            self._requested = bounded(self._requested.union([rect]))

    def request_again(self, region: Region) -> None:
        """Add a request for what `whole` gave for the whole framebuffer, which is not empty."""
        self._requested = region
        self.is_open = True

    def is_for(self, region: Region) -> bool:
        """Whether requests, and they alone, ask for what `whole` gave."""
        return self._requested is region and not self.is_continuous

    def set_continuous(self, rect: Rect) -> None:
        """Send changes inside `rect` unasked from now on; `EMPTY` ends that."""
        self._continuous = EMPTY if rect.is_empty else rect
        self.is_continuous = not rect.is_empty
        self.is_open = self.is_continuous or self.wants_answer or bool(self._requested)

    def answered(self) -> None:
        """Forget the requests: one update answers them all."""
        self._requested = NOTHING
        self.wants_answer = False
        self.is_open = self.is_continuous


@lru_cache(maxsize=64)
def whole(rect: Rect) -> Region:
    """Return the region of one rectangle; the same object for all clients that ask for all changes."""
    return Region([rect])


def bounded(region: Region) -> Region:
    """Return `region`, or its bounds where it has too many rectangles to be kept."""
    return region if len(region.rects) <= _MAX_RECTS else Region([region.bounds])
