"""The events that an animator has not read yet: bounded, whatever the viewers do.

Owns: the rule of what is lost when an animator does not read. The client with the most unread events loses
one, so that nobody's flood costs another's events: its oldest motion, else its oldest press (a key or button
down, a scroll, a clipboard text), and with it the release that belongs to it, queued or still to come. What
the animator was told is down is always released, so that nothing ever hangs. A connect is not lost while
its client stays; all clients that came and left unread count as one, and are lost whole, the oldest first.
Every lost event is counted. Pure: no clock, no socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

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
ANIMATOR_TEXT = 64 << 20
"""Characters and bytes of unread clipboards."""
BATCH_TEXT = 1 << 20
"""So many characters and bytes of clipboards at most go into one batch, and a larger one alone."""

_Thing = tuple[str, int, int]


@dataclass(slots=True)
class _Unread:
    """What can be lost of one client, by serial number, the oldest first."""

    motions: deque[int] = field(default_factory=deque)
    presses: deque[int] = field(default_factory=deque)
    text: int = 0

    def __len__(self) -> int:
        return len(self.motions) + len(self.presses)


class AnimatorQueue:
    """At most `limit` unread events, not counting the connects of clients that are there; releases of what
    the animator was told is down are kept beyond it.
    """

    def __init__(self, limit: int = ANIMATOR_EVENTS, limit_text: int = ANIMATOR_TEXT) -> None:
        self._limit = limit
        self._limit_text = limit_text
        self._text = 0
        self._serial = 0
        self._events: dict[int, Event] = {}
        self._unread: dict[int, _Unread] = {}
        self._things: dict[_Thing, deque[int]] = {}
        self._arrived: set[int] = set()
        """Clients that are there and whose connect is unread."""
        self._visits: dict[int, None] = {}
        """Clients whose connect and disconnect are both unread."""
        self._told_down: set[_Thing] = set()
        self._lost_down: set[_Thing] = set()
        """What was pressed, lost, and not released yet."""
        self.dropped = 0
        """How many events were lost so far."""

    def __len__(self) -> int:
        return len(self._events)

    def offer(self, events: Iterable[Event]) -> None:
        """Take events; what is too much by then is dropped and counted."""
        for event in events:
            thing, down = _thing(event)
            if thing in self._lost_down:
                self._lost_down.discard(thing)
                if not down:
                    self.dropped += 1
                    continue
            self._append(event, thing)
            while self._text > self._limit_text:
                self._drop_text()
            if len(self._events) - len(self._arrived) > self._limit:
                self._drop_one()

    def peek(self) -> list[Event]:
        """Return the oldest events, as many as go into one batch; `forget` them when they are delivered."""
        batch: list[Event] = []
        text = 0
        for event in self._events.values():
            text += _text(event)
            if batch and text > BATCH_TEXT:
                break
            batch.append(event)
            if text > BATCH_TEXT:
                break
        return batch

    def forget(self, count: int) -> None:
        """Forget the oldest `count` events: the animator has them."""
        for _ in range(count):
            event = self._remove(next(iter(self._events)))
            thing, down = _thing(event)
            if thing and down:
                self._told_down.add(thing)
            elif thing:
                self._told_down.discard(thing)
            if isinstance(event, ConnectEvent):
                self._arrived.discard(event.client)
                self._visits.pop(event.client, None)

    def _append(self, event: Event, thing: _Thing | None) -> None:
        self._serial += 1
        self._events[self._serial] = event
        if thing:
            self._things.setdefault(thing, deque()).append(self._serial)
        if isinstance(event, ConnectEvent):
            self._arrived.add(event.client)
        elif isinstance(event, DisconnectEvent) and event.client in self._arrived:
            self._arrived.remove(event.client)
            self._visits[event.client] = None
        if _can_be_lost(event):
            unread = self._unread.setdefault(event.client, _Unread())
            (unread.motions if isinstance(event, MoveEvent) else unread.presses).append(self._serial)
            unread.text += _text(event)
            self._text += _text(event)

    def _remove(self, serial: int) -> Event:
        """Take an event out, from wherever it is noted; it is near the front everywhere."""
        event = self._events.pop(serial)
        thing, _down = _thing(event)
        if thing:
            self._things[thing].remove(serial)
            if not self._things[thing]:
                del self._things[thing]
        if _can_be_lost(event):
            unread = self._unread[event.client]
            (unread.motions if isinstance(event, MoveEvent) else unread.presses).remove(serial)
            unread.text -= _text(event)
            self._text -= _text(event)
            if not unread:
                del self._unread[event.client]
        return event

    def _drop(self, serial: int) -> None:
        self._remove(serial)
        self.dropped += 1

    def _drop_one(self) -> None:
        """Take from the client with the most unread events, or from those that came and left unread."""
        worst = max(self._unread.values(), key=len, default=None)
        if self._visits and (worst is None or 2 * len(self._visits) >= len(worst)):
            self._drop_visit(next(iter(self._visits)))
        elif worst is not None and worst.motions:
            self._drop(worst.motions[0])
        elif worst is not None:
            self._drop_press(worst.presses[0])

    def _drop_press(self, serial: int) -> None:
        """Drop a client's oldest press, and the release that the animator could make nothing of."""
        thing, _down = _thing(self._events[serial])
        if thing is None:
            self._drop(serial)
            return
        was_down = thing in self._told_down and self._things[thing][0] == serial
        later = next((one for one in self._things[thing] if one > serial), None)
        self._drop(serial)
        if was_down:
            return
        if later is None:
            self._lost_down.add(thing)
        elif not _thing(self._events[later])[1]:
            self._drop(later)

    def _drop_visit(self, client: int) -> None:
        """Drop all of a client that is gone and of which the animator has not heard."""
        del self._visits[client]
        for serial in [serial for serial, event in self._events.items() if event.client == client]:
            self._drop(serial)

    def _drop_text(self) -> None:
        """Drop the oldest text of the client with the most of it."""
        worst = max(self._unread.values(), key=lambda unread: unread.text)
        self._drop(next(one for one in worst.presses if _text(self._events[one])))


def _thing(event: Event) -> tuple[_Thing | None, bool]:
    """Return what goes down or up by the event, and whether it goes down."""
    match event:
        case KeyEvent():
            return ("key", event.client, event.key), event.down
        case ClickEvent():
            return ("button", event.client, event.button), event.down
        case ConnectEvent():
            return ("client", event.client, 0), True
        case DisconnectEvent():
            return ("client", event.client, 0), False
        case _:
            return None, False


def _can_be_lost(event: Event) -> bool:
    if isinstance(event, KeyEvent | ClickEvent):
        return event.down
    return not isinstance(event, ConnectEvent | DisconnectEvent)


def _text(event: Event) -> int:
    if not isinstance(event, ClipboardEvent):
        return 0
    return len(event.text or "") + len(event.rtf or b"") + len(event.html or "")
