from __future__ import annotations

import os

import pytest

from mpvnc.errors import ControlError
from mpvnc.inject.held import Held, HeldKind, HeldSet
from mpvnc.metrics import StatusPage, create_status_page, slot_count
from tests.support.held import Words

A, BUTTON = Held(HeldKind.KEY, 38, 0x61), Held(HeldKind.BUTTON, 1)


def test_words_and_what_they_stand_for() -> None:
    held = Held(HeldKind.KEY, 0xABCDEF, 0x0101F600)
    assert Held.from_word(held.word) == held
    with pytest.raises(ControlError):
        Held.from_word(9 << 56)


def test_what_is_held_is_in_the_page_until_the_last_lets_go() -> None:
    words = Words()
    held = HeldSet(words)
    assert held.add(1, A) and held.add(2, A)
    assert held.others_hold(1, A)
    held.remove(1, A)
    assert list(words) == [A.word]
    assert not held.others_hold(2, A)
    held.remove(2, A)
    assert list(words) == []
    assert held.clients() == []


def test_the_same_key_by_another_keysym_is_the_same_key() -> None:
    held = HeldSet(Words())
    held.add(1, A)
    held.add(2, Held(HeldKind.KEY, 38, 0x41))
    assert held.others_hold(1, A)
    assert held.codes() == {38}
    assert held.key(2, 0x61) is None


def test_presses_are_in_order() -> None:
    held = HeldSet(Words())
    held.add(1, BUTTON)
    held.add(1, A)
    assert held.of(1) == [BUTTON, A]
    assert held.of(2) == []


def test_a_full_page_takes_no_press() -> None:
    words = Words()
    words.limit = 1
    held = HeldSet(words)
    assert held.add(1, A)
    assert not held.add(1, BUTTON)
    assert held.of(1) == [A]


def test_a_successor_reads_it_from_the_status_page() -> None:
    slots = slot_count(1)
    fd = create_status_page(slots)
    mine, successors = StatusPage(fd, slots), StatusPage(fd, slots)
    os.close(fd)
    held = HeldSet(mine.held)
    held.add(1, A)
    held.add(1, BUTTON)
    held.remove(1, BUTTON)
    assert held.left_over() == []
    successor = HeldSet(successors.held)
    assert successor.left_over() == [A]
    successor.forget(A)
    assert successor.left_over() == []
    mine.close()
    successors.close()


def test_what_nobody_owns_is_left_over() -> None:
    held = HeldSet(Words())
    held.add(1, A)
    held.disown_all()
    assert held.left_over() == [A]
    assert held.clients() == []
