"""Where the root window changed: the DAMAGE extension.

Owns one damage object and the region that takes its content. The areas are bounding boxes of drawing
requests: they say where to look, not what differs.
Sources: DAMAGE extension protocol (DamageSubtract, report level NonEmpty); XFIXES (FetchRegion).
"""

from __future__ import annotations

from typing import Any

import xcffib.damage
import xcffib.xfixes

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
        self._damage, self._region = connection.xcb.generate_id(), connection.xcb.generate_id()
        self._fixes.CreateRegion(self._region, 0, [])
        level = xcffib.damage.ReportLevel.NonEmpty
        self._damage_requests.Create(self._damage, connection.root, level)
        self.pending = False

    def notice(self, event: object) -> bool:
        """Take in one X event; return whether it says that something was drawn."""
        if not isinstance(event, xcffib.damage.NotifyEvent):
            return False
        self.pending = True
        return True

    def take(self, screen: Rect) -> list[Rect]:
        """Return where something was drawn since the last call, within `screen`, and begin a new cycle.

        What is drawn while this runs is either in the answer or notified again: pixels are to be copied
        afterwards. A finely scattered answer is coarsened to its bounding box.
        """
        self.pending = False
        self._damage_requests.Subtract(self._damage, 0, self._region)
        reply = self._fixes.FetchRegion(self._region).reply()
        rects = reply.rectangles if len(reply.rectangles) <= _MAX_RECTS else [reply.extents]
        areas = (Rect(rect.x, rect.y, rect.width, rect.height).intersect(screen) for rect in rects)
        return [area for area in areas if area != EMPTY]
