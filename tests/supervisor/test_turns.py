from __future__ import annotations

import pytest

from mpvnc.supervisor.turns import FREE_GUESSES, LONGEST_S, MANY_GUESSES, Turns

A, B = "1.1.1.1", "1.1.1.2"


def guessing(guesses: int = FREE_GUESSES + 1, now: float = 0.0) -> Turns:
    turns = Turns()
    for _ in range(guesses):
        turns.has_failed(A, now)
    return turns


def taken(turns: Turns, count: int, now: float = 0.0, first: int = 1) -> list[float]:
    return [turns.take(client, A, now) for client in range(first, first + count)]


def test_ten_mistakes_in_a_minute_are_ordinary_life():
    assert taken(guessing(FREE_GUESSES), 100) == [0.0] * 100


def test_mistakes_of_a_long_time_are_ordinary_life():
    turns = Turns()
    for number in range(50):
        turns.has_failed(A, number * 6.1)
        assert turns.take(number, A, number * 6.1) == 0.0


def test_after_the_eleventh_they_are_judged_one_after_the_other():
    assert taken(guessing(), 4) == [0.0, 0.25, 0.5, 0.75]


def test_a_second_lies_between_them_after_many_guesses():
    assert taken(guessing(MANY_GUESSES), 2) == [0.0, 0.25]
    assert taken(guessing(MANY_GUESSES + 1), 3) == [0.0, 1.0, 2.0]


def test_other_addresses_wait_for_nobody():
    turns = guessing()
    taken(turns, 20)
    assert turns.take(99, B, 0.0) == 0.0


def test_the_turn_of_who_hung_up_before_it_is_free():
    turns = guessing()
    for client in range(1, 200):
        assert turns.take(client, A, client * 0.01) <= 0.25
        turns.has_gone(client, client * 0.01 + 0.005)
    assert turns.take(500, A, 2.0) <= 0.25


def test_a_turn_that_came_is_used_up():
    turns = guessing()
    assert taken(turns, 1) == [0.0]
    turns.has_gone(1, 0.01)
    assert turns.take(2, A, 0.05) == pytest.approx(0.2)
    turns.has_gone(2, 0.3)
    assert turns.take(3, A, 0.3) == pytest.approx(0.2)


def test_whoever_asks_again_keeps_the_turn():
    turns = guessing()
    taken(turns, 4)
    assert [turns.take(4, A, now) for now in (0.0, 0.5, 0.75)] == [0.75, 0.25, 0.0]


def test_nobody_waits_for_ever():
    assert max(taken(guessing(MANY_GUESSES + 1), 300)) == LONGEST_S


def test_a_quiet_minute_forgets():
    turns = guessing()
    assert taken(turns, 2, 59.9) == [0.0, 0.25]
    assert taken(turns, 2, 60.0, first=3) == [0.0, 0.0]


def test_who_leaves_before_the_turn_makes_noise_too():
    turns = guessing()
    taken(turns, 3, 50.0)
    turns.has_gone(3, 50.1)
    assert taken(turns, 2, 100.0, first=10) == [0.0, 0.25]
    assert taken(turns, 2, 111.0, first=20) == [0.0, 0.0]


def test_memory_is_bounded_and_keeps_the_latest():
    turns = Turns(capacity=10)
    for number in range(30):
        turns.has_failed(f"10.0.0.{number}", 0.0)
        turns.has_failed(A, 0.0)
    for client in range(100):
        turns.take(client, A, 0.0)
    for client in range(200):
        turns.has_gone(client, 30.0)
    assert len(turns) == 10
    assert taken(turns, 2, 30.0, first=1000) == [0.0, 0.25]
