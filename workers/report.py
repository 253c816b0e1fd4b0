"""What an encoder tells of its clients, for the supervisor's `clients`.

A report is a series of `clients` messages, one in a turn of the loop: a thousand clients must not keep frames
waiting. The last one has `more` false.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from mpvnc.encodings.wire import WireClass
from mpvnc.workers.client import Client

CLIENTS_PER_MESSAGE = 100
"""So many take far less than a packet of control.MAX_MESSAGE_BYTES."""


class Reporter:
    """Reports on `clients`, as they are when their turn comes."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clients: Mapping[int, Client],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._loop = loop
        self._clients = clients
        self._tell = tell

    def report(self, request: int) -> None:
        """Tell of all clients there are now, in answer to `request`."""
        self._next(request, list(self._clients))

    def _next(self, request: int, idents: list[int]) -> None:
        now = self._loop.time()
        due = [
            self._clients[ident] for ident in islice(idents, CLIENTS_PER_MESSAGE) if ident in self._clients
        ]
        rest = idents[CLIENTS_PER_MESSAGE:]
        told = [describe(client, now) for client in due]
        self._tell({"type": "clients", "request": request, "clients": told, "more": bool(rest)})
        if rest:
            self._loop.call_soon(self._next, request, rest)


def describe(client: Client, now: float) -> dict[str, Any]:
    """Return the facts about a client: times in seconds since 1970, sizes in bytes; None: not known (yet)."""
    session, pipe = client.session, client.pipe
    limits = session.limits()
    tcp = None if limits.rtt_s else pipe.tcp_info()
    rtt_s, in_flight_bytes = limits.rtt_s, limits.in_flight_bytes
    if tcp is not None:
        rtt_s, in_flight_bytes = tcp.rtt_s, in_flight_bytes or tcp.unacknowledged_bytes
    return {
        "client": client.ident,
        "address": client.address,
        "worker": client.slot,
        "surface": client.surface,
        "since": round(client.since, 3),
        "is_in": client.has_joined,
        "user": client.user,
        "view_only": session.view_only,
        "encoding": session.wire.encoding.name.lower(),
        "quality": session.wire.quality,
        "compression": session.wire.compression,
        "bits_per_pixel": session.format.bits_per_pixel,
        "class": class_name(session.wire),
        "updates": client.updates,
        "fps": round(client.frames_per_s(now), 1),
        "frames": limits.frames,
        "frames_skipped": limits.skipped,
        "rung": limits.rung,
        "every": limits.every,
        "in_flight_bytes": in_flight_bytes,
        "window_bytes": limits.window_bytes,
        "limited_by": limits.limited_by,
        "bytes_out": pipe.sent_bytes,
        "bytes_in": pipe.received_bytes,
        "rtt_ms": round(rtt_s * 1e3, 2) if rtt_s else None,
    }


def class_name(wire: WireClass) -> str:
    """Return a wire class in words: `tight q6 c1`, `zrle`, `raw`."""
    words = [wire.encoding.name.lower()]
    if wire.quality is not None:
        words.append(f"q{wire.quality}")
    if wire.compression:
        words.append(f"c{wire.compression}")
    return " ".join(words)
