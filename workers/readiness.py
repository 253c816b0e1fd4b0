"""Which of a worker's many sockets are ready: an epoll set of its own, inside the event loop.

The loop watches one descriptor, the set's, and is asked once for a whole batch; what it costs per socket and
event is a dictionary's look-up. (asyncio's own way costs 3 us more: docs/decisions/0007.)
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
BATCH = 256
"""So many sockets have their turn before the loop's other work has."""

OnReady = Callable[[bool, bool], None]
"""Called with whether there is something to read, and whether there is room to write; both on an error."""


class Readiness:
    """The sockets of one loop's clients. Loop thread only; callbacks must not raise."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._callbacks: dict[int, OnReady] = {}
        self._interests: dict[int, int] = {}
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def watch(self, fd: int, interest: int, on_ready: OnReady) -> None:
        """Call `on_ready` while `fd` is what `interest` says: READ, WRITE, both, or 0 for a pause.

        Raises: OSError if the kernel watches no more; nothing has changed then.
        """
        before = self._interests.get(fd, 0)
        if interest and before:
            self._epoll.modify(fd, interest)
        elif interest:
            self._epoll.register(fd, interest)
        elif before:
            self._epoll.unregister(fd)
        self._callbacks[fd], self._interests[fd] = on_ready, interest

    def forget(self, fd: int) -> None:
        """Watch a descriptor no longer, before it is closed; nothing happens if it is not watched."""
        self._callbacks.pop(fd, None)
        if self._interests.pop(fd, 0):
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Let go of the set."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _on_ready(self) -> None:
        callbacks = self._callbacks
        for fd, events in self._epoll.poll(0, BATCH):
            on_ready = callbacks.get(fd)  # one that came before it in the batch may have ended it
            if on_ready is not None:
                on_ready(events != WRITE, events != READ)
