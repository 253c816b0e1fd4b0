"""Reads a surface that tells nobody when it is drawn on, and publishes what it finds.

Owns the pair of surface and lock, and the order of locks: the program's surface lock first, then those of a
publication. A program may hold its lock whenever it calls `change` or `nudge`: they wait for nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mpvnc.errors import PublishError
from mpvnc.publisher.publication import Publication
from mpvnc.publisher.surface import Surface

logger = logging.getLogger(__name__)

LOOK_S = 0.05
"""How often it is looked for viewers while there are none."""

Lock = AbstractContextManager[Any]


class SurfaceReader:
    """Publishes the surface of a program as often as allowed while somebody looks.

    Args:
        surface: what is shown.
        lock: anything that `with` takes; held while the surface is read. None for none.
        period_s: returns the shortest time between two readings.
    """

    def __init__(self, surface: Surface, lock: Lock | None, period_s: Callable[[], float]) -> None:
        self._shown: tuple[Surface, Lock] = (surface, lock or nullcontext())
        self._period_s = period_s
        self._nudged = threading.Event()
        self._ended = threading.Event()
        self._warned = ""

    @property
    def surface(self) -> Surface:
        """What is shown from the next reading on."""
        return self._shown[0]

    def change(self, surface: Surface, lock: Lock | None) -> None:
        """Read another surface, or the same one with another lock, from now on."""
        self._shown = (surface, lock or nullcontext())

    def nudge(self) -> None:
        """Read it as soon as its time has come, whether anybody is known to look or not."""
        self._nudged.set()

    def end(self) -> None:
        """Have `run` return."""
        self._ended.set()
        self._nudged.set()

    def run(self, publication: Publication) -> None:
        """Read until `end`, or until the publication has ended."""
        due = time.monotonic()
        while not (self._ended.is_set() or publication.closed):
            now = time.monotonic()
            if now < due:
                self._ended.wait(due - now)
            elif self._is_wanted(publication):
                self._try(publication)
                due = max(due + self._period_s(), now)
            else:
                self._nudged.wait(LOOK_S)

    def _is_wanted(self, publication: Publication) -> bool:
        was_nudged = self._nudged.is_set()
        self._nudged.clear()
        return was_nudged or publication.shown().viewers > 0

    def _try(self, publication: Publication) -> None:
        try:
            self._read(publication)
            self._warned = ""
        except PublishError as error:
            self._warn(str(error))

    def _read(self, publication: Publication) -> None:
        """Publish the surface. Whoever changed it while its lock was waited for is followed."""
        while not self._ended.is_set():
            shown = surface, lock = self._shown
            with lock:
                if self._shown is not shown:
                    continue
                if publication.surface is not surface:
                    publication.change_surface(surface)
                publication.publish_frame()
                return

    def _warn(self, reason: str) -> None:
        """Say why nothing is shown, once."""
        if reason != self._warned and not self._ended.is_set():
            logger.warning("the surface is not shown: %s", reason)
        self._warned = reason
