"""Capture of an X11 desktop without a copy of its own: the server writes into the frame segment.

Owns the order of things: damage first, then the pixels, then the fence, which is the question where the pointer
is. Which pixels really differ is the frame writer's business, when to draw the role's.
"""

from __future__ import annotations

from xcffib import randr, xproto

from mpvnc.capture.base import PointerUpdate, Slot
from mpvnc.capture.xconnection import XConnection, x_errors
from mpvnc.capture.xdamage import Damage
from mpvnc.capture.xpointer import XPointer
from mpvnc.capture.xshm import Copier, PixmapCopier, check_shared_memory, open_copier
from mpvnc.geometry import Rect


class X11Capture:
    """The root window of an X display.

    Raises: SharedMemoryUnavailable if this server cannot write into our memory; CaptureError if the display
    cannot be reached or captured.
    """

    def __init__(self, display: str) -> None:
        self._connection = XConnection(display)
        self._copier: Copier | None = None
        self._everything = False
        try:
            with x_errors("preparing to capture"):
                check_shared_memory(self._connection)
                self._damage = Damage(self._connection)
                self._pointer = XPointer(self._connection)
                self._watch_size()
                self.size = self._connection.root_size()
        except BaseException:
            self.close()
            raise

    @property
    def backend(self) -> str:
        """ "x11" and how the pixels come."""
        return f"x11 ({self._copier.how})" if self._copier else "x11"

    def fileno(self) -> int:
        """Return the descriptor of the X connection."""
        return self._connection.fileno()

    def attach(self, fd: int, width: int, height: int) -> None:
        """Let the server map the segment; the next draw is of everything."""
        with x_errors("attaching the frame segment"):
            if self._copier:
                self._copier.close()
                self._copier = None
            self._copier = open_copier(self._connection, fd, width, height)
        self._screen = Rect(0, 0, width, height)
        self.invalidate()

    def invalidate(self) -> None:
        """Make the next draw one of the whole screen."""
        self._everything = True

    def handle_events(self) -> None:
        """Read the events that wait."""
        with x_errors("reading events"):
            for event in self._connection.events():
                if self._damage.notice(event):
                    continue
                if isinstance(event, randr.ScreenChangeNotifyEvent | xproto.ConfigureNotifyEvent):
                    self.size = self._connection.root_size()
                else:
                    self._pointer.notice(event)

    def frame_due(self, now: float) -> float | None:
        """Return `now` if anything was drawn on the screen."""
        return now if self._everything or self._damage.pending else None

    def draw(self, slot: Slot, now: float) -> list[Rect]:
        """Have the server write what was damaged and what is stale, and wait until it has."""
        assert self._copier is not None, "draw() before attach()"
        with x_errors("copying the screen"):
            if self._everything or not isinstance(self._copier, PixmapCopier):
                written = self._draw_known(self._copier, slot)
            else:
                written = self._draw_unseen(self._copier, slot)
            self._pointer.hear(now)
        self._everything = False
        return written

    def _draw_unseen(self, copier: PixmapCopier, slot: Slot) -> list[Rect]:
        """Ask for everything at once: the server copies the damage before we know where it is."""
        taking = self._damage.begin()
        if slot.stale:
            self._damage.add(slot.stale)
        copier.copy_damage(slot, self._damage)
        self._pointer.ask()
        return [*taking.areas(self._screen), *slot.stale]

    def _draw_known(self, copier: Copier, slot: Slot) -> list[Rect]:
        damaged = self._damage.take(self._screen)
        written = copier.copy(slot, [self._screen] if self._everything else [*damaged, *slot.stale])
        self._pointer.ask()
        return written

    def pointer_due(self, now: float) -> float | None:
        """Return when the pointer may have changed."""
        return self._pointer.due(now)

    def pointer(self, now: float) -> PointerUpdate:
        """Ask where the pointer is."""
        with x_errors("asking for the pointer"):
            return self._pointer.update(now)

    def close(self) -> None:
        """Disconnect; the server forgets segment, pixmaps and damage with the connection."""
        self._connection.close()

    def _watch_size(self) -> None:
        core = self._connection.xcb.core
        core.ChangeWindowAttributes(
            self._connection.root, xproto.CW.EventMask, [xproto.EventMask.StructureNotify]
        )
        if self._connection.has_extension("RANDR"):
            self._connection.xcb(randr.key).SelectInput(self._connection.root, randr.NotifyMask.ScreenChange)
