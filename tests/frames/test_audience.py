from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mpvnc.frames.audience import Audience, Shown, shown
from mpvnc.metrics import SlotCounters, StatusPage, create_status_page, slot_count


@pytest.fixture
def workers() -> Iterator[list[SlotCounters]]:
    slots = slot_count(2)
    fd = create_status_page(slots)
    page = StatusPage(fd, slots)
    os.close(fd)
    yield [page.slot(0), page.slot(1)]
    page.close()


def test_the_newest_frame_counts(workers: list[SlotCounters]) -> None:
    one, other = map(Audience, workers)
    for viewer in "abc":
        one.join(viewer)
    other.join("d")
    assert shown(workers) == Shown(4, 0, 0)
    one.sent("ab", 7)
    other.sent(["d"], 7)
    assert shown(workers) == Shown(viewers=4, frame=7, reached=3)
    other.sent(["d"], 8)
    assert shown(workers) == (4, 8, 1)


def test_a_viewer_counts_once(workers: list[SlotCounters]) -> None:
    one = Audience(workers[0])
    one.join("a")
    for frame in (5, 5, 6, 6):
        one.sent(["a"], frame)
    assert shown(workers) == (1, 6, 1)


def test_who_has_not_joined_is_not_counted(workers: list[SlotCounters]) -> None:
    one = Audience(workers[0])
    one.sent(["a"], 5)
    one.leave("a")
    assert shown(workers) == (0, 0, 0)


def test_who_is_told_of_another_size_alone_still_counts_once(workers: list[SlotCounters]) -> None:
    one = Audience(workers[0])
    for viewer in "ab":
        one.join(viewer)
        one.sent([viewer], 5)
        one.sent([viewer], 0)
    assert shown(workers) == (2, 5, 2)
    one.leave("a")
    assert shown(workers) == (1, 5, 1)


def test_who_left_is_counted_no_more(workers: list[SlotCounters]) -> None:
    one = Audience(workers[0])
    for viewer in "ab":
        one.join(viewer)
        one.sent([viewer], 5)
    one.leave("a")
    assert shown(workers) == (1, 5, 1)
    one.join("c")
    one.sent(["c"], 6)
    one.leave("b")
    assert shown(workers) == (1, 6, 1), "it had not been sent the newest"


def test_a_successor_begins_with_nobody(workers: list[SlotCounters]) -> None:
    one = Audience(workers[0])
    one.join("a")
    one.sent(["a"], 5)
    Audience(workers[0])
    assert shown(workers) == (0, 0, 0)
