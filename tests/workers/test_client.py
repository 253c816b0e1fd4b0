"""The worker's client on a real socket, with a host that records what it is told."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.session.broadcast import Delivery
from mpvnc.session.input import (
    QUEUE_EVENTS,
    ClientGone,
    ClientJoined,
    ClipboardInput,
    InputEvent,
    KeyInput,
    PointerInput,
    unpack,
)
from mpvnc.session.session import Session
from mpvnc.session.settings import SessionSettings
from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.workers import client as module
from mpvnc.workers.client import Client
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.readiness import Readiness
from mpvnc.workers.verifier import Verifier
from tests.session.stage import PaintedScreen, noise
from tests.support.handshake import vnc_response
from tests.support.waits import deadline, time_factor

SCREEN = PaintedScreen(noise(64, 48))
CHALLENGE = bytes(16)
WHOLE = struct.pack(">4H", 0, 0, 64, 48)
ASK = b"\3\1" + WHOLE
CONTINUOUS = b"\x96\1" + WHOLE


class Host:
    """An encoder's place: gives out what `deliveries` holds, keeps everything it hears."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.readiness = Readiness(loop)
        self.handshakes = Handshakes(loop, self.readiness)
        self.verifier = Verifier(loop)
        self.stage = 0
        self.stall_timeout_s = 30.0
        self.auth_delay_s = 0.0
        self.guesses = 0
        self.deliveries: list[list[bytes]] = []
        self.offers = 0
        self.bus: list[InputEvent] = []
        self.bus_takes = True
        self.joins: list[Client] = []
        self.late: list[Client] = []
        self.reasons: list[str] = []
        self.fault: Exception | None = None

    def offer(self, client: Client, now: float) -> Delivery | None:
        self.offers += 1
        if self.fault is not None:
            raise self.fault
        if not self.deliveries:
            return None
        buffers = self.deliveries.pop(0)
        size_bytes = sum(map(len, buffers))
        before, after = client.session.updated(size_bytes, now)
        return Delivery(client.session, [before, *buffers, after] if after else list(buffers), size_bytes)

    def review(self, client: Client) -> None:
        pass

    def came_late(self, client: Client) -> None:
        self.late.append(client)

    def emit(self, message: bytes) -> bool:
        if self.bus_takes:
            self.bus.append(unpack(message))
        return self.bus_takes

    def emit_surely(self, message: bytes) -> None:
        self.bus.append(unpack(message))

    def joined(self, client: Client, joined: object) -> None:
        self.joins.append(client)

    def wrong_password(self, client: Client) -> None:
        self.guesses += 1
        self.loop.call_later(self.auth_delay_s, client.refuse, "Authentication failed")

    def gone(self, client: Client, reason: str) -> None:
        self.reasons.append(reason)


class Rig:
    """One client on a loopback connection; `peer` is the viewer's end."""

    wrap: Callable[[Pipe], Stream] = staticmethod(lambda pipe: pipe)
    """What the client's bytes go through besides."""

    def __init__(
        self,
        password: bytes | None = None,
        judge_after_s: float = 0.0,
        handshake: HandshakeSettings | None = None,
        **settings: float,
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.host = Host(self.loop)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.peer = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        self.peer.setblocking(False)
        types = (1,) if password is None else (2,)
        handshake = handshake or HandshakeSettings(types, password, None, False, CHALLENGE)
        session = Session(handshake, SessionSettings(**settings), self.loop.time())
        session.show(SCREEN, "desk")
        self.client = Client(
            7,
            "127.0.0.1",
            self.wrap(Pipe(ours)),
            session,
            self.host,
            judge_at=self.loop.time() + judge_after_s,
        )
        self.client.show = SimpleNamespace(broadcast=self.host)
        self.received = bytearray()
        self.is_reading = True

    def join(self) -> None:
        self.client.start()
        self.say(b"RFB 003.008\n\1\1")
        self.run(lambda: self.host.joins and self.received.endswith(b"desk"))
        self.received.clear()

    def say(self, data: bytes) -> None:
        """Send as much as goes, with the loop running meanwhile."""
        view = memoryview(data)

        def sent() -> bool:
            nonlocal view
            try:
                view = view[self.peer.send(view) :]
            except BlockingIOError:
                return False
            return not view

        self.run(sent)

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Let the loop run until the condition holds. Raises: TimeoutError."""
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                self._read()
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"closed: {self.host.reasons}, received: {bytes(self.received[:64])!r}"
                    )
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())

    def run_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.run(lambda: time.monotonic() > end, seconds + 5)

    def hang_up(self) -> None:
        self.is_reading = False
        self.peer.close()

    def _read(self) -> None:
        try:
            while self.is_reading and (data := self.peer.recv(1 << 16)):
                self.received += data
        except (BlockingIOError, ConnectionError):
            pass

    @property
    def timers(self) -> int:
        return sum(not timer.cancelled() for timer in self.loop._scheduled)

    def close(self) -> None:
        self.client.close("the test is over")
        self.peer.close()
        self.loop.close()


@pytest.fixture
def rig():
    one = Rig()
    yield one
    one.close()


def build(request, **settings) -> Rig:
    one = Rig(**settings)
    request.addfinalizer(one.close)
    return one


def fence(payload: bytes) -> bytes:
    return struct.pack(">BxxxIB", 248, 1 << 31, len(payload)) + payload


# -- in and out


def test_it_joins_says_what_it_hears_and_leaves(rig):
    rig.join()
    rig.say(b"\4\1\0\0\0\0\0\x61" + b"\5\1\0\3\0\4" + b"\6\0\0\0\0\0\0\2hi")
    rig.run(lambda: len(rig.host.bus) == 4)
    rig.hang_up()
    rig.run(lambda: rig.host.reasons)
    kinds = [type(event) for event in rig.host.bus]
    assert kinds == [ClientJoined, KeyInput, PointerInput, ClipboardInput, ClientGone]
    assert {event.client for event in rig.host.bus} == {7}
    assert rig.host.reasons == ["closed by the viewer"]
    assert rig.client.pipe.fileno() == -1 and rig.timers <= 1


def test_an_error_costs_the_session_after_what_came_before_it(rig):
    rig.join()
    rig.say(b"\4\1\0\0\0\0\0\x61" + b"\x63\0\0")
    rig.run(lambda: rig.host.reasons)
    assert [type(event) for event in rig.host.bus] == [ClientJoined, KeyInput, ClientGone]
    assert "99" in rig.host.reasons[0]


def test_whoever_never_joined_was_never_there(rig):
    rig.client.start()
    rig.say(b"GET / HTTP/1.1\r\n\r\n")
    rig.run(lambda: rig.host.reasons)
    assert rig.host.bus == []


def test_a_fault_of_ours_costs_this_client_alone(rig, caplog):
    rig.join()
    rig.host.fault = RuntimeError("a bug")
    rig.say(ASK)
    rig.run(lambda: rig.host.reasons)
    assert "a bug" in rig.host.reasons[0] and "fault of ours" in caplog.text
    rig.client.offer()
    rig.client.close("again")
    assert len(rig.host.reasons) == 1


def test_a_refusal_reaches_the_viewer(rig):
    rig.client.refuse("too many")
    rig.client.start()
    rig.say(b"RFB 003.008\n")
    rig.run(lambda: rig.received.endswith(b"too many") and rig.host.reasons)


# -- wrong passwords


def test_a_wrong_password_is_answered_after_its_delay(request):
    rig = build(request, password=b"secret")
    rig.host.auth_delay_s = 0.3
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run(lambda: len(rig.received) >= 12 + 2 + 16)
    rig.received.clear()
    answered = time.monotonic()
    rig.say(vnc_response("wrong", CHALLENGE) + b"\1" + ASK * 5000)
    rig.run(lambda: rig.client.pipe.received_bytes > 50_000)
    assert not rig.received and not rig.host.reasons, "swallowed"
    rig.run(lambda: rig.host.reasons)
    assert time.monotonic() - answered >= 0.29
    rig.run(lambda: rig.received == struct.pack(">II", 1, 21) + b"Authentication failed")
    assert rig.host.joins == []


@pytest.mark.parametrize(("password", "joins"), [("secret", 1), ("wrong", 0)])
def test_an_answer_is_withheld_until_its_turn(request, password, joins):
    rig = build(request, password=b"secret", judge_after_s=0.3)
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run(lambda: len(rig.received) >= 12 + 2 + 16)
    rig.received.clear()
    rig.say(vnc_response(password, CHALLENGE) + b"\1")
    rig.run_for(0.2)
    assert not rig.received and not rig.host.joins and not rig.host.guesses
    rig.run(lambda: rig.received)
    assert rig.host.guesses == 1 - joins
    assert rig.received[:4] == struct.pack(">I", 1 - joins)
    rig.run(lambda: len(rig.host.joins) == joins)


def test_a_turn_without_an_answer_passes(request):
    rig = build(request, password=b"secret", judge_after_s=0.05)
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run_for(0.1)
    rig.say(vnc_response("secret", CHALLENGE) + b"\1")
    rig.run(lambda: rig.host.joins)


def test_whoever_leaves_before_the_turn_is_gone_and_was_not_judged(request):
    rig = build(request, password=b"secret", judge_after_s=0.2)
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run(lambda: len(rig.received) >= 12 + 2 + 16)
    rig.say(vnc_response("wrong", CHALLENGE))
    rig.hang_up()
    rig.run(lambda: rig.host.reasons)
    rig.run_for(0.25)
    assert rig.host.guesses == 0 and rig.host.reasons == ["closed by the viewer"]


def test_what_is_withheld_is_bounded(request):
    rig = build(request, password=b"secret", judge_after_s=5.0)
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run(lambda: len(rig.received) >= 12 + 2 + 16)
    rig.say(bytes(module.READ_BYTES + 1))
    rig.run(lambda: rig.host.reasons)
    assert "turn" in rig.host.reasons[0]


def test_whoever_leaves_during_the_delay_is_gone(request):
    rig = build(request, password=b"secret")
    rig.host.auth_delay_s = 0.1
    rig.client.start()
    rig.say(b"RFB 003.008\n\2" + vnc_response("wrong", CHALLENGE))
    rig.hang_up()
    rig.run(lambda: rig.host.reasons)
    rig.run_for(0.15)
    assert len(rig.host.reasons) == 1


# -- time


@pytest.mark.parametrize(
    "said, what",
    [
        (b"", "handshake"),
        (b"RFB 003.", "handshake"),
        (b"RFB 003.008\n", "handshake"),
        (b"RFB 003.008\n\2", "authentication"),
    ],
)
def test_silence_ends(request, said, what):
    began = time.monotonic()
    rig = build(request, password=b"secret", handshake_s=0.2, authentication_s=0.2)
    rig.client.start()
    rig.say(said)
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == [f"timed out waiting for {what}"]
    assert time.monotonic() - began >= 0.19


def test_a_password_that_took_its_time_lets_in(request):
    rig = build(request, password=b"secret", handshake_s=0.3, authentication_s=10.0)
    rig.client.start()
    rig.say(b"RFB 003.008\n\2")
    rig.run_for(0.4)
    rig.say(vnc_response("secret", CHALLENGE))
    rig.run_for(0.05)
    rig.say(b"\1")
    rig.run(lambda: rig.host.joins)


def test_half_a_message_ends(request):
    rig = build(request, message_s=0.2)
    rig.join()
    rig.say(ASK[:5])
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["timed out waiting for the rest of a message"]


def test_an_idle_client_costs_nothing(request):
    rig = build(request, handshake_s=0.1, message_s=0.1)
    rig.join()
    rig.say(b"\2\0\0\1" + struct.pack(">i", -313) + ASK + CONTINUOUS)
    rig.run_for(0.3)
    offers = rig.host.offers
    rig.run_for(0.2)
    assert rig.host.offers == offers and not rig.host.reasons, "no timer fires for nothing"


# -- readers that are slow, or do not read


def test_a_stalled_reader_is_dropped(rig):
    rig.host.stall_timeout_s = 0.3
    rig.join()
    rig.is_reading = False
    rig.host.deliveries = [[bytes(16 << 20)]]
    rig.say(ASK)
    rig.run(lambda: rig.client.pipe.is_blocked)
    blocked = time.monotonic()
    rig.run(lambda: rig.host.reasons)
    assert "stalled" in rig.host.reasons[0] and time.monotonic() - blocked > 0.2


def test_a_slow_reader_stays_and_holds_one_update(rig):
    rig.host.stall_timeout_s = 0.5 * time_factor()
    rig.join()
    rig.is_reading = False
    rig.host.deliveries = [[bytes(3 << 20)], [b"second"]]
    rig.say(ASK * 3)
    rig.run(lambda: rig.client.pipe.is_blocked)
    for _ in range(8):
        end = time.monotonic() + 0.1
        rig.run(lambda end=end: time.monotonic() > end)
        before = len(rig.received)
        while len(rig.received) - before < 64 * 1024:
            try:
                rig.received += rig.peer.recv(1 << 16)
            except BlockingIOError:
                break
    assert not rig.host.reasons and len(rig.host.deliveries) == 1
    rig.is_reading = True
    rig.say(ASK)
    rig.run(lambda: rig.received.endswith(b"second"))
    assert len(rig.received) == (3 << 20) + 6


def test_a_flood_of_fences_without_reading_is_bounded(rig):
    rig.join()
    rig.is_reading = False
    flood = fence(bytes(64)) * 2000
    sent = 0
    end = time.monotonic() + 0.4

    def keep_on() -> bool:
        nonlocal sent
        try:
            while sent < 64 << 20:
                at = sent % len(flood)
                sent += rig.peer.send(flood[at : at + 65536])
        except BlockingIOError:
            pass
        return time.monotonic() > end

    rig.run(keep_on)
    waiting = sum(map(len, rig.client.pipe._rest))
    assert waiting < 4 * module.CONTROL_LIMIT_BYTES, f"{waiting} bytes wait of {sent} sent"
    assert rig.client.pipe.received_bytes < sent, "a flood is not read as fast as it comes"
    taken = rig.client.pipe.received_bytes
    rig.is_reading = True
    rig.run(lambda: rig.client.pipe.received_bytes > taken and len(rig.received) > 73)
    assert not rig.host.reasons and rig.received[:73] == struct.pack(">BxxxIB", 248, 0, 64) + bytes(64)


# -- the bus


def test_input_waits_for_the_bus_in_order_with_one_timer(rig):
    rig.join()
    rig.host.bus.clear()
    rig.host.bus_takes = False
    for key in range(200):
        rig.say(struct.pack(">BBxxI", 4, 1, key) + struct.pack(">BBHH", 5, 0, key, 0) * 3)
    rig.run(lambda: len(rig.client._inputs) >= 400)
    assert rig.timers <= 3, "not one for each event"
    rig.host.bus_takes = True
    rig.run(lambda: len(rig.client._inputs) == 0)
    keys = [event.keysym for event in rig.host.bus if isinstance(event, KeyInput)]
    assert keys == list(range(200))
    rig.say(struct.pack(">BBxxI", 4, 0, 999))
    rig.run(lambda: rig.host.bus[-1].keysym == 999)


def test_a_release_that_has_to_wait_keeps_its_place(rig):
    rig.join()
    rig.host.bus.clear()
    rig.say(struct.pack(">BBHH", 5, 1, 100, 100))
    rig.run(lambda: rig.host.bus)
    rig.host.bus_takes = False
    rig.say(struct.pack(">BBHH", 5, 0, 300, 300) + struct.pack(">BBHH", 5, 0, 500, 500))
    rig.run(lambda: len(rig.client._inputs) == 2)
    rig.host.bus_takes = True
    rig.run(lambda: len(rig.host.bus) == 3)
    assert [(event.button_mask, event.x) for event in rig.host.bus] == [(1, 100), (0, 300), (0, 500)]


def test_too_much_input_for_no_consumer_ends_the_session(rig):
    rig.join()
    rig.host.bus_takes = False
    rig.say(b"".join(struct.pack(">BBxxI", 4, 1, key) for key in range(QUEUE_EVENTS + 1)))
    rig.run(lambda: rig.host.reasons)
    assert "queue is full" in rig.host.reasons[0]


# -- continuous updates


def test_what_is_held_back_by_the_kernel_is_tried_again(rig, monkeypatch):
    rig.join()
    rig.is_reading = False
    rig.host.deliveries = [[bytes(1 << 20)]]
    rig.client.session.receive_data(CONTINUOUS, 0.0)
    unacknowledged = [5000]
    monkeypatch.setattr(Pipe, "unacknowledged_bytes", lambda _pipe: unacknowledged[0])
    rig.is_reading = True
    rig.client.offer()
    rig.run(lambda: len(rig.received) == 1 << 20)
    rig.client.offer()
    offers = rig.host.offers
    rig.run(lambda: rig.host.offers >= offers + 3)
    rig.host.deliveries = [[b"next"]]
    rig.run(lambda: rig.received.endswith(b"next"))
    unacknowledged[0] = 0
    rig.run_for(0.1)
    offers = rig.host.offers
    rig.run_for(0.1)
    assert rig.host.offers == offers


def test_the_picture_follows_a_new_size_unasked(rig):
    rig.join()
    rig.say(CONTINUOUS)
    rig.run(lambda: rig.client.session.demand.is_continuous)
    rig.host.deliveries = [[b"size"], [b"picture"]]
    rig.client.offer()
    rig.run(lambda: rig.received == b"sizepicture")


@pytest.mark.parametrize(("said", "is_late"), [(b"GET / HTTP/1.1\r\n", True), (b"RFB 003.0x8\n", False)])
def test_a_browser_that_was_greeted_is_told_of(rig, said, is_late):
    rig.client.start()
    rig.say(said)
    rig.run(lambda: rig.host.reasons)
    assert bool(rig.host.late) is is_late
    assert ("browser" in rig.host.reasons[0]) is is_late
