from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mpvnc.session.animator_events import ClickEvent, ClipboardEvent, Event, KeyEvent, MoveEvent, ScrollEvent
from mpvnc.session.animator_queue import AnimatorQueue


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
