"""Where the root window changed: the DAMAGE extension.

Owns one damage object and the region that takes its content. The areas are bounding boxes of drawing
requests: they say where to look, not what differs.
Sources: DAMAGE extension protocol (DamageSubtract, report level NonEmpty); XFIXES (FetchRegion).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xcffib.damage
import xcffib.xfixes
import xcffib.xproto

from mpvnc.capture.xconnection import XConnection
from mpvnc.errors import CaptureError
from mpvnc.geometry import EMPTY, Rect

_MAX_RECTS = 64


class Damage:
    """The damage of the root window, one notification per cycle."""

    def __init__(self, connection: XConnection) -> None:
        for name in ("DAMAGE", "XFIXES"):
            if not connection.has_extension(name):
                raise CaptureError(f"the X server has no {name} extension")
        self._damage_requests: Any = connection.xcb(xcffib.damage.key)
        self._fixes: Any = connection.xcb(xcffib.xfixes.key)
        self._damage_requests.QueryVersion(1, 1).reply()
        self._fixes.QueryVersion(2, 0).reply()
        self._damage, self.region = connection.xcb.generate_id(), connection.xcb.generate_id()
        self._extra = connection.xcb.generate_id()
        for region in (self.region, self._extra):
            self._fixes.CreateRegion(region, 0, [])
        level = xcffib.damage.ReportLevel.NonEmpty
        self._damage_requests.Create(self._damage, connection.root, level)
        self._added: list[Rect] = []
        self.pending = False

    def notice(self, event: object) -> bool:
        """Take in one X event; return whether it says that something was drawn."""
        if not isinstance(event, xcffib.damage.NotifyEvent):
            return False
        self.pending = True
        return True

    def begin(self) -> Taking:
        """Begin a new cycle: what was drawn since the last one is in `region` for the requests that follow.

        What is drawn from now on is notified again, so pixels that are copied by later requests are complete.
        Sends only; `Taking.areas` waits for the answer.
        """
        self.pending = False
        self._damage_requests.Subtract(self._damage, 0, self.region)
        return Taking(self._fixes.FetchRegion(self.region))

    def take(self, screen: Rect) -> list[Rect]:
        """Begin a new cycle and return where something was drawn in the last one, within `screen`."""
        return self.begin().areas(screen)

    def add(self, rects: Sequence[Rect]) -> None:
        """Add rectangles to `region`."""
        if rects != self._added:
            self._fixes.SetRegion(self._extra, len(rects), _rectangles(rects))
            self._added = list(rects)
        self._fixes.UnionRegion(self.region, self._extra, self.region)

    def clip(self, context: int) -> None:
        """Let a graphics context draw nothing but what is in `region` now."""
        self._fixes.SetGCClipRegion(context, self.region, 0, 0)


class Taking:
    """The answer that is under way to `Damage.begin`."""

    def __init__(self, cookie: Any) -> None:
        self._cookie = cookie

    def areas(self, screen: Rect) -> list[Rect]:
        """Return where something was drawn, within `screen`; if finely scattered, the bounds of that."""
        reply = self._cookie.reply()
        rects = reply.rectangles if len(reply.rectangles) <= _MAX_RECTS else [reply.extents]
        areas = (Rect(rect.x, rect.y, rect.width, rect.height).intersect(screen) for rect in rects)
        return [area for area in areas if area != EMPTY]


def _rectangles(rects: Sequence[Rect]) -> list[Any]:
    make: Any = xcffib.xproto.RECTANGLE.synthetic
    return [make(*rect) for rect in rects]
