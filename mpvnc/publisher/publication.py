"""A program's surface on the wire, and what its viewers do, as events.

Owns: the life of a publication. The pixels go by `Link`, the events by `EventTap`. A surface stays the
program's: it is read only when a frame is published, and nobody sees it in between.

A publication belongs to the process that made it. A forked child gives its copies of the descriptors back at
once, so that the server still notices when the parent ends, and cannot use it: methods raise
PublishError there, and leaving `with` does nothing.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from mpvnc.damage import Move
from mpvnc.errors import ControlError, PublishError
from mpvnc.geometry import Rect
from mpvnc.ipc.feed import ASK_AGAIN_S, EventTap
from mpvnc.publisher.launch import end_supervisor
from mpvnc.publisher.link import Link, wait_readable
from mpvnc.publisher.surface import Surface, pixels_of
from mpvnc.session.animator_events import ConnectEvent, DisconnectEvent, Event, unpack_events


class Publication:
    """A surface that is being shown. Made by `mpvnc.publish`; a context manager that closes it.

    One thread publishes frames; events may be read by another, and `close` be called by any.

    Attributes:
        surface: what is shown; see `change_surface`.
        name: of the surface; viewers and other programs know it by that.
        instance: the name of the server, for further surfaces: `publish(other, name="other", instance=...)`.
        listeners: URLs under which viewers find it.
        dropped_events: how many events were lost because they were not read in time.
    """

    def __init__(
        self,
        surface: Surface,
        link: Link,
        tap: EventTap,
        process: subprocess.Popen[bytes] | None,
        *,
        view_only: bool,
    ) -> None:
        self.surface = surface
        self.name, self.instance = link.surface_name, link.instance
        self.listeners = link.listeners
        self.dropped_events = 0
        self._link = link
        self._tap = tap
        self._process = process
        self._view_only = view_only
        self._pid = os.getpid()
        self._events: deque[Event] = deque()
        self._reading, self._drawing = threading.RLock(), threading.RLock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._closed = False
        _alive.add(self)

    def __repr__(self) -> str:
        """Return where it is shown, or that it is not any more."""
        state = "closed" if self.closed else "at " + " ".join(self.listeners)
        return f"<mpvnc.Publication {state}>"

    @property
    def viewers(self) -> int:
        """How many viewers are connected. Raises: PublishError after `close`."""
        with self._drawing:
            self._check()
            return self._link.viewers

    @property
    def closed(self) -> bool:
        """Whether nothing is shown any more: `close` was called, or the server has stopped."""
        return self._closed or self._link.is_gone

    @contextmanager
    def frame(
        self,
        damage: Iterable[tuple[int, int, int, int]] | None = None,
        moves: Iterable[tuple[int, int, int, int, int, int]] = (),
    ) -> Iterator[Surface]:
        """Draw a frame inside `with`; viewers see it, whole, when it is left.

        An exception inside publishes nothing, and leaves what was drawn in the surface.

        Args:
            damage: rectangles (x, y, width, height) outside of which nothing was drawn since the last
                published frame; None for anywhere. Saves a comparison.
            moves: (x, y, width, height, dx, dy) for a part of the last published frame that is drawn again
                elsewhere; where it went is damage too. Saves bytes, viewers move it themselves; what is wrong is
                corrected. Scrolling is found without it.
        Raises: PublishError if there is nobody to publish to.
        """
        self._check()
        yield self.surface
        self.publish_frame(damage, moves)

    def publish_frame(
        self,
        damage: Iterable[tuple[int, int, int, int]] | None = None,
        moves: Iterable[tuple[int, int, int, int, int, int]] = (),
    ) -> int | None:
        """Publish the surface as it is; what `frame` does on leaving.

        Returns: the number of the frame; None if nothing differs from the one before.
        Raises: PublishError as `frame` does, or if the surface has become unreadable.
        """
        rects = None if damage is None else [Rect(*map(int, rect)) for rect in damage]
        moved = [Move(Rect(*map(int, rect)), int(dx), int(dy)) for *rect, dx, dy in moves]
        with self._drawing:
            self._check()
            return self._link.publish(pixels_of(self.surface), rects, moved)

    def change_surface(self, surface: Surface) -> None:
        """Show another surface, of any size, from the next frame on.

        Raises: PublishError if it cannot be published; the old one stays then.
        """
        self._check()
        pixels_of(surface)
        self.surface = surface

    def change_name(self, name: str) -> None:
        """Change the desktop's name for viewers that connect from now on, and those that can be told."""
        self._check()
        self._link.send({"type": "notice", "notice": "desktop_name", "name": name})

    def bell(self) -> None:
        """Ring the viewers' bell."""
        self._check()
        self._link.send({"type": "notice", "notice": "bell"})

    def get_event(self, timeout: float | None = None) -> Event | None:
        """Return the next event.

        Args:
            timeout: seconds to wait for it; None waits for ever, 0 does not wait.
        Returns: None when the time is over, and when the publication has ended.
        """
        self._check_process()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._next_event()
            if event is not None or self.closed:
                return event
            wait_s = ASK_AGAIN_S if deadline is None else min(ASK_AGAIN_S, deadline - time.monotonic())
            if wait_s <= 0:
                return None
            self._wait(wait_s)

    def events(self) -> Iterator[Event]:
        """Yield the events that are there, without waiting."""
        while (event := self.get_event(0)) is not None:
            yield event

    def close(self) -> None:
        """Show nothing any more; a server of our own is stopped. May be called again, by any thread.

        Raises: PublishError in a forked child.
        """
        self._check_process()
        if self._closed:
            return
        self._closed = True
        _alive.discard(self)
        os.eventfd_write(self._wake, 1)
        with self._reading, self._drawing:
            self._tap.close()
            with suppress(PublishError):
                self._link.send({"type": "withdraw"})
            self._link.close()
            os.close(self._wake)
            self._wake = -1
        if self._process is not None:
            end_supervisor(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() == self._pid:
            self.close()

    def _next_event(self) -> Event | None:
        with self._reading:
            if not self._events and not self._closed:
                self._link.pump()
                self._read_batch()
            return self._events.popleft() if self._events else None

    def _read_batch(self) -> None:
        batch = self._tap.receive()
        if batch is None:
            return
        try:
            events, self.dropped_events = unpack_events(batch)
        except ControlError as error:
            raise PublishError(f"the server sent what is no event: {error}") from error
        if self._view_only:
            events = [event for event in events if isinstance(event, ConnectEvent | DisconnectEvent)]
        self._events.extend(events)

    def _wait(self, wait_s: float) -> None:
        with self._reading:
            if not self._closed:
                wait_readable([self._tap, self._link, self._wake], wait_s)

    def _check(self) -> None:
        self._check_process()
        if self._closed:
            raise PublishError("the publication is closed")
        self._link.check()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise PublishError("a publication cannot be used in a forked child; publish there anew")


_alive: set[Publication] = set()
"""Not closed yet; a publication that its program lets go of goes on."""


def _close_all() -> None:
    for publication in list(_alive):
        if publication._pid == os.getpid():
            publication.close()


def _abandon_all() -> None:
    """Give back what a child inherited, without a word to anybody."""
    for publication in list(_alive):
        publication._link.close()
    _alive.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_abandon_all)
