"""A program's inbox: what its viewers did, batch by batch, and waiting for it, by a thread or in asyncio.

Owns: the EventTap, the events that were read and not yet handed out, and the fd that wakes who waits. Any
number of threads and tasks may take events; each event goes to one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from mpvnc.errors import ControlError, PublishError
from mpvnc.ipc.feed import EventTap
from mpvnc.publisher.link import Readable, wait_readable
from mpvnc.session.animator_events import ConnectEvent, DisconnectEvent, Event, unpack_events


class Inbox:
    """The events of a publication.

    Args:
        endpoint: where the events come from.
        view_only: whether only connects and disconnects are let through.
    """

    def __init__(self, endpoint: str, *, view_only: bool) -> None:
        self.dropped = 0
        """How many events were lost because they were not read in time."""
        self._endpoint = endpoint
        self._view_only = view_only
        self._tap = EventTap(endpoint)
        self._events: deque[Event] = deque()
        self._lock = threading.RLock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._closing = threading.Event()
        self._is_closed = False

    def take(self) -> Event | None:
        """Return the next event if there is one; None too while another thread waits for one."""
        with self._held() as held:
            if not held:
                return None
            return self._events.popleft() if self._has_events() else None

    def wait(self, other: Readable, wait_s: float) -> None:
        """Wait until there may be an event, `other` is readable, or the time is over."""
        deadline = time.monotonic() + wait_s
        with self._held(wait_s) as held:
            if held and not self._has_events():
                wait_readable([self._tap, other, self._wake], deadline - time.monotonic())

    async def wait_async(self, other: Readable, wait_s: float) -> None:
        """Do the same in asyncio."""
        with self._held() as held:
            if held and self._has_events():
                return
            # A loop knows a descriptor once; several tasks may wait.
            fds = [os.dup(one.fileno()) for one in (self._tap, other) if held and one.fileno() >= 0]
            fds += [os.dup(self._wake)] if held else []
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            for fd in fds:
                loop.add_reader(fd, ready.set)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), max(wait_s, 0.0))
        finally:
            for fd in fds:
                loop.remove_reader(fd)
                os.close(fd)

    def pause(self, wait_s: float) -> None:
        """Wait, at most until it is closed."""
        self._closing.wait(wait_s)

    def follow(self, endpoint: str) -> None:
        """Take events from there from now on; nothing changes if they came from there before."""
        with self._lock:
            if endpoint != self._endpoint and not self._is_closed:
                self._tap.close()
                self._tap, self._endpoint = EventTap(endpoint), endpoint

    def close(self) -> None:
        """Wake who waits, and let go. To be called once."""
        self._closing.set()
        os.eventfd_write(self._wake, 1)
        with self._lock:
            self._is_closed = True
            self._tap.close()
            os.close(self._wake)
            self._wake = -1

    def _has_events(self) -> bool:
        """Whether there are any; the socket was asked and found empty if not, so that it will tell of the next."""
        while not self._events:
            batch = self._tap.receive()
            if batch is None:
                return False
            self._read(batch)
        return True

    def _read(self, batch: bytes) -> None:
        try:
            events, self.dropped = unpack_events(batch)
        except ControlError as error:
            raise PublishError(f"the server sent what is no event: {error}") from error
        if self._view_only:
            events = [event for event in events if isinstance(event, ConnectEvent | DisconnectEvent)]
        self._events.extend(events)

    @contextmanager
    def _held(self, wait_s: float = 0.0) -> Iterator[bool]:
        """Hold the lock, if it can be had within the time and this is not closed."""
        if not self._lock.acquire(timeout=max(wait_s, 0.0)):
            yield False
            return
        try:
            yield not self._is_closed
        finally:
            self._lock.release()
