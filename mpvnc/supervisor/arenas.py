"""The arenas in which encoders share what they have encoded: made here, because they outlive every encoder.

Owns their memory and bells, and who shares with whom. Never looks into them, never loads numpy.
"""

from __future__ import annotations

import os

from mpvnc.frames.chunks import arena_bytes
from mpvnc.ipc.control import Message

GROUP = 32
"""So many encoders share; on a machine with more, groups of so many. A message carries 250 descriptors."""


class Arenas:
    """One arena and one bell for each of `workers` encoders; none where an encoder is alone in its group."""

    def __init__(self, workers: int) -> None:
        self._groups = [range(first, min(first + GROUP, workers)) for first in range(0, workers, GROUP)]
        self._groups = [group for group in self._groups if len(group) > 1]
        slots = [slot for group in self._groups for slot in group]
        self._arenas = {slot: _arena(slot) for slot in slots}
        self._bells = {slot: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for slot in slots}

    def message(self, slot: int) -> tuple[Message, list[int]] | None:
        """Return what the encoder in a slot is told, and the descriptors, which stay ours; None if nothing."""
        for group in self._groups:
            if slot in group:
                fds = [self._arenas[one] for one in group] + [self._bells[one] for one in group]
                return {"type": "arenas", "slots": list(group)}, fds
        return None

    def close(self) -> None:
        """Give all back."""
        for fd in (*self._arenas.values(), *self._bells.values()):
            os.close(fd)


def _arena(slot: int) -> int:
    """Return an arena of zeros; it takes memory as it is written to."""
    fd = os.memfd_create(f"mpvnc-arena-{slot}", os.MFD_CLOEXEC)
    os.ftruncate(fd, arena_bytes())
    return fd
