"""Clients take turns: whose input is delivered next, and who has to wait.

Owns: a queue per client, bounded, in the order in which the client sent it. Delivers nothing and reads no
clock. One client's waiting event holds up that client alone.
"""

from __future__ import annotations

import math
from collections import deque

from mpvnc.session.input import InputEvent

QUEUED_PER_CLIENT = 1000


class Turns:
    """Events of all clients, one from each in turn."""

    def __init__(self, limit: int = QUEUED_PER_CLIENT) -> None:
        self._limit = limit
        self._ready: dict[int, deque[InputEvent]] = {}
        """In the order of the turns; nobody is in both, and no queue is empty."""
        self._waiting: dict[int, tuple[float, deque[InputEvent]]] = {}

    def offer(self, event: InputEvent) -> InputEvent | None:
        """Take an event. Returns the client's oldest one if there are too many: it can wait no longer."""
        _until, queue = self._waiting.get(event.client, (0.0, None))
        if queue is None:
            queue = self._ready.setdefault(event.client, deque())
        queue.append(event)
        return queue.popleft() if len(queue) > self._limit else None

    def next(self) -> InputEvent | None:
        """Return the next event, None if there is none, or nobody is ready."""
        client = next(iter(self._ready), None)
        if client is None:
            return None
        queue = self._ready.pop(client)
        event = queue.popleft()
        if queue:
            self._ready[client] = queue
        return event

    def put_off(self, event: InputEvent, until: float) -> None:
        """Put the event that `next` has just returned back; its client waits until then."""
        queue = self._ready.pop(event.client, deque())
        queue.appendleft(event)
        self._waiting[event.client] = (until, queue)

    def wake(self, now: float) -> None:
        """Let those go on whose waiting is over."""
        for client, (until, queue) in list(self._waiting.items()):
            if until <= now:
                del self._waiting[client]
                self._ready[client] = queue

    @property
    def wakes_at(self) -> float:
        """When somebody's waiting is over; infinite if nobody waits."""
        return min((until for until, _queue in self._waiting.values()), default=math.inf)
