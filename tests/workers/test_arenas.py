"""The arenas as workers have them: mapped from what the supervisor sends, and rung when somebody waits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from mpvnc.errors import MpvncError
from mpvnc.frames.chunks import KEY_BYTES, LARGEST_BYTES
from mpvnc.supervisor import arenas as supervisor
from mpvnc.workers.arenas import Arenas

KEY = bytes(KEY_BYTES)


@pytest.fixture
def made() -> Iterator[supervisor.Arenas]:
    arenas = supervisor.Arenas(3)
    yield arenas
    arenas.close()


def taken(made: supervisor.Arenas, slot: int) -> Arenas:
    """What the worker in a slot makes of its message."""
    told = made.message(slot)
    assert told is not None
    message, fds = told
    assert message["type"] == "arenas"
    return Arenas(slot, message["slots"], [os.dup(fd) for fd in fds])


@pytest.fixture
def workers(made: supervisor.Arenas) -> Iterator[list[Arenas]]:
    opened = [taken(made, slot) for slot in range(3)]
    yield opened
    for one in opened:
        one.close()


def test_what_one_puts_all_others_find(workers: list[Arenas]) -> None:
    one, two, three = workers
    one.put(KEY, 7, b"made")
    for other in (two, three):
        assert other.others[0].find(KEY) == (7, b"made")
        assert other.others.keys() == {0, 1, 2} - {other.slot}
    assert two.others[2].find(KEY) is None
    one.put(KEY, 8, bytes(LARGEST_BYTES + 1))
    assert two.others[0].find(KEY) == (7, b"made")


def test_who_waits_is_rung_and_nobody_else(workers: list[Arenas]) -> None:
    one, two, three = workers
    loop, rung = asyncio.new_event_loop(), []
    for worker in (two, three):
        worker.listen(loop, lambda worker=worker: rung.append(worker.slot))
    turn = lambda: loop.run_until_complete(asyncio.sleep(0.001))  # noqa: E731
    one.put(KEY, 0, b"1")
    one.ring()
    turn()
    assert not rung
    two.set_waiting("a part", True)
    two.set_waiting("another", True)
    two.set_waiting("another", False)
    one.ring()
    turn()
    assert not rung, "nothing was put since"
    one.put(KEY, 0, b"2")
    one.ring()
    turn()
    assert rung == [1]
    two.set_waiting("a part", False)
    one.put(KEY, 0, b"3")
    one.ring()
    turn()
    assert rung == [1]
    two.close()
    loop.close()
    workers.remove(two)


def test_parts_of_a_worker_announce_together(workers: list[Arenas]) -> None:
    one, two, _ = workers
    one.announce("a part", {5: 1})
    one.announce("another", {6: 2})
    one.proceed(5, 9)
    seen = two.others[0]
    assert (seen.progress(5), seen.progress(6), seen.progress(7)) == (9, 2, None)
    one.announce("another", {})
    assert seen.progress(6) is None


def test_a_successor_goes_on_in_the_same_arena(made: supervisor.Arenas, workers: list[Arenas]) -> None:
    one, two, _ = workers
    one.put(KEY, 1, b"before")
    one.announce("a part", {5: 1})
    one.close()
    workers[0] = taken(made, 0)
    assert two.others[0].progress(5) is None and two.others[0].find(KEY) == (1, b"before")
    workers[0].put(KEY, 2, b"after")
    assert two.others[0].find(KEY) == (2, b"after")


@pytest.mark.parametrize("slots, kept", [([0, 1], 6), ([0, 1, 2], 5), ([1, 2], 4)])
def test_what_does_not_fit_together_is_refused_and_closed(made: supervisor.Arenas, slots, kept) -> None:
    _, fds = made.message(0) or ({}, [])
    own = [os.dup(fd) for fd in fds[:kept]]
    with pytest.raises(MpvncError):
        Arenas(0, slots, own)
    for fd in own:
        with pytest.raises(OSError):
            os.fstat(fd)
