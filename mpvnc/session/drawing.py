"""The pointer in the pictures of those who do not draw it themselves: as part of which update, in which bytes.

Owns: what goes behind an update's rectangles because of the pointer, shared by all in whose pictures it moves
alike. What a picture shows of it, and its pixels, is `overlay`'s; who draws it, `cursors`'.
"""

from __future__ import annotations

from collections.abc import Callable

from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import EMPTY, Rect, Region
from mpvnc.pixels import Pixels
from mpvnc.pointer import PointerState
from mpvnc.rfb.writers import update_header
from mpvnc.session import overlay
from mpvnc.session.fanout import SHARED_BYTES, SHARED_UPDATES
from mpvnc.session.overlay import Overlay
from mpvnc.session.screen import Screen
from mpvnc.session.session import Session
from mpvnc.session.update import Streams, Update, splice


class Drawn:
    """An update together with how the pointer changes in a picture by it, and what that leaves owed."""

    __slots__ = ("_message", "opens", "overlay", "owed", "tail")

    def __init__(self, seen: Overlay | None, tail: list[EncodedRectangle], owed: Region) -> None:
        self.overlay = seen
        self.tail = tail
        self.owed = owed
        self.opens: Streams = frozenset()
        """The streams that have had their header once `message` was sent."""
        self._message: bytes | None = None

    def message(self, update: Update) -> bytes:
        """Return the whole FramebufferUpdate, joined once for everybody."""
        if self._message is None:
            self._message = update.message()
            forms, self.opens = splice(self.tail, update.opens)
            if forms:
                head = update_header(update.count + len(forms))
                self._message = b"".join((head, update.body(), *forms))
        return self._message


class Drawing:
    """The pointer of one screen, as it is drawn.

    Args:
        encode: pixels, their place and a wire class to a rectangle.
    """

    def __init__(self, encode: Callable[[Pixels, Rect, WireClass], EncodedRectangle]) -> None:
        self._encode = encode
        self._pointer = PointerState()
        self._area = EMPTY
        self._drawn: dict[tuple[Update, Overlay | None, Overlay | None], Drawn] = {}
        self._placed: dict[Rect, Overlay | None] = {}

    def show(self, area: Rect) -> None:
        """Take another screen, of that size."""
        self._area = area
        self._placed.clear()
        self.forget_frame()

    def point(self, pointer: PointerState) -> None:
        """Note where the pointer is, and what it looks like."""
        self._pointer = pointer
        self._placed.clear()
        self.forget_frame()

    def forget_frame(self) -> None:
        """Note that the screen has another frame."""
        self._drawn.clear()

    def wanted(self, session: Session, now: float) -> Overlay | None:
        """Return the pointer as the session's picture is to show it."""
        if self._pointer.cursor is None or not session.cursors.wants_drawn(now):
            return None
        bounds = session.picture.area
        if bounds not in self._placed:
            self._placed[bounds] = overlay.place(self._pointer, bounds.intersect(self._area))
        return self._placed[bounds]

    def draw(self, session: Session, update: Update, screen: Screen, now: float) -> Drawn:
        """Decide how the pointer moves in a session's picture; shared by all in whose it moves alike."""
        before, wanted = session.picture.overlay, self.wanted(session, now)
        key = (update, before, wanted)
        drawn = self._drawn.get(key)
        if drawn is not None:
            return drawn
        rects = overlay.changes(before, wanted, update.rects)
        if update.key is None and not all(map(session.demand.covers, rects)):
            # A place that was not asked for cannot be drawn: the picture is owed it, without the pointer.
            return Drawn(None, [], update.owed.union([before.rect] if before else []))
        tail = [self._rectangle(rect, wanted, session, screen) for rect in rects]
        drawn = Drawn(wanted, tail, update.owed)
        if update.key is not None:
            self._drawn[key] = drawn
            self._limit_drawn()
        return drawn

    def _limit_drawn(self) -> None:
        """Forget the oldest, whose updates' bytes stay as long as they: a client may ask in ever new classes."""
        size_bytes = 0
        for later, key in enumerate(reversed(list(self._drawn))):
            size_bytes += key[0].size_bytes
            if later and (later >= SHARED_UPDATES or size_bytes > SHARED_BYTES):
                del self._drawn[key]

    def _rectangle(
        self, rect: Rect, seen: Overlay | None, session: Session, screen: Screen
    ) -> EncodedRectangle:
        """Encode the frame at `rect`, with the pointer if it is to be seen.

        Exact, whatever the rung: the pointer comes and goes on what has settled, and leaves it as it was.
        """
        visible = rect.intersect(self._area)
        pixels = overlay.compose(screen.pixels, visible, self._pointer if seen else None)
        return self._encode(pixels, visible, session.exact)
