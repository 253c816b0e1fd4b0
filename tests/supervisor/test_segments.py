"""Generations and the names of their segments."""

from __future__ import annotations

import os

from mpvnc.supervisor.segments import Segments

INSTANCE = f"test{os.getpid()}"


def test_two_supervisors_of_one_name_stay_apart() -> None:
    """The second one runs in another runtime directory, or the first one's children have not ended yet."""
    first = Segments(INSTANCE)
    held = first.allocate(32, 16)
    first.publish(held.number)
    second = Segments(INSTANCE)
    try:
        other = second.allocate(32, 16)
        assert other.segment.name != held.segment.name
        assert second.publish(other.number) is other
        assert os.fstat(held.segment.fd).st_nlink == os.fstat(other.segment.fd).st_nlink == 1
        assert second.allocate(8, 8).number == other.number + 1
    finally:
        first.close()
        second.close()
    assert not [name for name in os.listdir("/dev/shm") if INSTANCE in name]
