"""A client whose bytes go through a WebSocket: what it holds inside, and what control frames may cost."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator

import pytest

from mpvnc.session.broadcast import Delivery
from mpvnc.transport.farewell import CROWDED, Farewell
from mpvnc.transport.websocket import WebSocketPipe
from mpvnc.web.websocket import SizeLimits
from mpvnc.workers import client as module
from tests.web.test_websocket import CLOSE, PING, frame
from tests.workers.test_client import Rig

LIMITS = SizeLimits(1 << 20, 1 << 20)
HELLO = frame(b"RFB 003.008\n") + frame(b"\1") + frame(b"\1")


class WebRig(Rig):
    """The same through a WebSocket; what came with the handshake is `early`."""

    def __init__(self, early: bytes = b"") -> None:
        self.wrap = lambda pipe: WebSocketPipe(pipe, LIMITS, early)  # type: ignore[method-assign]
        super().__init__()

    def join(self) -> None:
        self.client.start()
        self.say(HELLO)
        self.run(lambda: self.host.joins)


@pytest.fixture
def rig() -> Iterator[WebRig]:
    made = WebRig()
    yield made
    made.close()


def test_what_came_with_the_handshake_is_heard() -> None:
    rig = WebRig(early=HELLO)
    rig.client.start()
    rig.run(lambda: rig.host.joins)
    rig.close()


def test_a_large_message_is_heard_to_its_end(rig: WebRig) -> None:
    rig.join()
    key = struct.pack(">BBxxI", 4, 1, 97)
    rig.say(frame(key * 1500) + frame(b"", PING))
    rig.run(lambda: len(rig.host.bus) >= 1501)
    assert not rig.client.pipe.has_pending and not rig.host.reasons


def test_a_close_ends_it_after_what_came_before(rig: WebRig) -> None:
    rig.join()
    rig.say(frame(struct.pack(">BBxxI", 4, 1, 97)) + frame(struct.pack(">H", 1000), CLOSE))
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["closed by the viewer"]
    assert len(rig.host.bus) >= 2


def test_pings_without_end_are_not_read_as_fast_as_they_come(rig: WebRig, monkeypatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    rig.join()
    flood, sent, end = frame(b"", PING) * 10000, 0, time.monotonic() + 0.3

    def keep_on() -> bool:
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            sent += rig.peer.send(flood)
        return time.monotonic() > end

    rests: list[float] = []
    monkeypatch.setattr(
        rig.client.__class__, "_stop_reading", _noting(rests, rig.client.__class__._stop_reading)
    )
    rig.run(keep_on)
    assert rests, "it never rested"
    assert rig.client.pipe.received_bytes < sent and not rig.host.reasons


def test_a_pong_that_does_not_go_at_once_stops_nothing(rig: WebRig) -> None:
    rig.join()
    rig.is_reading = False
    while not rig.client.pipe._inner.is_blocked:
        rig.client.pipe._inner.send([b"u" * 100_000])
    rig.say(frame(b"abc", PING))
    rig.run_for(0.05)
    rig.is_reading = True
    rig.run(lambda: rig.received.endswith(b"\x8a\3abc"))


def _noting(rests: list[float], stop):
    def stop_reading(client) -> None:
        rests.append(time.monotonic())
        stop(client)

    return stop_reading


def last_word(rig: WebRig) -> tuple[int, bytes]:
    """Return code and reason of the close frame that the peer got."""
    _, _, said = bytes(rig.received).rpartition(b"\x88")
    return struct.unpack_from(">H", said, 1)[0], said[3:]


def test_one_that_is_evicted_is_told_why(rig: WebRig) -> None:
    rig.join()
    rig.client.evict("enough")
    rig.run(lambda: rig.received.endswith(b"enough"))
    assert last_word(rig) == (1008, b"enough") and rig.host.reasons == ["enough"]


def test_one_that_reads_slowly_is_told_why_behind_what_is_on_its_way(rig: WebRig, monkeypatch) -> None:
    monkeypatch.setattr(module, "_LAST_WORD_S", 60.0)
    rig.join()
    rig.is_reading = False
    rig.client.deliver(Delivery(rig.client.session, [b"u" * 5_000_000], 5_000_000))
    rig.client.evict("enough")
    assert not rig.host.reasons
    rig.is_reading = True
    rig.run(lambda: rig.received.endswith(b"enough"))
    assert last_word(rig) == (1008, b"enough") and rig.host.reasons == ["enough"]


def test_one_that_does_not_read_is_evicted_all_the_same(rig: WebRig, monkeypatch) -> None:
    monkeypatch.setattr(module, "_LAST_WORD_S", 0.05)
    rig.join()
    rig.is_reading = False
    rig.client.deliver(Delivery(rig.client.session, [b"u" * 5_000_000], 5_000_000))
    rig.client.evict("enough")
    rig.client.evict("really")
    rig.run(lambda: rig.host.reasons)
    assert rig.host.reasons == ["enough"]


def test_a_server_that_stops_says_so(rig: WebRig) -> None:
    rig.join()
    assert rig.client.finish("the server stops")
    rig.run(lambda: rig.received.endswith(b"\x88\x02\x03\xe9"))


def test_one_that_breaks_the_protocol_is_not_to_come_again(rig: WebRig) -> None:
    rig.join()
    rig.say(frame(b"\xfe"))
    rig.run(lambda: rig.host.reasons)
    rig.run(lambda: b"\x88" in rig.received)
    code, reason = last_word(rig)
    assert code == 1008 and reason.decode() == rig.host.reasons[0]


@pytest.mark.parametrize(("more", "code"), [((), 1008), ((CROWDED,), 1013)])
def test_one_that_is_refused_is_told_in_rfb_and_whether_to_come_again(
    rig: WebRig, more: tuple[Farewell, ...], code: int
) -> None:
    rig.client.refuse("no more", *more)
    rig.client.start()
    rig.say(frame(b"RFB 003.008\n"))
    rig.run(lambda: rig.host.reasons and b"\x88" in rig.received)
    assert b"\0\0\0\0\x07no more" in bytes(rig.received)
    assert last_word(rig) == (code, b"") and rig.host.reasons == ["refused"]


def test_a_fault_of_ours_is_called_one(rig: WebRig, monkeypatch) -> None:
    rig.join()
    monkeypatch.setattr(rig.client.session.__class__, "receive_data", lambda *_: 1 / 0)
    rig.say(frame(struct.pack(">BBxxI", 4, 1, 97)))
    rig.run(lambda: rig.received.endswith(b"\x88\x02\x03\xf3"))
