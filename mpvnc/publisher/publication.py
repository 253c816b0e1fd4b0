"""A program's surface on the wire, and what its viewers do, as events.

Owns: the life of a publication. The pixels go by `Link`, the events by `Inbox`, a server that went away is
found again by `Rejoin`. A surface stays the program's: it is read only when a frame is published, and nobody
sees it in between. No lock of ours is held while the program draws, so none can be in the way of its own.

A publication belongs to the process that made it. A forked child gives its copies of the descriptors back at
once, so that the server still notices when the parent ends, and cannot use it: methods raise
PublishError there, and leaving `with` does nothing. It may draw, where it shares the surface's memory.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import socket
from types import TracebackType
from typing import Self

from mpvnc.errors import PublishError
from mpvnc.frames.audience import Shown
from mpvnc.ipc.feed import ASK_AGAIN_S
from mpvnc.pointer import Cursor
from mpvnc.publisher.arguments import (
    checked_name,
    checked_passwords,
    checked_settings,
    clipboard_of,
    moves_of,
    rects_of,
)
from mpvnc.publisher.cursors import cursor_of
from mpvnc.publisher.inbox import Inbox
from mpvnc.publisher.launch import OwnSupervisor
from mpvnc.publisher.link import Link
from mpvnc.publisher.rejoin import Rejoin
from mpvnc.publisher.surface import Reader, Surface, pixels_of
from mpvnc.publisher.told import Told
from mpvnc.session.animator_events import Event
from mpvnc.session.clipboard import Clipboard

LOOK_S = 0.02
"""How often it is looked for a viewer, or for a server that went away."""
NOBODY = Shown(0, 0, 0)


class Publication:
    """A surface that is being shown. Made by `mpvnc.publish`; a context manager that closes it.

    Methods may be called from any thread. Whoever draws while another thread publishes needs a lock of its own,
    as for any two that share a surface.

    Attributes:
        surface: what is shown; see `change_surface`.
        name: of the surface; viewers and other programs know it by that.
        instance: the name of the server, for further surfaces: `publish(other, name="other", instance=...)`.
        listeners: URLs under which viewers find it.
    """

    def __init__(
        self,
        surface: Surface,
        link: Link,
        *,
        view_only: bool,
        own: OwnSupervisor | None = None,
        rejoin: Rejoin | None = None,
    ) -> None:
        self.surface = surface
        self.name, self.instance = link.surface_name, link.instance
        self.listeners = link.listeners
        self._link = link
        self._reader = Reader()
        self._inbox = Inbox(link.events_endpoint, view_only=view_only)
        self._own = own
        self._rejoin = rejoin
        self._pid = os.getpid()
        self._lock = threading.RLock()
        """Of the link. Never taken by who holds the inbox."""
        self._is_behind = False
        """Whether more has changed in the surface than the next frame's damage will tell."""
        self._published: Surface | None = None
        """The surface of the last frame: another one may differ everywhere, whatever the damage says."""
        self._told = Told()
        self._closing = threading.Lock()
        self._closed = False
        _alive.add(self)

    def __repr__(self) -> str:
        """Return where it is shown, or why it is not."""
        if self.closed:
            return "<mpvnc.Publication closed>"
        if self._rejoin is not None and self._link.is_gone:
            return f"<mpvnc.Publication waiting for its server: {self._rejoin.reason}>"
        return f"<mpvnc.Publication at {' '.join(self.listeners)}>"

    # -- how it stands

    @property
    def closed(self) -> bool:
        """Whether nothing will be shown any more: `close` was called, or the server has stopped for good."""
        if self._closed or os.getpid() != self._pid:
            return True
        if self._rejoin is not None:
            return False
        if self._lock.acquire(blocking=False):  # whoever has it looks as well
            try:
                self._link.glance()
            finally:
                self._lock.release()
        return self._link.is_gone

    @property
    def is_connected(self) -> bool:
        """Whether the server is there. While it is not, and `closed` is false, it is looked for."""
        return not self.closed and self._tend()

    @property
    def viewers(self) -> int:
        """How many viewers see it now. Raises: PublishError after `close`."""
        return self.shown().viewers

    @property
    def dropped_events(self) -> int:
        """How many events were lost because they were not read in time: motions first, then presses."""
        return self._inbox.dropped

    def shown(self) -> Shown:
        """Return how many viewers there are, which frame is the newest that any of them has been sent, and how
        many have been sent that one. It costs next to nothing.

        A program may leave out drawing as long as nobody is there, or the frame that it published last
        (the number is what `publish_frame` returned) has been sent to nobody.

        Raises: PublishError after `close`.
        """
        with self._lock:
            self._check()
            return self._link.shown() if self._restored() else NOBODY

    def wait_for_viewer(self, timeout: float | None = None) -> bool:
        """Wait until somebody looks.

        Args:
            timeout: seconds to wait; None waits for ever.
        Returns: whether somebody does; False when the time is over or the publication ends.
        """
        self._check()
        deadline = _deadline(timeout)
        while True:
            is_seen, wait_s = self._look_for_viewer(deadline)
            if is_seen or wait_s <= 0:
                return is_seen
            self._inbox.pause(wait_s)

    async def next_viewer(self, timeout: float | None = None) -> bool:
        """Wait until somebody looks, in asyncio; see `wait_for_viewer`."""
        self._check()
        deadline = _deadline(timeout)
        while True:
            is_seen, wait_s = self._look_for_viewer(deadline)
            if is_seen or wait_s <= 0:
                return is_seen
            await asyncio.sleep(wait_s)

    # -- frames

    @contextmanager
    def frame(
        self,
        damage: Iterable[tuple[int, int, int, int]] | None = None,
        moves: Iterable[tuple[int, int, int, int, int, int]] = (),
    ) -> Iterator[Surface]:
        """Draw a frame inside `with`; viewers see it, whole, when it is left.

        An exception inside publishes nothing, and leaves what was drawn in the surface. While the server of a
        name is away nothing is published either, and the program draws on.

        Args:
            damage: rectangles (x, y, width, height), in pixels, outside of which nothing was drawn since the
                frame before; None for anywhere. Saves a comparison.
            moves: (x, y, width, height, dx, dy) for a part of the last published frame that is drawn again
                elsewhere; where it went is damage too. Saves bytes, viewers move it themselves; what is wrong is
                corrected. Scrolling is found without it.
        Raises: PublishError if there is nobody to publish to any more.
        """
        self._check()
        try:
            yield self.surface
        except BaseException:
            self._is_behind = True
            raise
        self.publish_frame(damage, moves)

    def publish_frame(
        self,
        damage: Iterable[tuple[int, int, int, int]] | None = None,
        moves: Iterable[tuple[int, int, int, int, int, int]] = (),
    ) -> int | None:
        """Publish the surface as it is; what `frame` does on leaving.

        Returns: the number of the frame; None if nothing differs from the one before, or the server is away.
        Raises: PublishError as `frame` does, or if the surface has become unreadable.
        """
        rects, moved = rects_of(damage), moves_of(moves)
        with self._lock:
            self._check()
            surface = self.surface
            if self._is_behind or surface is not self._published:
                rects, moved = None, []
            self._is_behind = True
            if not self._restored():
                self._check()
                return None
            try:
                frame = self._link.publish(self._reader.read(surface), rects, moved)
            except PublishError:
                if self._rejoin is not None and self._link.is_gone:
                    return None
                raise
            self._is_behind, self._published = False, surface
            return frame

    def change_frame(self) -> int | None:
        """Say that the surface has a new frame; `publish_frame` by the name that CairoVNC gives it.

        Viewers that asked once and wait for frames to be pushed get it too.
        """
        return self.publish_frame()

    def change_surface(self, surface: Surface) -> None:
        """Show another surface, of any size, from the next frame on. May be called with any lock held.

        Raises: PublishError if it cannot be published; the old one stays then.
        """
        self._check()
        pixels_of(surface)
        self._is_behind = True
        self.surface = surface

    # -- what goes with the frames

    def change_name(self, name: str) -> None:
        """Change the desktop's name, for viewers that connect from now on and those that can be told.

        Raises: PublishError if it is no str of at most 1000 characters.
        """
        checked_name(name)
        with self._lock:
            self._check()
            self._told.name = name
            if self._restored():
                self._link.rename(name)

    def change_cursor(self, cursor: Cursor | None) -> None:
        """Change the shape of the viewers' pointers; None hides them. The frames show no pointer.

        Until it is called, viewers show whatever pointer they have. See `mpvnc.Cursor` for its limits.
        """
        if not (cursor is None or isinstance(cursor, Cursor)):
            kind = type(cursor).__name__
            raise PublishError(f"a {kind} is no mpvnc.Cursor; change_cursor_surface takes a surface")
        with self._lock:
            self._check()
            self._told.cursor = (cursor,)
            if self._restored():
                self._link.point(cursor)

    def change_cursor_surface(self, surface: Surface, hotspot: tuple[int, int] = (0, 0)) -> None:
        """Have the viewers' pointers look like `surface` looks now: ARGB32 or RGB24, at most 256x256.

        Args:
            hotspot: the pixel that points, (x, y) from the top left corner.
        Raises: PublishError if it cannot be a cursor.
        """
        self.change_cursor(cursor_of(surface, hotspot))

    def change_clipboard(self, content: str | Clipboard) -> None:
        """Give the viewers another clipboard: a text, or a `Clipboard` with text, RTF and HTML of the same.

        Those who connect later get it too. Raises: PublishError if it is neither, or too long (20 MiB).
        """
        if isinstance(content, str):
            content = clipboard_of(content)
        if not isinstance(content, Clipboard):
            raise PublishError(f"a clipboard is a str or an mpvnc.Clipboard, not a {type(content).__name__}")
        with self._lock:
            self._check()
            packed = self._told.clipboard = content.pack()
            if self._restored():
                self._link.send_clipboard(packed)

    def change_settings(self, settings: Mapping[str, object]) -> None:
        """Change settings of a server of our own, as `publish` takes them, such as {"clients.max_connections": 5}.

        Viewers that are there keep what they have; those who come get what is new. All of it is taken, or nothing.

        Raises: PublishError if one is wrong, or cannot change while the server runs, or it is not our own.
        """
        self._reconfigure(checked_settings(settings), None)

    def change_passwords(self, password: str | None, view_only_password: str | None = None) -> None:
        """Ask viewers that come from now on for other passwords; None: for none, which only loopback allows.

        Raises: PublishError if no viewer could give such a password, or the server is not our own.
        """
        self._reconfigure({}, checked_passwords(password, view_only_password))

    def bell(self) -> None:
        """Ring the viewers' bell."""
        with self._lock:
            self._check()
            if self._restored():
                self._link.send({"type": "notice", "notice": "bell"})

    # -- who sees it

    def bring_viewer(self, sock: socket) -> int:
        """Serve a viewer whose connection the program has accepted itself, on any stream socket.

        The server has its own descriptor then: close `sock`. It is welcomed and asked for a password like others.
        One that has hung up by then is a viewer that has left.

        Returns: its id, which is the `client` of its events.
        Raises: PublishError if the server is away or gone, or the socket is closed.
        """
        with self._lock:
            self._check()
            if not self._restored():
                raise PublishError("the server is away")
            return self._link.bring(sock.fileno())

    def disconnect(self, client: int) -> None:
        """Send a viewer away, by the `client` of its events; nothing happens if it has gone already."""
        with self._lock:
            self._check()
            if self._restored():
                self._link.disconnect(client)

    # -- events

    def get_event(self, timeout: float | None = None) -> Event | None:
        """Return the next event.

        Args:
            timeout: seconds to wait for it; None waits for ever, 0 does not wait.
        Returns: None when the time is over, and when the publication has ended.
        """
        self._check_process()
        deadline = _deadline(timeout)
        while True:
            event, wait_s = self._look(deadline)
            if event is not None or wait_s <= 0:
                return event
            self._inbox.wait(self._link, wait_s)

    def events(self) -> Iterator[Event]:
        """Yield the events that are there, without waiting."""
        while (event := self.get_event(0)) is not None:
            yield event

    async def next_event(self, timeout: float | None = None) -> Event | None:
        """Return the next event, in asyncio; see `get_event`. Several tasks may wait: each event goes to one."""
        self._check_process()
        deadline = _deadline(timeout)
        while True:
            event, wait_s = self._look(deadline)
            if event is not None or wait_s <= 0:
                return event
            await self._inbox.wait_async(self._link, wait_s)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events as they come, in asyncio, until the publication ends."""
        while (event := await self.next_event()) is not None:
            yield event

    # -- its end

    def close(self) -> None:
        """Show nothing any more; a server of our own is stopped. May be called again, by any thread.

        Raises: PublishError in a forked child.
        """
        self._check_process()
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._inbox.close()
        with self._lock:
            with suppress(PublishError):
                self._link.send({"type": "withdraw"})
            self._let_go()
        _alive.discard(self)
        if self._own is not None:
            self._own.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() == self._pid:
            self.close()

    # -- the server, there or away

    def _look(self, deadline: float) -> tuple[Event | None, float]:
        """Return an event, or how long to wait for one; not at all if the time is over, or everything."""
        event = self._inbox.take()
        if event is not None or self.closed:
            return event, 0.0
        is_there = self._tend()
        if self.closed:
            return self._inbox.take(), 0.0
        return None, min(ASK_AGAIN_S if is_there else LOOK_S, deadline - time.monotonic())

    def _look_for_viewer(self, deadline: float) -> tuple[bool, float]:
        """Return whether somebody looks, or how long to wait; not at all if the time is over, or everything."""
        with suppress(PublishError):  # closed meanwhile
            return self.viewers > 0, min(LOOK_S, deadline - time.monotonic())
        return False, 0.0

    def _tend(self) -> bool:
        """Do as `_restored` if nobody is at the server just now: whoever is does it as well."""
        if not self._lock.acquire(blocking=False):
            return True
        try:
            self._link.pump()
            return not self._closed and self._restored()
        finally:
            self._lock.release()

    def _restored(self) -> bool:
        """Whether the server is there; if it went away and is back, after telling it everything again."""
        self._link.glance()
        if not self._link.is_gone:
            return True
        if self._rejoin is None:
            return False
        if self._link.fileno() >= 0:
            self._told.frame = self._link.last()
            self._link.close()
        link = self._rejoin.step(time.monotonic())
        if link is None:
            return False
        self._link = link
        self.listeners = link.listeners
        self._inbox.follow(link.events_endpoint)
        self._told.tell(link)
        return not link.is_gone

    def _reconfigure(
        self, settings: Mapping[str, object], passwords: Mapping[str, str | None] | None
    ) -> None:
        with self._lock:
            self._check()
            if self._own is None:
                raise PublishError("a server that was joined has its own settings: mpvnc-supervisor reload")
            self._link.change_settings(settings, passwords)

    def _let_go(self) -> None:
        """Close what leads to the server, in whichever process."""
        self._link.close()
        if self._rejoin is not None:
            self._rejoin.close()

    def _abandon(self) -> None:
        """In a forked child: give back what it inherited. Whoever holds the lock is not there."""
        self._lock = threading.RLock()
        self._let_go()

    def _check(self) -> None:
        self._check_process()
        if self._closed:
            raise PublishError("the publication is closed")
        if self._rejoin is None:
            self._link.check()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise PublishError("a publication cannot be used in a forked child; publish there anew")


def _deadline(timeout: float | None) -> float:
    return math.inf if timeout is None else time.monotonic() + timeout


_alive: set[Publication] = set()
"""Not closed yet; a publication that its program lets go of goes on."""


def _close_all() -> None:
    for publication in list(_alive):
        if publication._pid == os.getpid():
            publication.close()


def _abandon_all() -> None:
    """Give back what a child inherited, without a word to anybody."""
    for publication in list(_alive):
        publication._abandon()
    _alive.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_abandon_all)
