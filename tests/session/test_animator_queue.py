from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.session import animator_queue
from mpvnc.session.animator_events import (
    ClickEvent,
    ClipboardEvent,
    ConnectEvent,
    DisconnectEvent,
    Event,
    KeyEvent,
    MoveEvent,
    ScrollEvent,
    Translator,
)
from mpvnc.session.animator_queue import BATCH_TEXT, AnimatorQueue
from mpvnc.session.input import ClientGone, ClientJoined, KeyInput, PointerInput


def move(x: int) -> MoveEvent:
    return MoveEvent(1, 0.0, x, 0, 0)


def key(keysym: int, down: bool) -> KeyEvent:
    return KeyEvent(1, 0.0, keysym, down)


def test_the_oldest_motions_go_first() -> None:
    queue = AnimatorQueue(limit=4)
    queue.offer([move(1), key(97, True), move(2), move(3), key(97, False), key(98, True)])
    assert queue.peek() == [key(97, True), move(3), key(97, False), key(98, True)]
    assert queue.dropped == 2


def test_then_the_oldest_presses_with_their_releases() -> None:
    queue = AnimatorQueue(limit=4)
    queue.offer([key(1, True), key(1, False), key(2, True), key(2, False), key(3, True)])
    assert queue.peek() == [key(2, True), key(2, False), key(3, True)]
    assert queue.dropped == 2


def test_a_release_of_what_the_animator_saw_pressed_is_kept() -> None:
    queue = AnimatorQueue(limit=2)
    queue.offer([key(1, True)])
    queue.forget(1)
    queue.offer([key(1, True), key(1, False), *[key(n, True) for n in range(2, 9)]])
    assert queue.peek() == [key(1, False), key(8, True)]


def test_six_hundred_unread_keys_leave_five_hundred() -> None:
    queue = AnimatorQueue()
    queue.offer([key(n, down) for n in range(300) for down in (True, False)])
    assert len(queue) == 500
    assert queue.dropped == 100
    assert queue.peek()[0] == key(50, True)


def test_texts_are_bounded() -> None:
    queue = AnimatorQueue(limit_text=10)
    queue.offer([ClipboardEvent(1, 0.0, "x" * 8), key(1, True), ClipboardEvent(1, 0.0, "y" * 8)])
    assert queue.peek() == [key(1, True), ClipboardEvent(1, 0.0, "y" * 8)]


def test_one_viewers_flood_costs_nobody_else_anything() -> None:
    queue = AnimatorQueue()
    honest = [KeyEvent(1, 0.0, 97, True), MoveEvent(1, 0.0, 1, 1, 0), ClickEvent(1, 0.0, 1, 1, 0, True)]
    queue.offer(honest)
    queue.offer([KeyEvent(2, 0.0, n, down) for n in range(600) for down in (True, False)])
    queue.offer([MoveEvent(3, 0.0, n, n, 0) for n in range(600)])
    assert [event for event in queue.peek() if event.client == 1] == honest


def test_the_later_release_of_a_lost_press_is_lost_with_it() -> None:
    queue = AnimatorQueue(limit=3)
    queue.offer([key(n, True) for n in (97, 98, 99, 100)])
    queue.offer([key(97, False)])
    assert queue.peek() == [key(n, True) for n in (98, 99, 100)]
    assert queue.dropped == 2
    queue.forget(3)
    queue.offer([key(97, True), key(97, False)])
    assert queue.peek() == [key(97, True), key(97, False)]


def test_a_release_after_a_queued_release_is_lost_with_its_press() -> None:
    queue = AnimatorQueue(limit=3)
    queue.offer([key(1, True)])
    queue.forget(1)
    queue.offer([key(1, False), key(1, True), key(1, False), key(2, True)])
    assert queue.peek() == [key(1, False), key(2, True)]


def test_a_connect_is_not_lost_while_its_client_stays() -> None:
    queue = AnimatorQueue(limit=5)
    queue.offer([connect(1), *[key(n, True) for n in range(20)]])
    assert queue.peek()[0] == connect(1)
    assert len(queue) == 6


def test_many_connects_leave_room_for_input() -> None:
    queue = AnimatorQueue(limit=5)
    queue.offer([*map(connect, range(20)), key(97, True)])
    assert len(queue) == 21


def test_who_comes_and_leaves_unread_is_lost_whole() -> None:
    queue = AnimatorQueue(limit=12)
    queue.offer([connect(1), key(97, True), key(98, True)])
    for client in range(2, 50):
        queue.offer([connect(client), KeyEvent(client, 0.0, 97, True)])
        queue.offer([KeyEvent(client, 0.0, 97, False), DisconnectEvent(client, 0.0)])
    assert len(queue) <= 12
    assert queue.peek()[:3] == [connect(1), key(97, True), key(98, True)]
    rest = [event.name for event in queue.peek()[3:]]
    assert rest.count("connect") == rest.count("disconnect") > 0


def test_one_viewers_texts_cost_nobody_elses() -> None:
    queue = AnimatorQueue(limit_text=10)
    queue.offer([ClipboardEvent(2, 0.0, "xx"), *[ClipboardEvent(1, 0.0, f"{n:6}") for n in range(3)]])
    assert queue.peek() == [ClipboardEvent(2, 0.0, "xx"), ClipboardEvent(1, 0.0, "     2")]


def test_a_large_text_goes_alone_into_its_batch() -> None:
    queue = AnimatorQueue()
    large = ClipboardEvent(1, 0.0, "é" * (BATCH_TEXT + 1))
    half = ClipboardEvent(1, 0.0, "x" * (BATCH_TEXT // 2))
    queue.offer([key(1, True), large, large, half, half, half])
    batches = []
    while len(queue):
        batches.append(queue.peek())
        queue.forget(len(batches[-1]))
    assert batches == [[key(1, True)], [large], [large], [half, half], [half]]


def test_a_flood_is_not_searched_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counting(event: Event) -> tuple:
        nonlocal looks
        looks += 1
        return thing_of(event)

    thing_of = animator_queue._thing
    monkeypatch.setattr(animator_queue, "_thing", counting)
    queue = AnimatorQueue()
    queue.offer([key(n, True) for n in range(2000)])
    assert looks < 2000 * 10


def connect(client: int) -> ConnectEvent:
    return ConnectEvent(client, 0.0, False, "here")


_INPUTS = st.tuples(
    st.integers(1, 3),
    st.one_of(
        st.builds(lambda x, mask: ("pointer", x, mask), st.integers(0, 2), st.integers(0, 15)),
        st.builds(lambda keysym, down: ("key", keysym, down), st.integers(0, 3), st.booleans()),
        st.just(("gone", 0, 0)),
    ),
    st.booleans(),
)


@given(st.lists(_INPUTS, max_size=80))
def test_the_animator_is_told_a_consistent_story(steps: list) -> None:
    """Nothing goes up that is not down, nobody acts before connect or after disconnect, nothing hangs."""
    queue, translator, story = AnimatorQueue(limit=6), Translator(), Story()
    present: dict[int, int] = {}
    for number, (seat, (what, first, second), reads) in enumerate(steps):
        if seat not in present:
            present[seat] = number
            queue.offer(translator.translate(ClientJoined(number, 0.0, False, "", 0)))
        client = present[seat]
        if what == "gone":
            queue.offer(translator.translate(ClientGone(client, 0.0)))
            del present[seat]
        elif what == "key":
            queue.offer(translator.translate(KeyInput(client, 0.0, second, first)))
        else:
            queue.offer(translator.translate(PointerInput(client, 0.0, second, first, 0)))
        if reads:
            story.read(queue)
    for client in present.values():
        queue.offer(translator.translate(ClientGone(client, 0.0)))
    story.read(queue)
    assert not story.down and not story.present


class Story:
    """What the animator believes."""

    def __init__(self) -> None:
        self.down: set[tuple] = set()
        self.present: set[int] = set()

    def read(self, queue: AnimatorQueue) -> None:
        events = queue.peek()
        queue.forget(len(events))
        assert len(queue) == 0
        for event in events:
            if isinstance(event, ConnectEvent):
                self.present.add(event.client)
                continue
            assert event.client in self.present
            if isinstance(event, DisconnectEvent):
                assert not [one for one in self.down if one[0] == event.client]
                self.present.discard(event.client)
            elif isinstance(event, KeyEvent | ClickEvent):
                what = (event.client, *thing(event))
                assert event.down or what in self.down
                (self.down.add if event.down else self.down.discard)(what)


_EVENTS = st.one_of(
    st.builds(move, st.integers(0, 3)),
    st.builds(key, st.integers(0, 3), st.booleans()),
    st.builds(lambda button, down: ClickEvent(1, 0.0, 0, 0, button, down), st.integers(0, 2), st.booleans()),
    st.just(ScrollEvent(1, 0.0, 0, 0, 0, 1)),
)


@given(st.lists(st.tuples(_EVENTS, st.booleans()), max_size=60))
def test_nothing_ever_hangs_and_memory_is_bounded(steps: list[tuple[Event, bool]]) -> None:
    """The animator's idea of what is down ends as the viewers' idea, wherever it reads."""
    queue = AnimatorQueue(limit=5)
    down: set[tuple[str, int]] = set()
    told: set[tuple[str, int]] = set()

    def read() -> None:
        for event in queue.peek():
            note(told, event)
        queue.forget(len(queue))

    for event, reads in steps:
        if isinstance(event, KeyEvent | ClickEvent) and not event.down and thing(event) not in down:
            continue
        note(down, event)
        queue.offer([event])
        assert len(queue) <= 5 + 7
        if reads:
            read()
    read()
    assert told <= down


def thing(event: KeyEvent | ClickEvent) -> tuple[str, int]:
    return (event.name, event.key if isinstance(event, KeyEvent) else event.button)


def note(state: set[tuple[str, int]], event: Event) -> None:
    if isinstance(event, KeyEvent | ClickEvent):
        (state.add if event.down else state.discard)(thing(event))
