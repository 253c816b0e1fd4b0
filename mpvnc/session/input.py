"""Input events of viewers: what they are, their bytes on the bus, and the queue in front of it.

Owns: the event classes, `pack` and `unpack`, and `InputQueue`, in which a worker keeps what the bus does not
take. It sends nothing and reads no clock.

The laws: motion may be merged, keys and buttons never; the order of a client's events is kept; every event
carries its client and a wall-clock time (RFC 6143 sections 7.5.4 to 7.5.6 are what clients send).

On the bus an event is one message, little-endian: client u64, time f64 (seconds since 1970), kind u8, number of
the surface that the client looks at u32 (0: the screen of a capture process), payload.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from mpvnc.errors import ControlError
from mpvnc.session.clipboard import Clipboard

QUEUE_EVENTS = 1000
QUEUE_TEXT_BYTES = 64 << 20
"""Of clipboards, a character counting as one: one with three formats of the largest configurable limit, 20 MiB."""

_HEAD = struct.Struct("<QdBI")
_KEY = struct.Struct("<BI")
_POINTER = struct.Struct("<HHH")
_RESIZE = struct.Struct("<HH")
_JOINED = struct.Struct("<BH")


class Kind(IntEnum):
    """The kind byte of a message on the input bus."""

    KEY = 1
    POINTER = 2
    CLIPBOARD = 3
    JOINED = 4
    GONE = 5
    RESIZE = 6


@dataclass(frozen=True, slots=True)
class KeyInput:
    """A key went down (or repeats) or up; `keysym` is X11's."""

    client: int
    time: float
    down: bool
    keysym: int


@dataclass(frozen=True, slots=True)
class PointerInput:
    """The pointer is at x, y with these buttons down; bit 0 is the first button."""

    client: int
    time: float
    button_mask: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class ClipboardInput:
    """The viewer's clipboard has something new."""

    client: int
    time: float
    clipboard: Clipboard


@dataclass(frozen=True, slots=True)
class ResizeInput:
    """The viewer asks for a screen of another size."""

    client: int
    time: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ClientJoined:
    """A viewer is authenticated and served by the worker in `slot`."""

    client: int
    time: float
    view_only: bool
    address: str
    slot: int = 0


@dataclass(frozen=True, slots=True)
class ClientGone:
    """A viewer left: whatever it holds is to be released."""

    client: int
    time: float


InputEvent = KeyInput | PointerInput | ClipboardInput | ResizeInput | ClientJoined | ClientGone


def pack(event: InputEvent, surface: int = 0) -> bytes:
    """Return the event as one message of the bus, for the program that draws that surface."""
    match event:
        case KeyInput():
            kind, payload = Kind.KEY, _KEY.pack(event.down, event.keysym)
        case PointerInput():
            kind, payload = Kind.POINTER, _POINTER.pack(event.button_mask, event.x, event.y)
        case ClipboardInput():
            kind, payload = Kind.CLIPBOARD, event.clipboard.pack()
        case ResizeInput():
            kind, payload = Kind.RESIZE, _RESIZE.pack(event.width, event.height)
        case ClientJoined():
            address = event.address.encode("utf-8", "replace")
            kind, payload = Kind.JOINED, _JOINED.pack(event.view_only, event.slot) + address
        case ClientGone():
            kind, payload = Kind.GONE, b""
    return _HEAD.pack(event.client, event.time, kind, surface) + payload


def unpack(message: bytes) -> InputEvent:
    """Return the event of one message.

    Raises: ControlError if the message is not one that `pack` makes.
    """
    try:
        client, time, number, _surface = _HEAD.unpack_from(message)
        return _unpack(client, time, Kind(number), message[_HEAD.size :])
    except (struct.error, ValueError) as error:
        raise ControlError(f"input message {message[:32].hex(' ')}: {error}") from error


def surface_of(message: bytes) -> int:
    """Return the number of the surface that a message is for.

    Raises: ControlError if the message is too short for one.
    """
    try:
        return int(_HEAD.unpack_from(message)[3])
    except struct.error as error:
        raise ControlError(f"input message {message[:32].hex(' ')}: {error}") from error


def _unpack(client: int, time: float, kind: Kind, payload: bytes) -> InputEvent:
    match kind:
        case Kind.KEY:
            down, keysym = _KEY.unpack(payload)
            return KeyInput(client, time, bool(down), keysym)
        case Kind.POINTER:
            return PointerInput(client, time, *_POINTER.unpack(payload))
        case Kind.CLIPBOARD:
            return ClipboardInput(client, time, Clipboard.unpack(payload))
        case Kind.RESIZE:
            return ResizeInput(client, time, *_RESIZE.unpack(payload))
        case Kind.JOINED:
            view_only, slot = _JOINED.unpack_from(payload)
            return ClientJoined(client, time, bool(view_only), payload[_JOINED.size :].decode("utf-8"), slot)
        case Kind.GONE:
            if payload:
                raise ValueError("GONE with a payload")
            return ClientGone(client, time)


class InputQueue:
    """What one client sent and the bus has not taken yet, in order; at most `limit` events.

    Every event goes through it, even if the bus takes it at once: it has to know which buttons are down.
    A motion replaces the motion at the end of the queue. A pointer event that changes a button is not a
    motion: it stays, where it happened.
    """

    def __init__(self, limit: int = QUEUE_EVENTS, limit_bytes: int = QUEUE_TEXT_BYTES) -> None:
        self._events: deque[InputEvent] = deque()
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._text_bytes = 0
        self._mask = 0
        self._ends_in_motion = False
        self.surface = 0
        """The number that its messages go by."""

    def __len__(self) -> int:
        return len(self._events)

    def offer(self, event: InputEvent) -> bool:
        """Take an event. False if the queue is full: the event is lost and the session has to be closed."""
        motion = isinstance(event, PointerInput) and event.button_mask == self._mask
        if motion and self._ends_in_motion and self._events:
            self._events[-1] = event
            return True
        text_bytes = self._text_bytes + _text_bytes(event)
        if len(self._events) >= self._limit or text_bytes > self._limit_bytes:
            return False
        self._events.append(event)
        self._text_bytes = text_bytes
        self._ends_in_motion = motion
        if isinstance(event, PointerInput):
            self._mask = event.button_mask
        return True

    def drain(self, send: Callable[[bytes], bool]) -> bool:
        """Give events to `send` as long as it returns True. True if the queue is empty afterwards."""
        while self._events:
            event = self._events[0]
            if not send(pack(event, self.surface)):
                return False
            self._events.popleft()
            self._text_bytes -= _text_bytes(event)
        return True


def _text_bytes(event: InputEvent) -> int:
    return event.clipboard.size if isinstance(event, ClipboardInput) else 0
