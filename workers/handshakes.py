"""The TLS handshakes of a worker: one step after the other, beside everything else that it does.

A step in which the server signs takes a third of a millisecond or more. Were each taken when its socket is ready, a
crowd that comes at once would hold back everybody's frames for as long as all of them take. So whoever has said
something waits in line, a few are served at a time, and then there is a rest in proportion. How many there may be at
once is the supervisor's business (admission).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from mpvnc.transport.tls import TlsPipe
from mpvnc.workers.readiness import READ, WRITE, Readiness

BUDGET_S = 0.001
"""No further step is begun in a turn of the loop that has spent so much on them."""
REST_FACTOR = 2.0
"""How long nobody is served then, in terms of what was spent: a crowd gets a third of the time."""

Finished = Callable[[OSError | None], None]
"""Told once how a handshake ended; must not raise."""


class Handshakes:
    """Those of one worker. Loop thread only.

    From `begin` until it is finished or forgotten a pipe's descriptor is watched here alone.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, readiness: Readiness) -> None:
        self._loop = loop
        self._readiness = readiness
        self._finished: dict[TlsPipe, Finished] = {}
        self._line: deque[TlsPipe] = deque()
        self._timer: asyncio.Handle | None = None

    def begin(self, pipe: TlsPipe, finished: Finished) -> None:
        """Shake hands with who is at the other end."""
        self._finished[pipe] = finished
        self._watch(pipe)

    def forget(self, pipe: TlsPipe) -> None:
        """Leave one alone, before it is closed; nothing happens if it is not here any more."""
        if self._finished.pop(pipe, None) is not None:
            self._readiness.forget(pipe.fileno())

    def _watch(self, pipe: TlsPipe) -> None:
        def stand_in_line(_is_readable: bool, _is_writable: bool) -> None:
            self._readiness.watch(pipe.fileno(), 0, stand_in_line)
            self._line.append(pipe)
            if self._timer is None:
                self._timer = self._loop.call_soon(self._next)

        self._readiness.watch(pipe.fileno(), WRITE if pipe.is_blocked else READ, stand_in_line)

    def _next(self) -> None:
        """Take a step with each of those who are first in line and still there, as far as the budget goes."""
        began_s = time.thread_time()
        spent_s = 0.0
        while self._line and spent_s < BUDGET_S:
            pipe = self._line.popleft()
            finished = self._finished.get(pipe)
            if finished is not None:
                self._step(pipe, finished)
                spent_s = time.thread_time() - began_s
        self._timer = self._loop.call_later(spent_s * REST_FACTOR, self._next) if spent_s else None

    def _step(self, pipe: TlsPipe, finished: Finished) -> None:
        try:
            is_over = pipe.shake_hands()
        except OSError as error:
            self.forget(pipe)
            finished(error)
            return
        if is_over:
            self.forget(pipe)
            finished(None)
        else:
            self._watch(pipe)
