"""Which encoder gets the next client. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Load(NamedTuple):
    """An encoder as placement sees it."""

    slot: int
    is_ready: bool
    clients: int


def candidates(loads: Iterable[Load]) -> list[int]:
    """Return the slots that may be asked to take a client, the one to ask first first.

    The least loaded ready one; among equals the lowest slot, so that few clients share few processes' caches.
    """
    ready = [load for load in loads if load.is_ready]
    return [load.slot for load in sorted(ready, key=lambda load: (load.clients, load.slot))]
