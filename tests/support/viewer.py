"""A strict RFB client without I/O, written from the specification alone: it shares no line with mpvnc.

Feed it what the socket gives, send what it has to send. It decodes every update into `framebuffer` (client
pixel values, shape (height, width)) and raises ProtocolViolation at the first byte that the specification
does not allow there. After an exception the viewer is finished.
Sources: RFC 6143; rfbproto.rst of the RFB community.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from tests.support.decoders.base import DecoderState, Rect
from tests.support.errors import MisuseError, ProtocolViolation
from tests.support.events import (
    AlphaCursor,
    Bell,
    CursorShape,
    CutText,
    EndOfContinuousUpdates,
    Event,
    ExtendedCutText,
    FenceRequest,
    FenceResponse,
    PointerMoved,
    Ready,
    Resized,
    Screen,
    TwoColourCursor,
)
from tests.support.handshake import HandshakeChoices, ServerInit, handshake
from tests.support.ledger import BLOCK_BEFORE, FENCE, FENCE_FLAGS, FENCE_REQUEST, SYNC_NEXT, Ledger
from tests.support.pixelformat import Image, PixelFormat
from tests.support.updates import update
from tests.support.wire import Feeder, Parser

MAX_CUT_TEXT_BYTES = 64 << 20
MAX_FENCE_BYTES = 64
EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)


class Viewer:
    """One connection. Public attributes may be read at any time after Ready."""

    def __init__(self, choices: HandshakeChoices | None = None):
        self.ledger = Ledger()
        self.server: ServerInit | None = None
        self.width = self.height = 0
        self.name = ""
        self.cursor: CursorShape | None = None
        self.x_cursor: TwoColourCursor | None = None
        self.alpha_cursor: AlphaCursor | None = None
        self.pointer: PointerMoved | None = None
        """Where the server said that the pointer is."""
        self.screens: tuple[Screen, ...] = ()
        self.resizes: list[Resized] = []
        self.cut_texts: list[str] = []
        self.clipboard_messages: list[ExtendedCutText] = []
        self.bells = 0
        self.updates = 0
        self.fence_responses: list[FenceResponse] = []
        self.answers_fences = True
        """Set it to False to hold answers back; `release_fences` sends them."""
        self._held_fences: list[FenceRequest] = []
        self._outgoing = bytearray()
        self._events: list[Event] = []
        self._feeder: Feeder[None] = Feeder(self._session(choices or HandshakeChoices()))

    # what arrives

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes of the server; return what they completed. Raises: ProtocolViolation, Refused."""
        self._feeder.feed(data)
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """Return and forget the bytes that are to be sent."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    @property
    def ready(self) -> bool:
        """Whether ServerInit has arrived."""
        return self.server is not None

    @property
    def bytes_consumed(self) -> int:
        """Bytes parsed since the beginning."""
        return self._feeder.consumed

    @property
    def partial_bytes(self) -> int:
        """Bytes that wait for the rest of their field."""
        return self._feeder.buffered

    @property
    def format(self) -> PixelFormat:
        """The pixel format that holds for what arrives now."""
        return self.decoding.format

    @property
    def framebuffer(self) -> Image:
        """Client pixel values, (height, width); the viewer's own memory."""
        return self.decoding.framebuffer

    def rgb(self) -> Image:
        """Return the framebuffer as 0x00RRGGBB, a copy."""
        return self.format.to_rgb(self.framebuffer)

    def emit(self, event: Event) -> None:
        """Report an event with the next return of `feed`."""
        self._events.append(event)

    def resized(self, size: Resized) -> None:
        """Apply a change of size: what both sizes have in common is kept, the rest is 0."""
        if size.status is not None:
            self.ledger.resizable = True
        if not size.status:
            self.screens = size.screens
            if (size.width, size.height) != (self.width, self.height):
                self._set_size(size.width, size.height)
        self.resizes.append(size)
        self.emit(size)

    # what is sent

    def set_pixel_format(self, fmt: PixelFormat) -> None:
        """Change the format: at once if no update can be on its way, else behind a SyncNext fence.

        The framebuffer is converted; request it anew for exact values. Raises: MisuseError if updates may be
        on their way and the server knows no fences.
        """
        if self.ledger.idle:
            self._change_format(fmt)
        else:
            payload = self.ledger.fence(new_format=fmt)
            self._send_fence(FENCE_REQUEST | BLOCK_BEFORE | SYNC_NEXT, payload)
        self._outgoing += b"\0\0\0\0" + fmt.to_bytes()

    def set_encodings(self, encodings: Iterable[int]) -> None:
        """Replace the list of encodings."""
        encodings = tuple(encodings)
        self.ledger.list_encodings(encodings)
        self._outgoing += struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)

    def request(self, incremental: bool = True, rect: tuple[int, int, int, int] | None = None) -> None:
        """Request an update of a rectangle, of everything if None."""
        area = Rect(*(rect or (0, 0, self.width, self.height)))
        self.ledger.request(incremental, area)
        self._outgoing += struct.pack(">BB4H", 3, incremental, *area)

    def send_key(self, down: bool, keysym: int) -> None:
        """Press or release a key."""
        self._outgoing += struct.pack(">BBxxI", 4, down, keysym)

    def send_pointer(self, mask: int, x: int, y: int) -> None:
        """Place the pointer; bit 0 of the mask is the left button."""
        self._outgoing += struct.pack(">BBHH", 5, mask, x, y)

    def cut_text(self, text: str) -> None:
        """Send the clipboard. Raises: UnicodeEncodeError if it is not Latin-1."""
        data = text.encode("latin-1")
        self._outgoing += struct.pack(">BxxxI", 6, len(data)) + data

    def send_clipboard(self, flags: int, body: bytes = b"") -> None:
        """Send a message of the extended clipboard. Raises: MisuseError if it was not negotiated."""
        if not self.clipboard_messages:
            raise MisuseError("the server has not shown that it knows the extended clipboard")
        self._outgoing += struct.pack(">BxxxiI", 6, -4 - len(body), flags) + body

    def send_fence(self, flags: int = BLOCK_BEFORE, payload: bytes | None = None) -> bytes:
        """Send a fence request; return the payload that its answer will have."""
        payload = self.ledger.fence(payload)
        self._send_fence(FENCE_REQUEST | flags, payload)
        return payload

    def release_fences(self) -> None:
        """Answer the fences that were held back."""
        for request in self._held_fences:
            self._send_fence(request.flags & FENCE_FLAGS, request.payload)
        self._held_fences.clear()

    def enable_continuous_updates(self, enable: bool, rect: tuple[int, int, int, int] | None = None) -> None:
        """Switch continuous updates of a rectangle, of everything if None."""
        self.ledger.enable_continuous_updates(enable)
        self._outgoing += struct.pack(">BB4H", 150, enable, *(rect or (0, 0, self.width, self.height)))

    def set_desktop_size(self, width: int, height: int, screens: Iterable[Screen] | None = None) -> None:
        """Request another size; without screens one screen covers it, with the id of the first known one."""
        if not self.ledger.resizable:
            raise MisuseError("no ExtendedDesktopSize has arrived")
        if screens is None:
            screens = [Screen(self.screens[0].id if self.screens else 0, 0, 0, width, height, 0)]
        packed = [struct.pack(">IHHHHI", *screen) for screen in screens]
        self._outgoing += struct.pack(">BxHHBx", 251, width, height, len(packed)) + b"".join(packed)

    # the parsers

    def _session(self, choices: HandshakeChoices) -> Parser[None]:
        server = yield from handshake(choices, self._outgoing.extend)
        self.decoding = DecoderState(server.format, np.zeros((0, 0), np.uint32))
        self._set_size(server.width, server.height)
        self.name = server.name
        self.server = server
        self.emit(Ready(server))
        while True:
            (kind,) = yield 1
            yield from self._message(kind)

    def _message(self, kind: int) -> Parser[None]:
        if kind == 0:
            applied = yield from update(self)
            self.updates += 1
            self.emit(applied)
        elif kind == 2:
            self.bells += 1
            self.emit(Bell())
        elif kind == 3:
            yield from self._cut_text()
        elif kind == 150:
            self.ledger.end_of_continuous_updates()
            self.emit(EndOfContinuousUpdates())
        elif kind == 248:
            yield from self._fence()
        else:
            raise ProtocolViolation(f"message type {kind} was not negotiated")

    def _cut_text(self) -> Parser[None]:
        (length,) = struct.unpack(">xxxi", (yield 7))
        if abs(length) > MAX_CUT_TEXT_BYTES:
            raise ProtocolViolation(f"a cut text of {length} bytes")
        if length < 0:
            yield from self._clipboard_message(-length)
            return
        text = (yield length).decode("latin-1")
        self.cut_texts.append(text)
        self.emit(CutText(text))

    def _clipboard_message(self, length: int) -> Parser[None]:
        if EXTENDED_CLIPBOARD not in self.ledger.ever_listed:
            raise ProtocolViolation("an extended clipboard message to a client that listed none")
        if length < 4:
            raise ProtocolViolation(f"an extended clipboard message of {length} bytes")
        data = yield length
        message = ExtendedCutText(int.from_bytes(data[:4], "big"), data[4:])
        self.clipboard_messages.append(message)
        self.emit(message)

    def _fence(self) -> Parser[None]:
        flags, length = struct.unpack(">xxxIB", (yield 8))
        if FENCE not in self.ledger.ever_listed:
            raise ProtocolViolation("a fence to a client that listed none")
        if length > MAX_FENCE_BYTES:
            raise ProtocolViolation(f"a fence with {length} bytes")
        payload = yield length
        self.ledger.fence_known = True
        if flags & FENCE_REQUEST:
            request = FenceRequest(flags, payload)
            self._held_fences.append(request)
            self.emit(request)
            if self.answers_fences:
                self.release_fences()
            return
        new_format = self.ledger.fence_answered(flags, payload)
        if new_format is not None:
            self._change_format(new_format)
        self.fence_responses.append(FenceResponse(flags, payload))
        self.emit(self.fence_responses[-1])

    # state

    def _send_fence(self, flags: int, payload: bytes) -> None:
        self._outgoing += struct.pack(">BxxxIB", 248, flags, len(payload)) + payload

    def _set_size(self, width: int, height: int) -> None:
        if width == 0 or height == 0:
            raise ProtocolViolation(f"a framebuffer of {width}x{height}")
        old = self.decoding.framebuffer
        new = np.zeros((height, width), np.uint32)
        rows, columns = min(height, old.shape[0]), min(width, old.shape[1])
        new[:rows, :columns] = old[:rows, :columns]
        self.decoding.framebuffer = new
        self.width, self.height = width, height

    def _change_format(self, fmt: PixelFormat) -> None:
        values = fmt.from_rgb(self.format.to_rgb(self.framebuffer))
        self.decoding.format, self.decoding.framebuffer = fmt, values
