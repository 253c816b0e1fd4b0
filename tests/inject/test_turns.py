from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mpvnc.inject.turns import Turns
from mpvnc.session.input import KeyInput


def key(client: int, number: int) -> KeyInput:
    return KeyInput(client, 0.0, True, number)


def taken(turns: Turns) -> list[tuple[int, int]]:
    events = []
    while (event := turns.next()) is not None:
        events.append((event.client, event.keysym))
    return events


def offered(*clients: int) -> Turns:
    turns = Turns()
    for number, client in enumerate(clients):
        turns.offer(key(client, number))
    return turns


def test_one_from_each_in_turn() -> None:
    assert taken(offered(1, 1, 1, 2, 2, 3)) == [(1, 0), (2, 3), (3, 5), (1, 1), (2, 4), (1, 2)]


def test_who_waits_holds_up_nobody_else_and_keeps_the_order() -> None:
    turns = offered(1, 1, 2, 2)
    turns.put_off(turns.next(), 5.0)
    turns.offer(key(1, 9))
    assert taken(turns) == [(2, 2), (2, 3)]
    assert turns.wakes_at == 5.0
    turns.wake(4.9)
    assert taken(turns) == []
    turns.wake(5.0)
    assert turns.wakes_at == math.inf
    assert taken(turns) == [(1, 0), (1, 1), (1, 9)]


def test_the_last_event_of_a_client_can_wait_too() -> None:
    turns = offered(1)
    turns.put_off(turns.next(), 1.0)
    assert turns.next() is None
    turns.wake(1.0)
    assert taken(turns) == [(1, 0)]


def test_too_many_push_the_oldest_out() -> None:
    turns = Turns(limit=2)
    assert [turns.offer(key(1, number)) for number in range(3)] == [None, None, key(1, 0)]
    assert turns.offer(key(2, 0)) is None
    turns.put_off(turns.next(), 1.0)
    assert turns.offer(key(1, 3)) == key(1, 1)
    assert taken(turns) == [(2, 0)]
    turns.wake(1.0)
    assert taken(turns) == [(1, 2), (1, 3)]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["offer", "next", "put_off", "wake"])), max_size=60)
)
def test_each_clients_order_is_kept_and_nothing_is_lost(steps: list[tuple[int, str]]) -> None:
    turns = Turns(limit=4)
    out: list[tuple[int, int]] = []
    for number, (client, step) in enumerate(steps):
        if step == "offer":
            pushed_out = turns.offer(key(client, number))
            out += [(pushed_out.client, pushed_out.keysym)] if pushed_out else []
        elif step == "wake":
            turns.wake(number)
        elif (event := turns.next()) is not None:
            if step == "put_off":
                turns.put_off(event, number + client)
            else:
                out.append((event.client, event.keysym))
    turns.wake(math.inf)
    out += taken(turns)
    for client in (1, 2, 3):
        sent = [number for number, (one, step) in enumerate(steps) if step == "offer" and one == client]
        assert [number for one, number in out if one == client] == sent
