"""The built-in demo: what mpvnc shows where there is no desktop.

Owns a Cairo surface and an animation of small parts: a frame redraws only where a part was and is. Knows no
X server and no frame rate but its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cairo
import numpy as np

from mpvnc.capture.base import PointerUpdate, Slot
from mpvnc.capture.demo_scene import CLOCK, DESIGN, PARTS, Part, draw_background, draw_clock, draw_part
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels

FRAME_RATE = 30
_LATE_S = 0.5


class _Sprite(NamedTuple):
    part: Part
    image: cairo.ImageSurface


class DemoCapture:
    """An animation of `width` x `height` pixels; `hint` tells its viewers where they are."""

    backend = "demo"

    def __init__(
        self, width: int, height: int, hint: str = "", wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.size = width, height
        self._wall_clock = wall_clock
        self._scale = min(width / DESIGN.width, height / DESIGN.height)
        self._origin = (width - DESIGN.width * self._scale) / 2, (height - DESIGN.height * self._scale) / 2
        self._background = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
        self._surface = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
        draw_background(self._background, self._origin, self._scale, hint)
        self._sprites = [_Sprite(part, draw_part(part, self._scale)) for part in PARTS]
        self._shown: list[Rect] = []
        self._shown_second = -1
        self._due = float("-inf")
        self._everything = True

    def fileno(self) -> None:
        """Only time matters."""

    def attach(self, fd: int, width: int, height: int) -> None:
        """The segment itself is not needed: slots have pixels."""
        self.invalidate()

    def invalidate(self) -> None:
        """Make the next draw one of the whole surface."""
        self._everything = True

    def handle_events(self) -> None:
        """There are none."""

    def frame_due(self, now: float) -> float:
        """Return when the next step of the animation is to be shown."""
        return now if self._everything else self._due

    def draw(self, slot: Slot, now: float) -> list[Rect]:
        """Animate up to `now`, then copy what moved and what is stale into the slot."""
        late = now - self._due > _LATE_S
        self._due = (now if late else self._due) + 1 / FRAME_RATE
        screen = Rect(0, 0, *self.size)
        second = int(self._wall_clock())
        dirty = [screen] if self._everything else list(self._moved(now, second, screen))
        self._everything = False
        self._redraw(dirty, now, second)
        touched = [*dirty, *slot.stale]
        source = _pixels(self._surface)
        for rect in touched:
            area = np.s_[rect.y : rect.bottom, rect.x : rect.right]
            slot.pixels[area] = source[area]
        return touched

    def pointer_due(self, now: float) -> None:
        """Never."""

    def pointer(self, now: float) -> PointerUpdate | None:
        """Return None: the demo has no pointer."""
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _moved(self, now: float, second: int, screen: Rect) -> Iterator[Rect]:
        """Yield where parts are shown, and where they will be at `now`."""
        yield from self._shown
        for sprite in self._sprites:
            if not (place := self._place(sprite, now).intersect(screen)).is_empty:
                yield place
        if second != self._shown_second:
            yield self._scaled(CLOCK).intersect(screen)

    def _redraw(self, dirty: list[Rect], now: float, second: int) -> None:
        context = cairo.Context(self._surface)
        for rect in dirty:
            context.rectangle(*rect)
        context.clip()
        context.set_source_surface(self._background)
        context.paint()
        self._shown_second = second
        draw_clock(context, self._origin, self._scale, time.localtime(second))
        screen = Rect(0, 0, *self.size)
        self._shown = []
        for sprite in self._sprites:
            place = self._place(sprite, now)
            context.set_source_surface(sprite.image, place.x, place.y)
            context.paint()
            if not (shown := place.intersect(screen)).is_empty:
                self._shown.append(shown)
        self._surface.flush()

    def _place(self, sprite: _Sprite, now: float) -> Rect:
        centre_x, centre_y = sprite.part.at(now)
        side = sprite.image.get_width()
        x = round(self._origin[0] + centre_x * self._scale - side / 2)
        y = round(self._origin[1] + centre_y * self._scale - side / 2)
        return Rect(x, y, side, side)

    def _scaled(self, rect: Rect) -> Rect:
        x = math.floor(self._origin[0] + rect.x * self._scale)
        y = math.floor(self._origin[1] + rect.y * self._scale)
        return Rect(x, y, math.ceil(rect.width * self._scale) + 1, math.ceil(rect.height * self._scale) + 1)


def _pixels(surface: cairo.ImageSurface) -> Pixels:
    rows = np.frombuffer(surface.get_data(), np.uint32).reshape(surface.get_height(), -1)
    return rows[:, : surface.get_width()]
