from __future__ import annotations

import pytest

from mpvnc.supervisor.guesses import FREE_GUESSES, LONGEST_S, MANY_GUESSES, Guesses

A, B = "1.1.1.1", "1.1.1.2"


def guessing(guesses: int = FREE_GUESSES + 1, now: float = 0.0) -> Guesses:
    book = Guesses()
    for _ in range(guesses):
        book.has_failed(A, now)
    return book


def taken(book: Guesses, count: int, now: float = 0.0, first: int = 1) -> list[float]:
    return [book.take(client, A, now) for client in range(first, first + count)]


def test_ten_mistakes_in_a_minute_are_ordinary_life():
    assert taken(guessing(FREE_GUESSES), 100) == [0.0] * 100


def test_mistakes_of_a_long_time_are_ordinary_life():
    book = Guesses()
    for number in range(50):
        book.has_failed(A, number * 6.1)
        assert book.take(number, A, number * 6.1) == 0.0


def test_after_the_eleventh_they_are_judged_one_after_the_other():
    assert taken(guessing(), 4) == [0.0, 0.25, 0.5, 0.75]


def test_a_second_lies_between_them_after_many_guesses():
    assert taken(guessing(MANY_GUESSES), 2) == [0.0, 0.25]
    assert taken(guessing(MANY_GUESSES + 1), 3) == [0.0, 1.0, 2.0]


def test_other_addresses_wait_for_nobody():
    book = guessing()
    taken(book, 20)
    assert book.take(99, B, 0.0) == 0.0


def test_the_turn_of_who_hung_up_before_it_is_free():
    book = guessing()
    for client in range(1, 200):
        assert book.take(client, A, client * 0.01) <= 0.25
        book.has_gone(client, client * 0.01 + 0.005)
    assert book.take(500, A, 2.0) <= 0.25


def test_a_turn_that_came_is_used_up():
    book = guessing()
    assert taken(book, 1) == [0.0]
    book.has_gone(1, 0.01)
    assert book.take(2, A, 0.05) == pytest.approx(0.2)
    book.has_gone(2, 0.3)
    assert book.take(3, A, 0.3) == pytest.approx(0.2)


def test_whoever_asks_again_keeps_the_turn():
    book = guessing()
    taken(book, 4)
    assert [book.take(4, A, now) for now in (0.0, 0.5, 0.75)] == [0.75, 0.25, 0.0]


def test_nobody_waits_for_ever():
    assert max(taken(guessing(MANY_GUESSES + 1), 300)) == LONGEST_S


def test_a_quiet_minute_forgets():
    book = guessing()
    assert taken(book, 2, 59.9) == [0.0, 0.25]
    assert taken(book, 2, 60.0, first=3) == [0.0, 0.0]


def test_who_leaves_before_the_turn_makes_noise_too():
    book = guessing()
    taken(book, 3, 50.0)
    book.has_gone(3, 50.1)
    assert taken(book, 2, 100.0, first=10) == [0.0, 0.25]
    assert taken(book, 2, 111.0, first=20) == [0.0, 0.0]


def test_memory_is_bounded_and_keeps_the_latest():
    book = Guesses(capacity=10)
    for number in range(30):
        book.has_failed(f"10.0.0.{number}", 0.0)
        book.has_failed(A, 0.0)
    for client in range(100):
        book.take(client, A, 0.0)
    for client in range(200):
        book.has_gone(client, 30.0)
    assert len(book) == 10
    assert taken(book, 2, 30.0, first=1000) == [0.0, 0.25]
