"""Pictures of a screen for those who ask by HTTP: one per frame and kind, made aside, shared by all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from mpvnc.frames.reader import FrameReader
from mpvnc.pixels import Pixels
from mpvnc.web import snapshot

KEPT = 8
"""So many snapshots are kept, those that were made last."""

ENCODERS: dict[str, Callable[[Pixels], bytes]] = {"png": snapshot.png, "jpeg": snapshot.jpeg}


class Snapshot(NamedTuple):
    """An encoded frame; `version` tells frames apart."""

    version: str
    data: bytes


Wanting = Callable[[Snapshot | None], None]
_Key = tuple[str, str]
"""Name of the surface, and the kind."""


def version_of(reader: FrameReader | None) -> str:
    """Return what the snapshot of a screen is called now; "" if there is no frame."""
    return f"{reader.generation}-{reader.frame}" if reader is not None and reader.frame else ""


class Snapshots:
    """What was encoded last, and who waits for what is being encoded. Loop thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._made: dict[_Key, Snapshot] = {}
        self._waiting: dict[_Key, list[Wanting]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def want(self, name: str, reader: FrameReader | None, kind: str, give: Wanting) -> None:
        """Have the current frame given, now or later; None if it cannot be encoded, or there is no frame.

        Args:
            name: of the surface.
            reader: its screen.
            kind: a key of `ENCODERS`.
        """
        key, version = (name, kind), version_of(reader)
        made = self._made.get(key)
        if reader is None or not version:
            give(None)
        elif made is not None and made.version == version:
            give(made)
        elif key in self._waiting:
            self._waiting[key].append(give)
        else:
            self._waiting[key] = [give]
            self._encode(key, version, reader.pixels.copy())

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _encode(self, key: _Key, version: str, pixels: Pixels) -> None:
        self._pool = self._pool or ThreadPoolExecutor(1, "snapshot")

        def hand_over(done: Future[bytes]) -> None:
            if not done.cancelled():
                self._loop.call_soon_threadsafe(self._give, key, version, done)

        self._pool.submit(ENCODERS[key[1]], pixels).add_done_callback(hand_over)

    def _give(self, key: _Key, version: str, done: Future[bytes]) -> None:
        made = None if done.exception() else Snapshot(version, done.result())
        if made is not None:
            self._made.pop(key, None)
            self._made[key] = made
            if len(self._made) > KEPT:
                del self._made[next(iter(self._made))]
        for give in self._waiting.pop(key):
            give(made)
