"""The events that an animator has not read yet: bounded, whatever the viewers do.

Owns: the rule of what is lost when an animator does not read. The oldest motions go first. When there is
none left, the oldest press goes (a key or button down, a connect, a scroll, a clipboard text), and with it
the release that belongs to it; the release of something that the animator was told is down is always kept,
so that nothing ever hangs. Every lost event is counted. Pure: no clock, no socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from mpvnc.session.animator_events import (
    ClickEvent,
    ClipboardEvent,
    ConnectEvent,
    DisconnectEvent,
    Event,
    KeyEvent,
    MoveEvent,
)

ANIMATOR_EVENTS = 500
ANIMATOR_TEXT_BYTES = 32 << 20

_Thing = tuple[str, int, int]


class AnimatorQueue:
    """At most `limit` unread events, and the releases that are owed."""

    def __init__(self, limit: int = ANIMATOR_EVENTS, limit_text: int = ANIMATOR_TEXT_BYTES) -> None:
        self._events: deque[Event] = deque()
        self._limit = limit
        self._limit_text = limit_text
        self._text = 0
        self._told_down: set[_Thing] = set()
        self.dropped = 0
        """How many events were lost so far."""

    def __len__(self) -> int:
        return len(self._events)

    def offer(self, events: Iterable[Event]) -> None:
        """Take events; what is too much by then is dropped and counted."""
        for event in events:
            self._events.append(event)
            self._text += _text(event)
            while self._text > self._limit_text and self._drop_first(ClipboardEvent):
                pass
            if len(self._events) > self._limit and not self._drop_first(MoveEvent):
                self._drop_press()

    def peek(self) -> list[Event]:
        """Return all events, the oldest first; `forget` them when they are delivered."""
        return list(self._events)

    def forget(self, count: int) -> None:
        """Forget the oldest `count` events: the animator has them."""
        for _ in range(count):
            event = self._events.popleft()
            self._text -= _text(event)
            thing, down = _thing(event)
            if thing and down:
                self._told_down.add(thing)
            elif thing:
                self._told_down.discard(thing)

    def _drop_first(self, kind: type[Event]) -> bool:
        for index, event in enumerate(self._events):
            if isinstance(event, kind):
                self._drop(index)
                return True
        return False

    def _drop_press(self) -> None:
        for index, event in enumerate(self._events):
            thing, down = _thing(event)
            if down:
                self._drop(index)
                if thing and thing not in self._told_down:
                    self._drop_orphan(thing, index)
                return

    def _drop_orphan(self, thing: _Thing, start: int) -> None:
        for index in range(start, len(self._events)):
            other, down = _thing(self._events[index])
            if other == thing:
                if not down:
                    self._drop(index)
                return

    def _drop(self, index: int) -> None:
        self._text -= _text(self._events[index])
        del self._events[index]
        self.dropped += 1


def _thing(event: Event) -> tuple[_Thing | None, bool]:
    """Return what goes down or up by the event, and whether it goes down (or may be lost like a press)."""
    match event:
        case KeyEvent():
            return ("key", event.client, event.key), event.down
        case ClickEvent():
            return ("button", event.client, event.button), event.down
        case ConnectEvent():
            return ("client", event.client, 0), True
        case DisconnectEvent():
            return ("client", event.client, 0), False
        case MoveEvent():
            return None, False
        case _:
            return None, True


def _text(event: Event) -> int:
    return len(event.text) if isinstance(event, ClipboardEvent) else 0
