from __future__ import annotations

import os

import pytest

from mpvnc import metrics
from mpvnc.metrics import Counter, StatusPage


@pytest.fixture
def pages():
    fd = metrics.create_status_page(metrics.slot_count(2))
    both = StatusPage(fd, 5), StatusPage(fd, 5)
    os.close(fd)
    yield both
    for page in both:
        page.close()


def test_counts_are_seen_through_every_mapping(pages):
    ours, theirs = pages
    theirs.slot(1).add(Counter.BYTES_SENT, 1 << 40)
    theirs.slot(1).add(Counter.BYTES_SENT)
    theirs.slot(1).set(Counter.CLIENTS, 7)
    assert ours.slot(1).get(Counter.BYTES_SENT) == (1 << 40) + 1
    assert ours.slot(1).as_dict()["clients"] == 7
    assert "heartbeat" not in ours.slot(1).as_dict()
    assert not any(ours.slot(0).as_dict().values()) and not any(ours.slot(2).as_dict().values())


def test_counters_wrap_at_64_bits(pages):
    slot = pages[0].slot(0)
    slot.set(Counter.FRAMES, (1 << 64) - 1)
    slot.add(Counter.FRAMES, 2)
    assert slot.get(Counter.FRAMES) == 1


def test_pixels_are_counted_by_class(pages):
    ours, theirs = pages
    theirs.classes(0).set({"zrle": 5, "tight q6": 1 << 40})
    theirs.classes(0).set({"zrle": 7})
    theirs.classes(1).set({"raw": 1})
    assert ours.classes(0).as_dict() == {"zrle": 7, "tight q6": 1 << 40}
    assert ours.classes(1).as_dict() == {"raw": 1} and not ours.classes(4).as_dict()
    assert not any(ours.slot(4).as_dict().values())


def test_classes_without_room_are_counted_together(pages):
    classes = pages[0].classes(0)
    many = {f"class {number}": 1 for number in range(20)}
    for _ in range(2):
        classes.set({**many, metrics.OTHERS: 3})
        told = pages[1].classes(0).as_dict()
        assert len(told) == metrics.CLASSES and told[metrics.OTHERS] == 20 - 15 + 3
    classes.set({"a name that is much too long for a name " * 3: 1})


def test_heartbeat(pages):
    pages[1].slot(4).heartbeat()
    assert pages[0].slot(4).get(Counter.HEARTBEAT) == 1


def test_held_input_is_found_by_the_successor(pages):
    ours, theirs = pages
    assert ours.held.add(0x61) and ours.held.add(0x62) and ours.held.add(0x61)
    ours.held.discard(0x61)
    ours.held.discard(0x99)
    assert list(ours.held) == [0x62]
    assert list(theirs.held) == [0x62] and 0x62 in theirs.held and len(theirs.held) == 1


def test_held_input_is_bounded(pages):
    held = pages[0].held
    assert all(held.add(word) for word in range(1, metrics.HELD_WORDS + 1))
    assert not held.add(metrics.HELD_WORDS + 1)
    held.discard(5)
    assert held.add(metrics.HELD_WORDS + 1)
    assert held.add(6)


def test_every_counter_has_its_word():
    assert max(Counter) < metrics.SLOT_WORDS
