"""One client of an encoder: its socket, its session, its timers.

It moves bytes between a `Stream` and a `Session`, and asks its `Host` (the encoder) for everything that concerns
others; its input goes by way of `Inputs`, its turn to be judged and its user are `Login`'s. Every callback on its
socket runs in `_guarded`: whatever goes wrong costs this client alone.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import Callable

from mpvnc.errors import MpvncError, ProtocolError
from mpvnc.log import for_client
from mpvnc.rfb import events
from mpvnc.rfb.security import Access
from mpvnc.rfb.state import State
from mpvnc.session.announcing import IgnoredClipboard
from mpvnc.session.broadcast import Delivery
from mpvnc.session.following import Following
from mpvnc.session.heard import Heard, Joined
from mpvnc.session.pacing import Link
from mpvnc.session.session import NEVER, Session
from mpvnc.session.update import Buffers
from mpvnc.transport.farewell import ENDED, FAULTY, LEAVING, REFUSED, Farewell, barred
from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.transport.tls import TlsPipe
from mpvnc.workers.arrival import is_request
from mpvnc.workers.host import Host, Showing
from mpvnc.workers.inputs import Inputs
from mpvnc.workers.login import Login
from mpvnc.workers.readiness import READ, WRITE

READ_BYTES = 4096
"""At most so much of one client is taken in before it is the others' turn: some hundred messages."""
CONTROL_LIMIT_BYTES = 64 * 1024
"""How much may wait for a client that writes without reading, before it is no longer read from."""
_RETRY_S = 0.01
_PATIENCE_S = 0.001
_REST_FACTOR = 9.0
_LONGEST_REST_S = 0.5
_LAST_WORD_S = 1.0
"""How long one that is evicted may take to read what is on its way, so that it can be told why."""

logger = logging.getLogger(__name__)

_scratch = bytearray(READ_BYTES)


class Client:
    """A connected client, until `close`.

    Until the time `judge_at` of the loop, what it answers to the challenge is withheld from the session.
    """

    __slots__ = (
        "_blocked_since", "_farewell", "_handshake", "_host", "_inputs", "_is_reading", "_is_writing",
        "_last_word", "_listed", "_login", "_look_at", "_marks", "_rests_until", "_timer",
        "_waiting_control_bytes", "address",
        "has_joined", "ident", "is_closed", "pipe", "session", "show", "since", "slot", "surface", "updates",
    )  # fmt: skip

    def __init__(
        self, ident: int, address: str, pipe: Stream, session: Session, host: Host, *, judge_at: float = 0.0
    ) -> None:
        self.ident = ident
        self.address = address
        self.pipe = pipe
        self.session = session
        self.slot = 0
        self.show: Showing
        """What it looks at; given to it by who admits it, before anything is read."""
        self.surface = ""
        """The name of that; "" for the screen of a capture process (shows.py)."""
        self.has_joined = False
        self.is_closed = False
        self.updates = 0
        self.since = time.time()
        self._marks = [(host.loop.time(), 0)] * 2
        self._host = host
        self._inputs = Inputs(ident, host, self._guarded)
        self._login = Login(
            host.verifier,
            address,
            functools.partial(self._guarded, self._admit),
            is_due=judge_at <= host.loop.time(),
        )
        self._listed = session.encodings
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = math.inf
        self._blocked_since = math.inf
        self._waiting_control_bytes = 0
        self._is_reading = True
        self._is_writing = False
        self._handshake: TlsPipe | None = None
        self._rests_until = -math.inf
        self._last_word: str | None = None
        self._farewell = REFUSED
        if not self._login.is_due:
            host.loop.call_at(judge_at, self._guarded, self._on_turn)
        self._watch()

    @property
    def user(self) -> str:
        """The name under which it came in, if it gave one."""
        return self._login.user

    # -- what the encoder tells it

    def start(self) -> None:
        """Send the banner; hear what came with the socket."""
        self._guarded(self._advance)
        self._read_pending()

    def refuse(self, reason: str, farewell: Farewell = REFUSED) -> None:
        """End the handshake with a reason in the client's own words, as soon as it can hear it."""
        self._farewell = farewell
        self._guarded(self._refuse, reason)

    def route(self, surface: int) -> None:
        """Send its input to the program that draws the surface of this number from now on."""
        self._inputs.route(surface)

    def offer(self) -> None:
        """Let it have the next update, if it may and wants to."""
        self._guarded(self._offer)

    def follow(self, same: Following) -> bool:
        """Hold what its leader was sent, if it may have the very same; else be offered what it may."""
        if self.is_closed:
            return False
        try:
            if not self.pipe.is_blocked and same.take(self.session):
                return True
            self._offer()
        except Exception as error:
            self._fail(error)
        return False

    def send_same(self, same: Following) -> None:
        """Send it what its leader was sent."""
        pipe = self.pipe
        try:
            pipe.send(same.buffers)
            self.updates += 1
            if pipe.is_blocked:
                self._watch_writable()
        except Exception as error:
            self._fail(error)

    def deliver(self, delivery: Delivery) -> None:
        """Send an update."""
        if self.is_closed:
            return
        try:
            self._send_update(delivery.buffers)
        except Exception as error:
            self._fail(error)

    def notice(self) -> None:
        """Send what others made its session say."""
        self._guarded(self._advance)

    def finish(self, reason: str) -> bool:
        """Close it if everything is with the kernel; False if bytes still wait."""
        if not self.pipe.is_blocked:
            self.pipe.discard_input()
            self.close(reason, LEAVING)
        return self.is_closed

    def evict(self, reason: str) -> None:
        """Hear and send nothing new, tell it why if it can be told, and close it."""
        if not self.pipe.is_blocked:
            self.close(reason, barred(reason))
        elif self._last_word is None:
            self._last_word = reason
            self._stop_reading()
            self._host.loop.call_later(_LAST_WORD_S, self.close, reason)

    def mark(self, now: float) -> None:
        """Remember how many frames it got so far; about once a second, for `frames_per_s`."""
        self._marks = [self._marks[1], (now, self.session.picture.frames)]

    def frames_per_s(self, now: float) -> float:
        """Return how many frames a second it got, lately."""
        then, frames = self._marks[0]
        return (self.session.picture.frames - frames) / max(now - then, 0.001)

    def judge(self, now: float, shown: int) -> None:
        """Let its session look back at the last second, in which the count of frames shown rose to `shown`."""
        self._guarded(self._judge, now, shown)

    def close(self, reason: str, farewell: Farewell = ENDED) -> None:
        """Let go of the socket, then tell; further calls do nothing.

        Args:
            reason: for the log and the supervisor.
            farewell: for the peer, if its stream can say it.
        """
        if self.is_closed:
            return
        self.is_closed = True
        if self._handshake is not None:
            self._host.handshakes.forget(self._handshake)
        self._host.readiness.forget(self.pipe.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._inputs.close()
        self._login.close()
        self.pipe.close(farewell)
        if self.has_joined:
            self._inputs.gone()
        self._host.gone(self, reason)

    # -- callbacks

    def _guarded(self, callback: Callable[..., None], *args: object) -> None:
        if self.is_closed:
            return
        try:
            callback(*args)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, MpvncError):
            is_theirs = isinstance(error, ProtocolError)
            self.close(str(error), barred(str(error)) if is_theirs else ENDED)
        elif isinstance(error, OSError):
            self.close(error.strerror or str(error))
        else:
            self.close(f"internal error: {error!r}", FAULTY)
            for_client(logger, self.ident).error("a fault of ours", exc_info=error)

    def _on_ready(self, is_readable: bool, is_writable: bool) -> None:
        try:
            if is_readable and self._is_reading:
                self._on_readable()
            if is_writable and self._is_writing and not self.is_closed:
                self._on_writable()
        except Exception as error:
            self._fail(error)

    def _on_readable(self) -> None:
        pipe = self.pipe
        count = self._receive_timed() if pipe.was_laborious else pipe.receive_into(_scratch)
        if pipe.has_pending:
            self._read_pending()
        if pipe.is_blocked:
            self._watch_writable()
        if not count:
            if count == 0:
                self.close("closed by the viewer")
            return
        data = _scratch[:count]
        session = self.session
        if session.asks_again(data):
            if session.content_at != self.show.broadcast.stage:
                self._offer()
            return
        if self._login.is_due or session.connection.state is not State.AUTHENTICATION:
            self._take(bytes(data))
        else:
            self._login.withhold(data)

    def _receive_timed(self) -> int | None:
        """Read; rest if that took long, as after what is understood: pings cost too."""
        began_s = time.thread_time()
        count = self.pipe.receive_into(_scratch)
        self._rest(time.thread_time() - began_s)
        return count

    def _read_pending(self) -> None:
        """Come back for what the stream has inside, after the others had their turn."""
        if self.pipe.has_pending and self._is_reading:
            self._host.loop.call_soon(self._guarded, self._on_pending)

    def _on_pending(self) -> None:
        if self._is_reading:
            self._on_readable()

    def _on_turn(self) -> None:
        data = self._login.be_due()
        if data:
            self._take(data)

    def _take(self, data: bytes) -> None:
        is_late = not self.has_joined and self.session.connection.version is None and is_request(data)
        try:
            self._hear(functools.partial(self.session.receive_data, data))
        except ProtocolError as error:
            if not is_late:
                raise
            self._host.came_late(self)
            raise ProtocolError("a browser whose request came late: see web: in server.listeners") from error

    def _hear(self, receive: Callable[[float], list[Heard]]) -> None:
        """Have the session go on, and do what it heard."""
        began_s = time.thread_time()
        try:
            heard = receive(self._host.loop.time())
        except MpvncError:
            self._handle(self.session.take_heard())
            self._send_control()
            self.pipe.discard_input()
            raise
        self._handle(heard)
        if self.session.encodings is not self._listed:
            self._log_encodings()
        self._rest(time.thread_time() - began_s)
        self._advance()

    def _log_encodings(self) -> None:
        self._listed = self.session.encodings
        for_client(logger, self.ident).debug("lists the encodings %s", ", ".join(map(str, self._listed)))

    def _rest(self, spent_s: float) -> None:
        """Read nothing for a while if what came has cost more than usual: a flood gets a tenth of the time."""
        if spent_s > _PATIENCE_S:
            self._rests_until = self._host.loop.time() + min(spent_s * _REST_FACTOR, _LONGEST_REST_S)
            self._stop_reading()
            self._host.loop.call_at(self._rests_until, self._guarded, self._read_again)

    def _on_writable(self) -> None:
        before = self.pipe.sent_bytes
        self.pipe.flush()
        if self.pipe.is_blocked:
            if self.pipe.sent_bytes != before:
                self._blocked_since = self._host.loop.time()
            return
        if self._last_word is not None:
            self.evict(self._last_word)
            return
        self._is_writing = False
        self._watch()
        self._blocked_since = math.inf
        self._waiting_control_bytes = 0
        self._read_again()
        self._advance()

    def _on_timer(self) -> None:
        self._timer = None
        self._look_at = math.inf
        now = self._host.loop.time()
        deadline, what = self.session.deadline()
        if now >= deadline:
            self.close(f"timed out waiting for {what}")
        elif now >= self._blocked_since + self._host.stall_timeout_s:
            self.close("stalled: it does not read")
        else:
            self._advance()

    # -- TLS

    def _start_tls(self) -> None:
        """Have everything from now on go through TLS, after what was said so far."""
        self._send_control()
        if self._host.tls is None or not isinstance(self.pipe, Pipe):
            raise MpvncError("TLS cannot begin here")
        # If the viewer has hung up there is no descriptor behind this any more.
        self._host.readiness.forget(self.pipe.fileno())
        self.pipe = self._handshake = TlsPipe.over(self.pipe, self._host.tls)
        self._host.handshakes.begin(self._handshake, functools.partial(self._guarded, self._on_encrypted))

    def _on_encrypted(self, error: OSError | None) -> None:
        self._handshake = None
        if error is not None:
            raise error
        self._watch()
        if self.pipe.is_blocked:
            self._watch_writable()
        self._hear(self.session.encrypted)

    # -- helpers

    def _admit(self, access: Access) -> None:
        self._hear(functools.partial(self.session.admit, access))

    def _refuse(self, reason: str) -> None:
        self.session.connection.refuse(reason)
        self._advance()

    def _advance(self) -> None:
        """Do what the session's state asks for now: control bytes, end, update, timer."""
        self.session.content_at = NEVER
        self._send_control()
        if self.session.is_over and not self.pipe.is_blocked:
            self.pipe.discard_input()
            if self.has_joined:
                self.close("ended")
            else:
                self.close("refused", self._farewell)
            return
        self._host.review(self)
        self._offer()
        self._arm()

    def _offer(self) -> None:
        """Send what is made, more than once where nothing need be asked for (a new size, then the picture)."""
        session = self.session
        while session.is_ready and not self.pipe.is_blocked:
            delivery = self._host.offer(self, time.monotonic())
            if delivery is not None:
                self._send_update(delivery.buffers)
            if not session.demand.is_continuous:
                return
            if delivery is None:
                self._look_again()
                return

    def _judge(self, now: float, shown: int) -> None:
        info = self.pipe.tcp_info() if self.session.wants_link(shown) else None
        if self.session.judge(now, shown, Link(*info) if info else None):
            self._host.review(self)
            self._offer()

    def _look_again(self) -> None:
        """Come back when what holds the next update back may be acknowledged: the kernel will not say."""
        paced = self.session.is_ready and not self.session.pacer.has_fences
        if paced and self.pipe.unacknowledged_bytes() and self._look_at == math.inf:
            self._look_at = self._host.loop.time() + _RETRY_S
            self._arm()

    def _send_update(self, buffers: Buffers) -> None:
        pipe = self.pipe
        pipe.send(buffers)
        self.updates += 1
        if pipe.is_blocked:
            self._watch_writable()

    def _send_control(self) -> None:
        was_blocked = self.pipe.is_blocked
        data = self.session.data_to_send(is_blocked=was_blocked)
        if not data:
            return
        self.pipe.send([data])
        if was_blocked:
            self._waiting_control_bytes += len(data)
            if self._waiting_control_bytes > CONTROL_LIMIT_BYTES:
                self._stop_reading()
        elif self.pipe.is_blocked:
            self._watch_writable()

    def _watch_writable(self) -> None:
        if self._blocked_since == math.inf:
            self._blocked_since = self._host.loop.time()
            self._is_writing = True
            self._watch()
            self._arm()

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._watch()

    def _watch(self) -> None:
        if self._handshake is not None:
            return
        interest = READ * self._is_reading | WRITE * self._is_writing
        self._host.readiness.watch(self.pipe.fileno(), interest, self._on_ready)

    def _read_again(self) -> None:
        """Read again if nothing speaks against it any more."""
        rested = self._host.loop.time() >= self._rests_until and self._last_word is None
        if rested and not self._is_reading and self._waiting_control_bytes <= CONTROL_LIMIT_BYTES:
            self._is_reading = True
            self._watch()
            self._read_pending()

    def _arm(self) -> None:
        """Have the timer fire not later than the next thing that can be due; it may fire too early."""
        when = min(
            self.session.deadline()[0],
            self._blocked_since + self._host.stall_timeout_s,
            self._look_at,
            self._hand_over_at(),
        )
        if when == math.inf or self.is_closed:
            return
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._host.loop.call_at(when, self._guarded, self._on_timer)

    def _hand_over_at(self) -> float:
        hands = self.session.cursors.changes_hands_at()
        return hands if hands > self._host.loop.time() else math.inf

    # -- what it says to others

    def _handle(self, heard: list[Heard]) -> None:
        for one in heard:
            if isinstance(one, Joined):
                self.has_joined = True
                self._host.joined(self, one)
                self._inputs.joined(one.view_only, self.address, self.slot)
            elif isinstance(one, events.StartTls):
                self._start_tls()
            elif isinstance(one, events.Credentials):
                self._login.verify(one)
            elif isinstance(one, events.WrongPassword):
                self._host.wrong_password(self)
            elif isinstance(one, IgnoredClipboard):
                for_client(logger, self.ident).debug("ignored: %s", one.reason)
            else:
                self._inputs.take(one)

    def handle_late(self) -> None:
        """Handle what a session heard outside of `receive_data` (a screen that came after ClientInit)."""
        self._guarded(self._handle, self.session.take_heard())
