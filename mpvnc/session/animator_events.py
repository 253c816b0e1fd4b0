"""What an animator gets to see of its viewers: the event classes, and how input becomes them.

Owns: the public events (`mpvnc.publisher.events` hands them on), their bytes, and `Translator`, which keeps
the pointer and the held keys of every client apart. Pure: no queue, no socket, no clock.

Of one pointer message the move comes first, then clicks in ascending order of buttons, then scrolls in the
order up, down, left, right. Wheel buttons (bits 3 to 6) are scrolls on the press edge and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from mpvnc.errors import ControlError
from mpvnc.session.input import (
    ClientGone,
    ClientJoined,
    ClipboardInput,
    InputEvent,
    KeyInput,
    PointerInput,
    ResizeInput,
)

WHEEL_MASK = 0x78
CLICK_BITS = (0, 1, 2, 7, 8)
SCROLL_BITS = ((3, 0, 1), (4, 0, -1), (5, -1, 0), (6, 1, 0))
HELD_KEYS = 256
"""A client cannot hold more keys than this; further presses are ignored."""


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key went down or up; `key` is an X11 keysym. Auto-repeat is several downs."""

    name: ClassVar[str] = "key"
    client: int
    time: float
    key: int
    down: bool


@dataclass(frozen=True, slots=True)
class MoveEvent:
    """The pointer moved to x, y; `buttons` as they are after the message, without the wheel."""

    name: ClassVar[str] = "move"
    client: int
    time: float
    x: int
    y: int
    buttons: int


@dataclass(frozen=True, slots=True)
class ClickEvent:
    """A button changed: 0 left, 1 middle, 2 right, 7 and 8 the eighth and ninth."""

    name: ClassVar[str] = "click"
    client: int
    time: float
    x: int
    y: int
    button: int
    down: bool


@dataclass(frozen=True, slots=True)
class ScrollEvent:
    """One step of the wheel: up is dy 1, down dy -1, left dx -1, right dx 1."""

    name: ClassVar[str] = "scroll"
    client: int
    time: float
    x: int
    y: int
    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class ClipboardEvent:
    """A viewer's clipboard has something new, in some of the formats (None: not in that one); a text may be empty."""

    name: ClassVar[str] = "clipboard"
    client: int
    time: float
    text: str | None
    rtf: bytes | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class ResizeEvent:
    """A viewer asks for another size, 1 to 32767 pixels; `change_surface` grants it, nothing has to."""

    name: ClassVar[str] = "resize"
    client: int
    time: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ConnectEvent:
    """A viewer is authenticated and sees the surface."""

    name: ClassVar[str] = "connect"
    client: int
    time: float
    view_only: bool
    address: str


@dataclass(frozen=True, slots=True)
class DisconnectEvent:
    """A viewer left; what it held has been released by the events before."""

    name: ClassVar[str] = "disconnect"
    client: int
    time: float


Event = (
    KeyEvent
    | MoveEvent
    | ClickEvent
    | ScrollEvent
    | ClipboardEvent
    | ResizeEvent
    | ConnectEvent
    | DisconnectEvent
)

_CLASSES: dict[str, type[Event]] = {
    kind.name: kind
    for kind in (
        KeyEvent, MoveEvent, ClickEvent, ScrollEvent, ClipboardEvent, ResizeEvent, ConnectEvent,
        DisconnectEvent,
    )
}  # fmt: skip
_FIELDS = {kind: tuple(one.name for one in fields(kind)) for kind in _CLASSES.values()}


def pack_events(events: Iterable[Event], dropped: int) -> bytes:
    """Return a batch as JSON: how many events were lost so far, then a [name, field, ...] for each event."""
    rows = [[event.name, *(getattr(event, name) for name in _FIELDS[type(event)])] for event in events]
    text = json.dumps([dropped, *rows], separators=(",", ":"), ensure_ascii=False, default=_text_of_bytes)
    return text.encode("utf-8", "replace")


def unpack_events(data: bytes) -> tuple[list[Event], int]:
    """Return (events, lost so far) of `pack_events`. Raises: ControlError if `data` is anything else."""
    try:
        dropped, *rows = json.loads(data)
        return [_event(*row) for row in rows], int(dropped)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ControlError(f"animator events {data[:64]!r}: {error}") from error


def _text_of_bytes(data: object) -> str:
    """Return the one thing in an event that JSON does not have, RTF, as text: it is nearly all ASCII."""
    if not isinstance(data, bytes):
        raise TypeError(f"{type(data).__name__} in an event")
    return data.decode("latin-1")


def _event(name: str, *values: Any) -> Event:
    if name != ClipboardEvent.name:
        return _CLASSES[name](*values)
    client, time, text, rtf, html = values
    return ClipboardEvent(client, time, text, None if rtf is None else rtf.encode("latin-1"), html)


@dataclass(slots=True)
class _Client:
    slot: int | None = None
    x: int = -1
    y: int = -1
    mask: int = 0
    keys: dict[int, None] = field(default_factory=dict)


class Translator:
    """Turns the input of all clients into an animator's events, each client with its own pointer and keys."""

    def __init__(self) -> None:
        self._clients: dict[int, _Client] = {}

    def translate(self, event: InputEvent) -> list[Event]:
        """Return what the animator is told, in order; nothing for what changes nothing."""
        match event:
            case PointerInput():
                return list(self._pointer(event))
            case KeyInput():
                return self._key(event)
            case ClipboardInput(client, time, clipboard):
                return [ClipboardEvent(client, time, clipboard.text, clipboard.rtf, clipboard.html)]
            case ResizeInput(client, time, width, height):
                return [ResizeEvent(client, time, width, height)]
            case ClientJoined(client, time, view_only, address, slot):
                self._client(client).slot = slot
                return [ConnectEvent(client, time, view_only, address)]
            case ClientGone(client, time):
                return self.gone(client, time)

    def gone(self, client: int, time: float) -> list[Event]:
        """Return the releases of what `client` holds, and its disconnect; nothing for an unknown client."""
        state = self._clients.pop(client, None)
        if state is None:
            return []
        return [*_releases(client, state, time), DisconnectEvent(client, time)]

    def release_all(self, time: float) -> list[Event]:
        """Return the releases of what all clients hold; they stay connected."""
        events = []
        for client, state in self._clients.items():
            events += _releases(client, state, time)
            state.keys, state.mask = {}, 0
        return events

    def clients_of(self, slot: int) -> list[int]:
        """Return who is known to have been with the worker in `slot`."""
        return [client for client, state in self._clients.items() if state.slot == slot]

    def _client(self, client: int) -> _Client:
        return self._clients.setdefault(client, _Client())

    def _key(self, event: KeyInput) -> list[Event]:
        keys = self._client(event.client).keys
        if event.down:
            if event.keysym not in keys and len(keys) >= HELD_KEYS:
                return []
            keys[event.keysym] = None
        elif event.keysym in keys:
            del keys[event.keysym]
        else:
            return []
        return [KeyEvent(event.client, event.time, event.keysym, event.down)]

    def _pointer(self, event: PointerInput) -> Iterator[Event]:
        state = self._client(event.client)
        client, time, mask, x, y = event.client, event.time, event.button_mask, event.x, event.y
        changed, state.mask = state.mask ^ mask, mask
        if (state.x, state.y) != (x, y):
            state.x, state.y = x, y
            yield MoveEvent(client, time, x, y, mask & ~WHEEL_MASK)
        for bit in CLICK_BITS:
            if changed >> bit & 1:
                yield ClickEvent(client, time, x, y, bit, bool(mask >> bit & 1))
        for bit, dx, dy in SCROLL_BITS:
            if changed & mask & 1 << bit:
                yield ScrollEvent(client, time, x, y, dx, dy)


def _releases(client: int, state: _Client, time: float) -> list[Event]:
    keys = [KeyEvent(client, time, key, False) for key in state.keys]
    bits = [bit for bit in CLICK_BITS if state.mask >> bit & 1]
    return [*keys, *(ClickEvent(client, time, state.x, state.y, bit, False) for bit in bits)]
