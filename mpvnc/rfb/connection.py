"""One client's RFB conversation without I/O: bytes in, events out; the handshake's bytes to send.

The caller owns the socket and the clock:

- What `receive_data` returns is in the client's order, and the same however the bytes were cut.
- After every call, `data_to_send` is to be written, also after an exception: it may hold the reason.
- When `state` is CLOSED and that is written, the socket is to be closed. This can come without an exception:
  after `refuse`, or if the settings leave no security type to offer.
- The events are the truth of the moment: a client need not wait for an answer, so messages may follow
  `ClientInit` in one list. They are to be handled in turn, ServerInit first.

Not here: what the messages mean, and what a server sends after ServerInit (`writers` has the bytes).
"""

from __future__ import annotations

from collections.abc import Callable

from mpvnc.constants import VERSION_BYTES
from mpvnc.errors import ProtocolError
from mpvnc.pixels import PixelFormat
from mpvnc.rfb import writers
from mpvnc.rfb.buffer import NeedMoreData, ReceiveBuffer
from mpvnc.rfb.events import Authenticated, ClientInit, Event, Version, WrongPassword
from mpvnc.rfb.handshake import BANNER, HandshakeSettings, offered_exchanges, parse_version
from mpvnc.rfb.messages import parse_message, skip_client_cut_text
from mpvnc.rfb.security import Access, SecurityExchange
from mpvnc.rfb.state import State, Step, advance

_SILENT = (State.FAILED, State.CLOSED)


class Connection:
    """The server's side of one connection. The banner is to be sent as soon as it exists."""

    def __init__(self, handshake: HandshakeSettings) -> None:
        self.keeps_text = True
        """Whether cut texts are wanted; if not, they are skipped as they come and take no memory."""
        self._settings = handshake
        self._state = State.PROTOCOL_VERSION
        self._version: Version | None = None
        self._exchanges = offered_exchanges(handshake)
        self._exchange: SecurityExchange | None = None
        self._refusal: str | None = None
        self._is_initialised = False
        self._buffer = ReceiveBuffer()
        self._outgoing = bytearray(BANNER)
        self._events: list[Event] = []
        self._readers: dict[State, Callable[[], None]] = {
            State.PROTOCOL_VERSION: self._read_version,
            State.SECURITY: self._read_choice,
            State.AUTHENTICATION: self._read_answer,
            State.CLIENT_INIT: self._read_client_init,
            State.NORMAL: self._read_message,
        }

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    @property
    def version(self) -> Version | None:
        """The version spoken, (3, 3), (3, 7) or (3, 8); None before the client has named its own."""
        return self._version

    @property
    def has_partial_message(self) -> bool:
        """Whether something was begun by the client and not ended: the time for it is running."""
        return len(self._buffer) > 0 or self._buffer.is_skipping

    @property
    def events_before_error(self) -> tuple[Event, ...]:
        """What the call of `receive_data` that raised had understood before it met the error."""
        return tuple(self._events)

    def receive_data(self, data: bytes) -> list[Event]:
        """Take what the client sent, cut anywhere, and return what it said.

        Raises: ProtocolError, and nothing else; the connection is then closed. What was said before the error
        in the same data is in `events_before_error`.
        """
        self._events = []
        if self._state in _SILENT:
            return []
        self._buffer.append(data)
        try:
            self._read_all()
        except ProtocolError:
            self.close()
            raise
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, once."""
        if not self._outgoing:
            return b""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def server_init(self, width: int, height: int, pixel_format: PixelFormat, name: str) -> None:
        """Answer ClientInit, once: the framebuffer's size and own format, and the desktop's name."""
        if self._state is not State.NORMAL or self._is_initialised:
            raise RuntimeError(f"ServerInit answers ClientInit, once; the state is {self._state.name}")
        self._is_initialised = True
        self._outgoing += writers.server_init(width, height, pixel_format, name)

    def refuse(self, reason: str) -> None:
        """End the handshake, with `reason` where the version has a place for it. The first reason counts.

        Before the client has named its version, or chosen a security type, that has to come first: then the
        refusal is spoken by the `receive_data` that reads it. Once the client is let in, RFB has no words.
        """
        if self._state is State.CLOSED or self._refusal is not None:
            return
        if self._state in (State.PROTOCOL_VERSION, State.SECURITY):
            self._refusal = reason
            return
        if self._version is not None and self._state in (State.AUTHENTICATION, State.FAILED):
            self._outgoing += writers.security_result(self._version, reason)
        self.close()

    def close(self) -> None:
        """End the conversation without a word; input is discarded from now on."""
        self._step(Step.ENDED)
        self._buffer.clear()

    def _step(self, step: Step) -> None:
        self._state = advance(self._state, step)

    def _read_all(self) -> None:
        buffer = self._buffer
        try:
            while buffer and self._state not in _SILENT:
                buffer.set_restore_point()
                self._readers[self._state]()
        except NeedMoreData:
            buffer.restore()
        if self._state in _SILENT:
            buffer.clear()
        else:
            buffer.discard_read()

    def _read_version(self) -> None:
        try:
            self._version = parse_version(self._buffer.take(VERSION_BYTES))
        except ProtocolError as error:
            self._outgoing += writers.refusal((3, 3), str(error))
            raise
        if self._refusal is not None:
            self._end_before_security(self._refusal)
        elif not self._exchanges:
            self._end_before_security("No security type is available")
        elif self._version == (3, 3):
            security_type, exchange = next(iter(self._exchanges.items()))
            self._outgoing += writers.security_type_3_3(security_type)
            self._begin(exchange)
        else:
            self._outgoing += writers.security_types(tuple(self._exchanges))
            self._step(Step.TYPES_OFFERED)

    def _read_choice(self) -> None:
        choice = self._buffer.take(1)[0]
        exchange = self._exchanges.get(choice)
        if exchange is None:
            reason = f"Security type {choice} was not offered"
            self._outgoing += writers.security_result(self._spoken_version, reason)
            raise ProtocolError(f"security type {choice} was chosen, which was not offered")
        if self._refusal is None:
            self._begin(exchange)
        else:
            self._end_during_security(exchange, self._refusal)

    def _read_answer(self) -> None:
        assert self._exchange is not None
        answer = self._buffer.take(self._exchange.answer_bytes)
        access = self._exchange.judge(answer)
        if access is Access.DENIED:
            self._events.append(WrongPassword())
            self._step(Step.ANSWERED_WRONGLY)
        else:
            self._outgoing += writers.security_result(self._spoken_version)
            self._admit(access)

    def _read_client_init(self) -> None:
        shared = self._buffer.take(1) != b"\0"
        self._events.append(ClientInit(shared))
        self._step(Step.INITIALISED)

    def _read_message(self) -> None:
        limits = self._settings.limits
        skipped = None if self.keeps_text else skip_client_cut_text(self._buffer, limits)
        self._events.append(skipped or parse_message(self._buffer, limits))

    @property
    def _spoken_version(self) -> Version:
        assert self._version is not None
        return self._version

    def _begin(self, exchange: SecurityExchange) -> None:
        if exchange.answer_bytes:
            self._exchange = exchange
            self._outgoing += exchange.question
            self._step(Step.CHALLENGED)
            return
        if self._spoken_version >= (3, 8):  # 3.3 and 3.7 have no SecurityResult after None
            self._outgoing += writers.security_result(self._spoken_version)
        self._admit(exchange.judge(b""))

    def _admit(self, access: Access) -> None:
        self._events.append(Authenticated(self._settings.view_only or access is Access.VIEW_ONLY))
        self._step(Step.ADMITTED)

    def _end_before_security(self, reason: str) -> None:
        self._outgoing += writers.refusal(self._spoken_version, reason)
        self.close()

    def _end_during_security(self, exchange: SecurityExchange, reason: str) -> None:
        # The client reads the question before the result; without one, 3.7 reads no result at all.
        if exchange.answer_bytes or self._spoken_version >= (3, 8):
            self._outgoing += exchange.question
            self._outgoing += writers.security_result(self._spoken_version, reason)
        self.close()
