"""Pictures of the screen for those who ask by HTTP: one per frame and kind, made aside, shared by all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from mpvnc.pixels import Pixels
from mpvnc.web import snapshot
from mpvnc.workers.show import Show

ENCODERS: dict[str, Callable[[Pixels], bytes]] = {"png": snapshot.png, "jpeg": snapshot.jpeg}


class Snapshot(NamedTuple):
    """An encoded frame; `version` tells frames apart."""

    version: str
    data: bytes


Wanting = Callable[[Snapshot | None], None]


class Snapshots:
    """What was encoded last, and who waits for what is being encoded. Loop thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, show: Show) -> None:
        self._loop = loop
        self._show = show
        self._made: dict[str, Snapshot] = {}
        self._waiting: dict[str, list[Wanting]] = {}
        self._pool: ThreadPoolExecutor | None = None

    @property
    def version(self) -> str:
        """What the newest frame's snapshot is called; "" if there is no frame."""
        reader = self._show.reader
        return f"{reader.generation}-{reader.frame}" if reader is not None and reader.frame else ""

    def want(self, kind: str, give: Wanting) -> None:
        """Have the current frame given, now or later; None if it cannot be encoded, or there is no frame.

        Args:
            kind: a key of `ENCODERS`.
        """
        made, reader = self._made.get(kind), self._show.reader
        if reader is None or not self.version:
            give(None)
        elif made is not None and made.version == self.version:
            give(made)
        elif kind in self._waiting:
            self._waiting[kind].append(give)
        else:
            self._waiting[kind] = [give]
            self._encode(kind, self.version, reader.pixels.copy())

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _encode(self, kind: str, version: str, pixels: Pixels) -> None:
        self._pool = self._pool or ThreadPoolExecutor(1, "snapshot")

        def hand_over(done: Future[bytes]) -> None:
            if not done.cancelled():
                self._loop.call_soon_threadsafe(self._give, kind, version, done)

        self._pool.submit(ENCODERS[kind], pixels).add_done_callback(hand_over)

    def _give(self, kind: str, version: str, done: Future[bytes]) -> None:
        made = None if done.exception() else Snapshot(version, done.result())
        if made is not None:
            self._made[kind] = made
        for give in self._waiting.pop(kind):
            give(made)
