from __future__ import annotations

from mpvnc.supervisor.placement import Load, candidates


def test_the_least_loaded_ready_worker_is_asked_first():
    loads = [Load(0, True, 5), Load(1, True, 2), Load(2, False, 0), Load(3, True, 2)]
    assert candidates(loads) == [1, 3, 0]


def test_none_is_ready():
    assert candidates([Load(0, False, 0)]) == []
