"""Who shares with whom."""

from __future__ import annotations

import os

import pytest

from mpvnc.frames.chunks import arena_bytes
from mpvnc.ipc.control import MAX_FDS
from mpvnc.supervisor.arenas import GROUP, Arenas


def test_one_worker_has_nobody_to_share_with():
    arenas = Arenas(1)
    assert arenas.message(0) is None
    arenas.close()


@pytest.mark.parametrize("workers", [2, 3, GROUP, GROUP + 1, 2 * GROUP + 2])
def test_each_worker_gets_the_arenas_and_bells_of_its_group(workers):
    arenas = Arenas(workers)
    seen = {}
    for slot in range(workers):
        told = arenas.message(slot)
        if told is None:
            assert slot == workers - 1 and workers % GROUP == 1, "it is left over"
            continue
        message, fds = told
        slots = message["slots"]
        assert slot in slots and len(fds) == 2 * len(slots) <= MAX_FDS
        for one, arena, bell in zip(slots, fds, fds[len(slots) :], strict=False):
            assert seen.setdefault(one, (arena, bell)) == (arena, bell)
            assert os.fstat(arena).st_size == arena_bytes()
    assert len({fd for pair in seen.values() for fd in pair}) == 2 * len(seen)
    arenas.close()
