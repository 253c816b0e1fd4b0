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

from mpvnc.constants import VERSION_BYTES, SecurityType
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.pixels import PixelFormat
from mpvnc.rfb import writers
from mpvnc.rfb.buffer import NeedMoreData, ReceiveBuffer
from mpvnc.rfb.events import Authenticated, ClientInit, Credentials, Event, StartTls, Version, WrongPassword
from mpvnc.rfb.handshake import BANNER, parse_version
from mpvnc.rfb.messages import parse_message, skip_client_cut_text
from mpvnc.rfb.offer import HandshakeSettings, offered_exchanges, why_nothing
from mpvnc.rfb.security import Access, Ask, Encrypt, Reject, SecurityExchange, Turn, Verdict, Verify
from mpvnc.rfb.security.tight import NO_CAPABILITIES
from mpvnc.rfb.state import State, Step, advance

KEPT_BYTES = 4096
"""How much a client may send while a user is looked up."""
_SILENT = (State.FAILED, State.CLOSED)
_UNREAD = (*_SILENT, State.ENCRYPTION, State.VERDICT)


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
        self._security_type: int | None = None
        self._asked = Ask(b"", 0)
        self._has_capabilities = False
        self._refusal: str | None = None
        self._awaits_init = False
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
    def security(self) -> str:
        """The name of the security type that the client chose, or that was chosen for it; "" before."""
        return "" if self._security_type is None else SecurityType(self._security_type).name

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
        return self._heard(self._read_all)

    def encrypted(self) -> list[Event]:
        """Go on after `StartTls`: from now on everything is inside TLS. Returns and raises as `receive_data`."""
        self._events = []
        if self._state is not State.ENCRYPTION:
            return []
        assert self._exchange is not None
        self._take_turn(self._exchange.go_on(b""))
        return self._heard(self._read_all)

    def judge(self, access: Access) -> list[Event]:
        """Go on after `Credentials`. Returns and raises as `receive_data`."""
        self._events = []
        if self._state is not State.VERDICT:
            return []
        self._take_turn(Verdict(access))
        return self._heard(self._read_all)

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, once."""
        if not self._outgoing:
            return b""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def server_init(self, width: int, height: int, pixel_format: PixelFormat, name: str) -> None:
        """Answer ClientInit, once: the framebuffer's size and own format, and the desktop's name.

        Also if something behind ClientInit has ended the conversation meanwhile.
        """
        if not self._awaits_init:
            raise RuntimeError(f"ServerInit answers ClientInit, once; the state is {self._state.name}")
        self._awaits_init = False
        self._outgoing += writers.server_init(width, height, pixel_format, name)
        if self._has_capabilities:
            self._outgoing += NO_CAPABILITIES

    def refuse(self, reason: str) -> None:
        """End the handshake, with `reason` where the version has a place for it. The first reason counts.

        Until the client reads a result, it cannot be told: the refusal is then spoken by the call that comes so
        far. Once the client is let in, RFB has no words.
        """
        if self._state is State.CLOSED or self._refusal is not None:
            return
        if not self._hears_result:
            self._refusal = reason
            return
        if self._state in (State.AUTHENTICATION, State.VERDICT, State.FAILED):
            self._outgoing += writers.security_result(self._spoken_version, reason)
        self.close()

    def close(self) -> None:
        """End the conversation without a word; input is discarded from now on."""
        self._step(Step.ENDED)
        self._buffer.clear()

    def _step(self, step: Step) -> None:
        self._state = advance(self._state, step)

    @property
    def _hears_result(self) -> bool:
        """Whether a result, or the end, is what the client understands next."""
        if self._state is State.AUTHENTICATION:
            return self._asked.is_last
        return self._state not in (State.PROTOCOL_VERSION, State.SECURITY, State.ENCRYPTION)

    def _heard(self, read: Callable[[], None]) -> list[Event]:
        try:
            read()
        except ProtocolError:
            self.close()
            raise
        events, self._events = self._events, []
        return events

    def _read_all(self) -> None:
        buffer = self._buffer
        try:
            while buffer and self._state not in _UNREAD:
                buffer.set_restore_point()
                self._readers[self._state]()
        except NeedMoreData:
            buffer.restore()
        if self._state in _SILENT:
            buffer.clear()
            return
        buffer.discard_read()
        if self._state is State.ENCRYPTION and buffer:
            # What was sent in clear must not count as if it had come through TLS.
            raise ProtocolError(f"{len(buffer)} bytes came in clear where TLS begins")
        if self._state is State.VERDICT and len(buffer) > KEPT_BYTES:
            raise LimitExceeded(f"{len(buffer)} bytes while a user is looked up, the limit is {KEPT_BYTES}")

    def _read_version(self) -> None:
        try:
            self._version = parse_version(self._buffer.take(VERSION_BYTES))
        except ProtocolError as error:
            self._outgoing += writers.refusal((3, 3), str(error))
            raise
        if self._refusal is not None:
            self._end_before_security(self._refusal)
        elif self._version == (3, 3):
            self._dictate()
        elif not self._exchanges:
            self._end_before_security(why_nothing(self._settings))
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
        self._has_capabilities = choice == SecurityType.TIGHT
        self._security_type = choice
        self._begin(exchange)

    def _read_answer(self) -> None:
        assert self._exchange is not None
        self._take_turn(self._exchange.go_on(self._buffer.take(self._asked.size)))

    def _read_client_init(self) -> None:
        shared = self._buffer.take(1) != b"\0"
        self._awaits_init = True
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

    def _dictate(self) -> None:
        """Choose for a client of version 3.3, which knows two types (RFC 6143 appendix A.1)."""
        for security_type in (SecurityType.VNC_AUTHENTICATION, SecurityType.NONE):
            if security_type in self._exchanges:
                self._outgoing += writers.security_type_3_3(security_type)
                self._security_type = security_type
                self._begin(self._exchanges[security_type])
                return
        self._end_before_security(why_nothing(self._settings))

    def _begin(self, exchange: SecurityExchange) -> None:
        self._exchange = exchange
        self._take_turn(exchange.begin())

    def _take_turn(self, turn: Turn) -> None:
        """Do what the security type wants next."""
        match turn:
            case Ask():
                self._ask(turn)
            case Encrypt(say):
                self._outgoing += say
                self._events.append(StartTls())
                self._step(Step.ENCRYPTING)
            case Verify(user, password):
                self._events.append(Credentials(user, password))
                self._step(Step.IDENTIFIED)
            case Reject(say, reason):
                self._outgoing += say
                raise ProtocolError(reason)
            case Verdict():
                self._conclude(turn)

    def _ask(self, question: Ask) -> None:
        self._outgoing += question.say
        self._asked = question
        self._step(Step.CHALLENGED)
        if question.is_last and self._refusal is not None:
            self._outgoing += writers.security_result(self._spoken_version, self._refusal)
            self.close()
        elif not question.size:
            self._read_answer()

    def _conclude(self, verdict: Verdict) -> None:
        self._outgoing += verdict.say
        has_result = not verdict.is_tacit or self._spoken_version >= (3, 8)
        if self._refusal is not None:
            if has_result:
                self._outgoing += writers.security_result(self._spoken_version, self._refusal)
            self.close()
        elif verdict.access is Access.DENIED:
            self._events.append(WrongPassword())
            self._step(Step.ANSWERED_WRONGLY)
        else:
            if has_result:
                self._outgoing += writers.security_result(self._spoken_version)
            self._admit(verdict.access)

    def _admit(self, access: Access) -> None:
        self._events.append(Authenticated(self._settings.view_only or access is Access.VIEW_ONLY))
        self._step(Step.ADMITTED)

    def _end_before_security(self, reason: str) -> None:
        self._outgoing += writers.refusal(self._spoken_version, reason)
        self.close()
