from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mpvnc.errors import PublishError
from mpvnc.metrics import Counter
from mpvnc.publisher import link as module
from mpvnc.publisher.link import Greeting, Link, wait_readable
from tests.support.supervisor_thread import WORKERS, FakeSupervisor
from tests.support.waits import eventually

HELLO = {"type": "publish", "name": "", "width": 8, "height": 4, "title": "", "view_only": False}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSupervisor]:
    one = FakeSupervisor(tmp_path)
    yield one
    one.close()


@pytest.fixture
def link(fake: FakeSupervisor) -> Iterator[Link]:
    one = Greeting(fake.theirs, HELLO).wait(5)
    yield one
    one.close()


def pixels(value: int, width: int = 8, height: int = 4) -> np.ndarray:
    return np.full((height, width), value, np.uint32)


def test_frames_go_on_counting_within_a_generation(fake: FakeSupervisor, link: Link) -> None:
    assert [link.publish(pixels(n), None) for n in (1, 2, 2, 3)] == [1000, 1001, None, 1002]
    assert fake.status.slot(WORKERS).get(Counter.FRAMES) == 3
    eventually(lambda: fake.types() == ["publish", "allocate", "published"])


def test_a_size_that_is_refused_leaves_the_old_one(fake: FakeSupervisor, link: Link) -> None:
    link.publish(pixels(1), None)
    fake.refuse_with = "no room in /dev/shm"
    with pytest.raises(PublishError, match="no room in /dev/shm"):
        link.publish(pixels(1, 9), None)
    assert link.publish(pixels(2), None) == 1001


def test_a_supervisor_that_hangs_up(fake: FakeSupervisor, link: Link) -> None:
    fake.hang_up()
    eventually(lambda: link.pump() or link.is_gone)
    with pytest.raises(PublishError, match="stopped"):
        link.publish(pixels(1), None)
    with pytest.raises(PublishError):
        link.send({"type": "notice"})


def test_it_closes_what_it_was_given(fake: FakeSupervisor) -> None:
    before = len(os.listdir("/proc/self/fd"))
    link = Greeting(fake.theirs, HELLO).wait(5)
    link.publish(pixels(1), None)
    link.publish(pixels(1, 9), None)
    link.close()
    link.close()
    segments = len(fake.segments)
    assert len(os.listdir("/proc/self/fd")) == before - 1 + segments


def test_an_answer_that_comes_too_late_is_nobodys(
    fake: FakeSupervisor, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.0)
    fake.is_slow = True
    with pytest.raises(PublishError, match="did not answer"):
        link.publish(pixels(1), None)
    with pytest.raises(PublishError, match="did not answer"):
        link.bring(0)
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 10.0)
    fake.is_slow = False
    assert link.publish(pixels(1), None) == 2000
    assert link.bring(0) == 7
    ours, theirs = 1, len(fake.segments) + len(fake.fds)
    assert len(os.listdir("/proc/self/fd")) == before + ours + theirs == before + 5


@pytest.mark.parametrize("has_come", [False, True])
def test_an_answer_that_ctrl_c_did_not_wait_for_is_nobodys(
    fake: FakeSupervisor, link: Link, monkeypatch: pytest.MonkeyPatch, has_come: bool
) -> None:
    before = len(os.listdir("/proc/self/fd"))

    def interrupted(readables: list[Link], timeout_s: float) -> None:
        if has_come:
            wait_readable(readables, 5)
            link.pump()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "wait_readable", interrupted)
        link.publish(pixels(1), None)
    assert link.bring(0) == 7
    assert link.publish(pixels(1), None) == 2000
    ours, theirs = 1, len(fake.segments) + len(fake.fds)
    assert len(os.listdir("/proc/self/fd")) == before + ours + theirs == before + 4
