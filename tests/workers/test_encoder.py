"""The encoder role in this process: a real frame segment, real sockets, the supervisor's end in our hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mpvnc.config import Config, Secrets, from_dict, to_dict
from mpvnc.constants import Encoding
from mpvnc.errors import FrameError
from mpvnc.frames.pointer import PointerPage, pointer_page_bytes
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.store import create_frame_segment
from mpvnc.frames.writer import FrameWriter
from mpvnc.ipc import control
from mpvnc.ipc.bus import InputReceiver
from mpvnc.ipc.parcels import make_parcel
from mpvnc.metrics import Counter, StatusPage, create_status_page
from mpvnc.pixels import Pixels
from mpvnc.pointer import Cursor
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import ClientGone, ClientJoined, KeyInput, unpack
from mpvnc.workers import encoder, report, show
from mpvnc.workers.encoder import Encoder
from mpvnc.workers.report import describe
from mpvnc.workers.runtime import Runtime
from tests.session.stage import noise
from tests.support.client import Client
from tests.support.errors import Refused
from tests.support.formats import FORMATS
from tests.support.handshake import HandshakeChoices
from tests.support.waits import deadline

QUALITY_5 = Encoding.JPEG_QUALITY_LEVEL_0 + 5
REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(25, 29))
LOSSLESS = (Encoding.RAW, Encoding.RRE, Encoding.HEXTILE, Encoding.ZLIB, Encoding.TIGHT, Encoding.ZRLE)


class Worker:
    """An encoder with its surroundings; `control` is the supervisor's end."""

    def __init__(self, directory: Path, config: Config, secrets: Secrets) -> None:
        self.loop = asyncio.new_event_loop()
        self.control, theirs = control.pair()
        theirs.set_blocking(False)
        self.control.set_blocking(False)
        self.pointer_fd = os.memfd_create("pointer", os.MFD_CLOEXEC)
        os.ftruncate(self.pointer_fd, pointer_page_bytes())
        self.pointer = PointerPage(self.pointer_fd, writable=True)
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        status_fd = create_status_page(4)
        self.status = StatusPage(status_fd, 4)
        os.close(status_fd)
        endpoint = f"ipc://{directory}/input"
        self.bus = InputReceiver(endpoint)
        self.runtime = Runtime(
            role="encoder", control=theirs, slot=0, instance="test", runtime_dir=directory,
            input_endpoint=endpoint, notices_endpoint=f"ipc://{directory}/notices", source="demo",
            config=config, secrets=secrets, status=self.status, counters=self.status.slot(0),
            pointer_fd=self.pointer_fd, bells=[self.bell], log=SimpleNamespace(dropped=0, close=lambda: None),
            events_endpoint=f"ipc://{directory}/events",
        )  # fmt: skip
        self.encoder = Encoder(self.runtime, self.loop)
        self.said: list[dict[str, Any]] = []
        self.viewers: list[Client] = []
        self.writers: list[FrameWriter] = []
        self._wire()

    def _wire(self) -> None:
        """Do what `run` does, but for running for ever."""
        run, self.loop.run_forever = self.loop.run_forever, lambda: None
        sender, self.encoder._sender.close = self.encoder._sender.close, lambda: None
        self.encoder.run()
        self.loop.run_forever, self.encoder._sender.close = run, sender

    # the supervisor and the source

    def show(self, pixels: Pixels) -> FrameWriter:
        """Publish the first frame of a new generation."""
        height, width = pixels.shape
        generation = len(self.writers) + 1
        segment = create_frame_segment(f"mpvnc-test-{os.getpid()}-{generation}", width, height)
        first = self.writers[-1].frame + 1 if self.writers else 1
        writer = FrameWriter(segment.fd, generation, width, height, first)
        segment.unlink()
        writer.publish_pixels(pixels)
        message = {"type": "segment", "generation": generation, "width": width, "height": height}
        self.control.send({**message, "first_frame": first}, [segment.fd])
        segment.close()
        self.writers.append(writer)
        return writer

    def publish(self, pixels: Pixels) -> None:
        """Publish the next frame and ring."""
        self.writers[-1].publish_pixels(pixels)
        self.ring()

    def ring(self) -> None:
        os.eventfd_write(self.bell, 1)

    def adopt(
        self, *encodings: int, client: int = 0, verdict: str = "serve", reading=True, **choices
    ) -> Client:
        """Connect a viewer and hand its socket over."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        ident = client or len(self.viewers) + 1
        message = {"type": "adopt", "client": ident, "address": "127.0.0.1", "judge_after_s": 0.0}
        message["speaks"] = "vnc"
        self.control.send({**message, "verdict": verdict, "reason": "too many"}, [ours.fileno()])
        ours.close()
        viewer = Client(peer, HandshakeChoices(**choices))
        self.viewers.append(viewer)
        if verdict == "serve" and reading and self.writers:
            self.run(lambda: viewer.viewer.ready)
            if encodings:
                viewer.set_encodings(encodings)
        return viewer

    # time

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Let the encoder and all viewers run until the condition holds. Raises: TimeoutError."""
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                if time.monotonic() > end:
                    raise TimeoutError(f"{self.said[-5:]}")
                self._move()
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())

    def run_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.run(lambda: time.monotonic() > end, seconds + 5)

    def _move(self) -> None:
        try:
            while (received := self.control.receive()) is not None:
                self.said.append(received[0])
        except BlockingIOError:
            pass
        for viewer in self.viewers:
            if not viewer.closed_by_server and not getattr(viewer, "is_paused", False):
                viewer.receive(0.001)

    def sees(self, viewer: Client, pixels: Pixels) -> bool:
        return np.array_equal(viewer.viewer.rgb(), pixels)

    def told(self, kind: str, **fields: object) -> bool:
        return any(one["type"] == kind and fields.items() <= one.items() for one in self.said)

    def close(self) -> None:
        for client in list(self.encoder._clients.values()):
            client.close("the test is over")
        for viewer in self.viewers:
            viewer.close()
        self.encoder._sender.close()
        self.bus.close()
        self.loop.close()
        self.runtime.close()
        self.control.close()
        for one in self.encoder.shows:
            one.close()
        self.pointer.close()
        for writer in self.writers:
            writer.close()
        for fd in (self.pointer_fd, self.bell):
            os.close(fd)
        self.status.close()


@pytest.fixture
def make(tmp_path) -> Iterator[Callable[..., Worker]]:
    workers = []

    def build(password: str | None = None, view_only: str | None = None, **sections: dict) -> Worker:
        secrets = Secrets(password=password, view_only_password=view_only)
        workers.append(Worker(tmp_path, from_dict(sections), secrets))
        return workers[-1]

    yield build
    for worker in workers:
        worker.close()


@pytest.fixture
def worker(make) -> Worker:
    return make()


def watch(worker: Worker, viewer: Client, pixels: Pixels) -> None:
    viewer.request(False)
    worker.run(lambda: worker.sees(viewer, pixels))
    viewer.request()


def test_it_is_ready_and_beats(worker):
    worker.run(lambda: worker.told("ready"))
    worker.run(lambda: worker.status.slot(0).get(Counter.HEARTBEAT) >= 1)


def test_viewers_of_every_encoding_see_every_frame(worker):
    first, second = noise(200, 150), noise(200, 150, 2)
    worker.show(first)
    viewers = [worker.adopt(encoding) for encoding in LOSSLESS]
    for viewer in viewers:
        watch(worker, viewer, first)
    worker.publish(second)
    worker.run(lambda: all(worker.sees(viewer, second) for viewer in viewers))
    counters = worker.status.slot(0)
    assert counters.get(Counter.CLIENTS) == len(viewers) and worker.encoder.shows[""].frames == 1
    worker.run(lambda: counters.get(Counter.UPDATES_SENT) == 2 * len(viewers))
    assert all(worker.told("client", client=n + 1, state="authenticated") for n in range(len(viewers)))


def test_one_encode_serves_all_viewers_alike(worker):
    picture = noise(200, 150)
    worker.show(picture)
    first = worker.adopt(Encoding.ZRLE)
    watch(worker, first, picture)
    encodes = worker.status.slot(0).get(Counter.ENCODES)
    for viewer in [worker.adopt(Encoding.ZRLE) for _ in range(5)]:
        watch(worker, viewer, picture)
    assert worker.status.slot(0).get(Counter.ENCODES) == encodes


def test_viewers_that_came_before_the_screen_see_it(worker):
    early = worker.adopt()
    worker.run_for(0.05)
    assert not early.viewer.ready
    picture = noise(100, 80)
    worker.show(picture)
    worker.run(lambda: early.viewer.ready and worker.told("client", state="authenticated"))
    watch(worker, early, picture)


def test_a_new_size_is_shown(worker):
    worker.show(noise(100, 80))
    resizable = worker.adopt(Encoding.ZRLE, Encoding.DESKTOP_SIZE)
    fixed = worker.adopt(Encoding.RAW)
    for viewer in (resizable, fixed):
        watch(worker, viewer, noise(100, 80))
    larger = noise(160, 120, 3)
    worker.show(larger)
    worker.run(lambda: resizable.viewer.width == 160)
    resizable.request()
    worker.run(lambda: worker.sees(resizable, larger) and worker.sees(fixed, larger[:80, :100]))


def test_continuous_updates_survive_a_new_size(worker):
    worker.show(noise(100, 80))
    viewer = worker.adopt(Encoding.RAW, Encoding.EXTENDED_DESKTOP_SIZE, Encoding.CONTINUOUS_UPDATES)
    worker.run(lambda: viewer.viewer.ledger.continuous_known)
    viewer.viewer.enable_continuous_updates(True)
    viewer.flush()
    worker.run(lambda: worker.sees(viewer, noise(100, 80)))
    smaller = noise(60, 40, 4)
    worker.show(smaller)
    worker.run(lambda: worker.sees(viewer, smaller))
    for seed in range(5, 10):
        worker.publish(noise(60, 40, seed))
    worker.run(lambda: worker.sees(viewer, noise(60, 40, 9)))


def test_what_was_lossy_becomes_exact_by_one_timer_that_ends(worker):
    picture = noise(300, 200)
    worker.show(picture)
    viewers = [worker.adopt(Encoding.TIGHT, QUALITY_5) for _ in range(3)]
    for viewer in viewers:
        viewer.request(False)
        worker.run(lambda viewer=viewer: viewer.viewer.updates == 1)
        assert not worker.sees(viewer, picture)
        viewer.request()
    worker.run(lambda: all(worker.sees(viewer, picture) for viewer in viewers))
    for viewer in viewers:
        viewer.request()
    worker.run(lambda: worker.encoder.shows[""]._timer is None)
    assert worker.encoder.shows[""].broadcast.look_at == float("inf")


def test_continuous_updates_go_on_behind_fences(worker):
    worker.show(noise(300, 200))
    viewer = worker.adopt(Encoding.ZRLE, Encoding.CONTINUOUS_UPDATES, Encoding.FENCE)
    worker.run(lambda: viewer.viewer.ledger.continuous_known)
    viewer.viewer.enable_continuous_updates(True)
    viewer.flush()
    for seed in range(2, 12):
        worker.publish(noise(300, 200, seed))
        worker.run(lambda seed=seed: worker.sees(viewer, noise(300, 200, seed)))
    (client,) = worker.encoder._clients.values()
    worker.run(lambda: client.session.pacer.in_flight_bytes == 0)
    limits = client.session.limits()
    assert 0 < limits.rtt_s < 1 and limits.window_bytes > 0


def test_on_loopback_nobody_leaves_the_top_rung(worker):
    worker.show(noise(300, 200))
    quick, slow = worker.adopt(Encoding.TIGHT, QUALITY_5), worker.adopt(Encoding.RAW)
    quick.request(False)
    slow.request(False)
    worker.run(lambda: slow.viewer.updates == quick.viewer.updates == 1)
    clients = list(worker.encoder._clients.values())
    worker.encoder.shows[""].judge()
    for second in range(4):
        for seed in range(8):
            before = quick.viewer.updates
            quick.request()
            worker.publish(noise(300, 200, 10 * second + seed))
            worker.run(lambda before=before: quick.viewer.updates > before)
        worker.encoder.shows[""].judge()
    told, other = (describe(client, 0.0) for client in clients)
    assert told["rung"] == other["rung"] == 0
    assert told["rtt_ms"] > 0 and told["limited_by"] == ""
    assert other["limited_by"] == "decode" and other["frames_skipped"] >= 24


def test_the_pointer_is_drawn_for_the_audience(worker):
    picture = np.zeros((80, 100), np.uint32)
    worker.show(picture)
    viewer = worker.adopt(Encoding.RAW)
    watch(worker, viewer, picture)
    worker.pointer.write_cursor(Cursor(4, 4, 0, 0, b"\xff\xff\xff\xff" * 16))
    worker.pointer.write_position(10, 20, True)
    worker.ring()
    expected = picture.copy()
    expected[20:24, 10:14] = 0xFFFFFF
    worker.run(lambda: worker.sees(viewer, expected))


def test_a_stalled_reader_is_dropped_and_others_go_on(make):
    worker = make(clients={"stall_timeout_s": 0.5})
    worker.show(noise(800, 600))
    good, bad = worker.adopt(Encoding.ZRLE), worker.adopt(Encoding.RAW)
    watch(worker, good, noise(800, 600))
    bad.is_paused = True
    bad.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(20):
        bad.request(False)
        worker.run_for(0.01)
    for seed in range(2, 6):
        worker.publish(noise(800, 600, seed))
        worker.run(lambda seed=seed: worker.sees(good, noise(800, 600, seed)))
        good.request()
    worker.run(lambda: worker.told("client", client=2, state="gone", reason="stalled: it does not read"))
    worker.publish(noise(800, 600, 9))
    worker.run(lambda: worker.sees(good, noise(800, 600, 9)))
    assert worker.status.slot(0).get(Counter.CLIENTS) == 1


def test_whoever_leaves_in_the_middle_of_an_update_takes_nobody_along(worker):
    picture = noise(1000, 700)
    worker.show(picture)
    leaver, stayer = worker.adopt(Encoding.TIGHT), worker.adopt(Encoding.TIGHT)
    leaver.request(False)
    stayer.request(False)
    worker.run(lambda: worker.encoder.shows[""].broadcast.is_busy)
    leaver.is_paused = True
    leaver.close()
    worker.run(lambda: worker.told("client", client=1, state="gone"))
    worker.run(lambda: worker.sees(stayer, picture))


def test_a_rectangle_that_cannot_be_encoded_ends_those_who_wait_for_it(worker, caplog):
    worker.show(noise(300, 200))
    sound, broken = worker.adopt(Encoding.RAW), worker.adopt(Encoding.ZRLE)
    cache = worker.encoder.shows[""].broadcast.fanout.cache
    encode = cache._encode

    def fragile(pixels, rect, wire):
        if wire.encoding is Encoding.ZRLE:
            raise ValueError("a bug")
        return encode(pixels, rect, wire)

    cache._encode = fragile
    broken.request(False)
    worker.run(lambda: worker.told("client", client=2, state="gone"))
    watch(worker, sound, noise(300, 200))
    assert "fault of ours" in caplog.text


def test_a_fault_in_the_making_of_updates_leaves_nobody_in_front_of_a_dead_screen(worker, caplog):
    worker.show(noise(300, 200))
    for viewer in (worker.adopt(Encoding.RAW), worker.adopt(Encoding.ZRLE)):
        watch(worker, viewer, noise(300, 200))
    broadcast = worker.encoder.shows[""].broadcast
    step, broadcast.step = broadcast.step, lambda now: 1 / 0
    worker.publish(noise(300, 200, 2))
    worker.run(lambda: all(worker.told("client", client=ident, state="gone") for ident in (1, 2)))
    assert not broadcast.is_busy and "fault of ours" in caplog.text
    broadcast.step = step
    watch(worker, worker.adopt(Encoding.ZRLE), noise(300, 200, 2))


# -- the supervisor's words


def test_a_refusal_is_spoken(worker):
    worker.show(noise(64, 64))
    viewer = worker.adopt(verdict="refuse")
    with pytest.raises(Refused, match="too many"):
        worker.run(lambda: viewer.closed_by_server)
    worker.run(lambda: worker.told("client", client=1, state="gone"))


def test_a_wrong_password_is_told_and_answered_late(make):
    worker = make(password="secret", view_only="watch")
    worker.show(noise(64, 64))
    wrong = worker.adopt(password="guess", reading=False)
    worker.run(lambda: worker.told("auth_failed", client=1, address="127.0.0.1"))
    began = time.monotonic()
    worker.control.send({"type": "auth_delay", "client": 1, "delay_s": 0.1})
    with pytest.raises(Refused):
        worker.run(lambda: wrong.closed_by_server)
    assert time.monotonic() - began > 0.08
    wrong.is_paused = True
    worker.adopt(client=2, password="secret", shared=False)
    worker.adopt(client=3, password="watch", shared=False)
    worker.run(lambda: worker.told("client", client=3, state="authenticated", view_only=True))
    assert worker.told("exclusive", client=2), "a client in control may ask to be alone"
    assert not worker.told("exclusive", client=3), "one that only watches may not"


def tcp_sockets() -> int:
    """Count the ones of this process; the bus opens and closes others, in a thread of its own."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as sock:
                    count += sock.family == socket.AF_INET
    return count


def test_a_client_that_cannot_be_served_is_closed_and_gone(make):
    worker = make(password="пароль")
    worker.show(noise(64, 64))
    worker.run(lambda: worker.encoder.shows[""].reader)
    before = tcp_sockets()
    viewer = worker.adopt(reading=False)
    worker.run(lambda: viewer.closed_by_server and worker.told("client", client=1, state="gone"))
    viewer.close()
    worker.viewers.clear()
    assert tcp_sockets() == before
    worker.ring()
    worker.run(lambda: worker.status.slot(0).get(Counter.HEARTBEAT) >= 1)


def test_eviction(worker):
    worker.show(noise(64, 64))
    viewers = [worker.adopt() for _ in range(4)]
    worker.control.send({"type": "evict", "client": 2, "reason": "by command"})
    worker.run(lambda: viewers[1].closed_by_server)
    worker.control.send({"type": "evict", "except": 3, "reason": "another one wants to be alone"})
    worker.run(lambda: viewers[0].closed_by_server and viewers[3].closed_by_server)
    worker.run_for(0.05)
    assert not viewers[2].closed_by_server
    assert worker.told("client", client=2, reason="by command")


def test_bell_and_name_reach_the_viewers(worker):
    picture = noise(64, 64)
    worker.show(picture)
    named, other = worker.adopt(Encoding.RAW, Encoding.DESKTOP_NAME), worker.adopt(Encoding.RAW)
    for viewer in (named, other):
        watch(worker, viewer, picture)
    worker.control.send({"type": "notice", "notice": "bell"})
    for _ in range(2):
        worker.control.send({"type": "source", "state": "up", "name": "Zeichnung"})
    worker.run(lambda: named.viewer.name == "Zeichnung" and named.viewer.bells == other.viewer.bells == 1)
    assert other.viewer.updates == 1


def change_clipboard(worker, clipboard: Clipboard) -> None:
    fd = make_parcel(clipboard.pack())
    worker.control.send({"type": "notice", "notice": "clipboard"}, [fd])
    os.close(fd)


def test_a_clipboard_reaches_those_who_are_there_and_those_who_come(worker):
    worker.show(noise(64, 64))
    before = [worker.adopt(Encoding.RAW), worker.adopt(Encoding.RAW, Encoding.EXTENDED_CLIPBOARD)]
    worker.run(lambda: len(before[1].viewer.clipboard_messages) == 1)
    change_clipboard(worker, Clipboard("gr\u00fcn", None, "<b>gr\u00fcn</b>"))
    worker.run(lambda: before[0].viewer.cut_texts and len(before[1].viewer.clipboard_messages) == 2)
    after = [worker.adopt(Encoding.RAW), worker.adopt(Encoding.RAW, Encoding.EXTENDED_CLIPBOARD)]
    worker.run(lambda: after[0].viewer.cut_texts and len(after[1].viewer.clipboard_messages) == 2)
    assert before[0].viewer.cut_texts == after[0].viewer.cut_texts == ["gr\u00fcn"]
    for client in (before[1], after[1]):
        assert client.viewer.clipboard_messages[1] == (NOTIFY | 5, b"")
        client.send_clipboard(REQUEST | 1)
        worker.run(lambda client=client: len(client.viewer.clipboard_messages) == 3)
        flags, body = client.viewer.clipboard_messages[2]
        assert (flags, zlib.decompress(body)) == (PROVIDE | 1, b"\0\0\0\6gr\xc3\xbcn\0")


def test_what_a_viewer_has_is_asked_for_and_goes_to_the_bus(worker):
    worker.runtime.source = "publish"
    worker.encoder._configure()
    worker.show(noise(64, 64))
    client = worker.adopt(Encoding.RAW, Encoding.EXTENDED_CLIPBOARD)
    worker.run(lambda: client.viewer.clipboard_messages)
    client.send_clipboard(NOTIFY | 7)
    worker.run(lambda: len(client.viewer.clipboard_messages) == 2)
    assert client.viewer.clipboard_messages[1] == (REQUEST | 7, b"")
    client.send_clipboard(PROVIDE | 7, zlib.compress(b"\0\0\0\3hi\0\0\0\0\1{\0\0\0\1<"))
    events = []
    worker.run(lambda: events.extend(map(unpack, worker.bus.receive_all())) or len(events) == 2)
    assert events[1].clipboard == Clipboard("hi", b"{", "<") and events[1].client == 1


@pytest.mark.parametrize("packed", [b"", b"no clipboard", Clipboard("hello").pack() + b"x"])
def test_what_is_no_clipboard_is_logged_and_leaves_nothing_open(worker, packed, caplog):
    worker.show(noise(64, 64))
    viewer = worker.adopt(Encoding.RAW)
    fd = make_parcel(packed)
    worker.control.send({"type": "notice", "notice": "clipboard"}, [fd])
    os.close(fd)
    worker.control.send({"type": "notice", "notice": "clipboard"})
    worker.control.send({"type": "notice", "notice": "bell"})
    worker.run(lambda: viewer.viewer.bells == 1)
    links = [os.readlink(entry) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()]
    assert not any("mpvnc-parcel" in link for link in links)
    assert caplog.text.count("a clipboard cannot be told") == 2 and "hello" not in caplog.text
    assert viewer.viewer.cut_texts == []


def test_who_does_not_read_costs_one_clipboard_at_most(worker):
    """Others get each one; what a stalled viewer was not told of is not kept for it."""
    worker.show(noise(64, 64))
    stalled, other = worker.adopt(Encoding.RAW), worker.adopt(Encoding.RAW)
    stalled.is_paused = True
    client = worker.encoder._clients[1]
    for number in range(60):
        text = f"{number}" + "x" * 500_000
        change_clipboard(worker, Clipboard(text))
        worker.run(lambda text=text: text in other.viewer.cut_texts)
        other.viewer.cut_texts.clear()
    assert client.pipe.is_blocked and not client.session._outgoing
    stalled.set_encodings((Encoding.RAW, Encoding.EXTENDED_CLIPBOARD))
    worker.bus.receive_all()
    stalled.viewer.clipboard_messages.append((0, b""))  # it cannot know yet that it may
    for _ in range(1000):
        stalled.send_clipboard(REQUEST | 1)
    stalled.viewer.clipboard_messages.clear()
    stalled.send_key(True, 97)
    worker.run(lambda: any(isinstance(unpack(one), KeyInput) for one in worker.bus.receive_all()))
    assert sum(map(len, client.pipe._rest)) <= len(text) + 8 + 100, "and is heard nevertheless"
    stalled.is_paused = False
    provided = (1 << 28 | 1, zlib.compress(struct.pack(">I", len(text) + 1) + text.encode() + b"\0"))
    worker.run(lambda: provided in stalled.viewer.clipboard_messages)
    assert len(stalled.viewer.cut_texts) < 50
    assert [flags for flags, _ in stalled.viewer.clipboard_messages] == [0x1F000007, NOTIFY | 1, PROVIDE | 1]


def test_a_new_name_reaches_those_who_list_the_encoding_later(worker):
    picture = noise(64, 64)
    worker.show(picture)
    viewer = worker.adopt(Encoding.RAW)
    watch(worker, viewer, picture)
    worker.control.send({"type": "notice", "notice": "desktop_name", "name": "Zeichnung"})
    worker.run_for(0.05)
    assert viewer.viewer.name != "Zeichnung"
    viewer.set_encodings((Encoding.RAW, Encoding.DESKTOP_NAME))
    worker.run(lambda: viewer.viewer.name == "Zeichnung")


def test_a_segment_that_cannot_be_shown_leaves_nothing_open(worker, monkeypatch, caplog):
    worker.show(noise(64, 64))
    viewer = worker.adopt()
    opened = []

    class Broken(FrameReader):
        def __init__(self, fd):
            super().__init__(fd)
            opened.append(self)

        def refresh(self):
            raise FrameError("broken")

        def close(self):
            super().close()
            opened.remove(self)

    monkeypatch.setattr(show, "FrameReader", Broken)
    worker.show(noise(80, 80))
    worker.run(lambda: "broken" in caplog.text)
    assert not opened
    assert "generation 2 cannot be shown" in caplog.text
    watch(worker, viewer, noise(64, 64))


def test_clients_are_reported(make):
    worker = make(password="secret", view_only="watch")
    picture = noise(200, 150)
    worker.show(picture)
    viewer = worker.adopt(Encoding.ZRLE, Encoding.COMPRESSION_LEVEL_0 + 9, password="watch")
    worker.adopt(reading=False, password="secret").is_paused = True
    watch(worker, viewer, picture)
    worker.control.send({"type": "clients", "request": 7})
    worker.run(lambda: worker.told("clients", request=7, more=False))
    (answer,) = (one for one in worker.said if one["type"] == "clients")
    seen, waiting = answer["clients"]
    assert (seen["client"], seen["address"], seen["worker"], seen["is_in"]) == (1, "127.0.0.1", 0, True)
    assert seen["view_only"] and seen["class"] == "zrle c2" and seen["updates"] == 1
    assert seen["bytes_out"] > 100 and seen["fps"] > 0 and 0 < seen["rtt_ms"] < 1000
    assert (waiting["client"], waiting["is_in"], waiting["updates"]) == (2, False, 0)


def test_reports_on_many_clients_come_in_parts(worker, monkeypatch):
    monkeypatch.setattr(report, "CLIENTS_PER_MESSAGE", 2)
    worker.show(noise(64, 64))
    viewers = [worker.adopt() for _ in range(5)]
    worker.control.send({"type": "clients", "request": 1})
    worker.run(lambda: worker.told("clients", more=False))
    parts = [one["clients"] for one in worker.said if one["type"] == "clients"]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert [client["client"] for part in parts for client in part] == list(range(1, len(viewers) + 1))


def test_what_the_supervisor_does_not_take_at_once_follows_as_soon_as_it_does(worker):
    while worker.runtime.control.try_send({"type": "ready", "padding": "x" * 30_000}):
        pass
    worker.runtime.counters = None  # no beat
    worker.encoder._tell({"type": "client", "client": 1})
    assert worker.runtime.control.wants_write
    worker.run(lambda: worker.told("client", client=1), timeout_s=0.8)


def test_another_configuration_is_for_those_who_come(make):
    worker = make(password="secret", security={"auth_delay_s": 0.0})
    picture = noise(200, 150)
    worker.show(picture)
    before = worker.adopt(Encoding.ZRLE, Encoding.RAW, password="secret")
    watch(worker, before, picture)
    config = from_dict({"encoding": {"enabled": ["raw"]}, "clients": {"stall_timeout_s": 9.0}})
    secrets = {"password": "simsalabim", "view_only_password": None}
    worker.control.send({"type": "reconfigure", "config": to_dict(config), "secrets": secrets})
    after = worker.adopt(Encoding.ZRLE, Encoding.RAW, password="simsalabim")
    watch(worker, after, picture)
    worker.publish(noise(200, 150, 2))
    worker.run(lambda: worker.sees(before, noise(200, 150, 2)) and worker.sees(after, noise(200, 150, 2)))
    classes = [client.session.wire.encoding for client in worker.encoder._clients.values()]
    assert classes == [Encoding.ZRLE, Encoding.RAW] and worker.encoder.stall_timeout_s == 9.0


def test_view_only_takes_the_control_of_all_at_once(worker):
    worker.show(noise(64, 64))
    viewer = worker.adopt()
    worker.run(lambda: worker.bus.receive_all())
    for view_only in (True, False):
        config = from_dict({"security": {"view_only": view_only}})
        message = {"type": "reconfigure", "config": to_dict(config)}
        worker.control.send({**message, "secrets": {"password": None, "view_only_password": None}})
        worker.run_for(0.05)
        viewer.send_key(True, 0x61)
        worker.run_for(0.1)
        assert bool(worker.bus.receive_all()) is not view_only


def test_drain_lets_updates_in_flight_go_out(worker, monkeypatch):
    monkeypatch.setattr(encoder, "DRAIN_S", 10.0)
    picture = noise(1600, 1200)
    worker.show(picture)
    viewer, idle = worker.adopt(Encoding.RAW), worker.adopt(Encoding.RAW)
    viewer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    viewer.is_paused = True
    viewer.request(False)
    worker.run(lambda: worker.encoder._clients[1].pipe.is_blocked)
    worker.control.send({"type": "drain"})
    worker.run(lambda: idle.closed_by_server)
    viewer.is_paused = False
    with pytest.raises(RuntimeError, match="stopped"):
        worker.run(lambda: False, 10)
    while not viewer.closed_by_server:
        worker._move()
    worker._move()
    assert worker.sees(viewer, picture)
    assert worker.told("client", client=1, state="gone", reason="the server stops")


def test_unknown_words_are_survived(worker, caplog):
    worker.show(noise(64, 64))
    read_fd, write_fd = os.pipe()
    worker.control.send({"type": "nonsense"}, [write_fd])
    os.close(write_fd)
    worker.control.send({"type": "segment", "generation": 9})
    viewer = worker.adopt()
    watch(worker, viewer, noise(64, 64))
    assert os.read(read_fd, 1) == b"", "its descriptor was closed"
    os.close(read_fd)
    assert "nonsense" in caplog.text and "generation 9" in caplog.text


def test_input_goes_to_the_bus(worker):
    worker.show(noise(64, 64))
    viewer = worker.adopt()
    heard = []

    def listen() -> list:
        heard.extend(map(unpack, worker.bus.receive_all()))
        return heard

    viewer.send_key(True, 0x61)
    worker.run(lambda: len(listen()) >= 2)
    viewer.is_paused = True
    viewer.close()
    worker.run(lambda: len(listen()) >= 3)
    assert [type(event) for event in heard] == [ClientJoined, KeyInput, ClientGone]
    assert heard[0].address == "127.0.0.1" and heard[1].keysym == 0x61


def test_what_a_client_held_is_released_although_the_bus_was_full_when_it_left(worker):
    worker.show(noise(64, 64))
    viewer = worker.adopt()
    worker.run(lambda: worker.bus.receive_all())
    send, worker.encoder._sender.send = worker.encoder._sender.send, lambda message: False
    viewer.is_paused = True
    viewer.close()
    worker.run(lambda: worker.told("client", client=1, state="gone"))
    worker.encoder._sender.send = send
    heard = []
    worker.run(lambda: heard.extend(worker.bus.receive_all()) or heard)
    assert isinstance(unpack(heard[0]), ClientGone)


@pytest.mark.parametrize("end", ["drain", "gone"])
def test_the_end_of_the_supervisor_is_the_end(worker, end):
    worker.show(noise(64, 64))
    viewer = worker.adopt()
    worker.run(lambda: viewer.viewer.ready)
    if end == "drain":
        worker.control.send({"type": "drain"})
    else:
        worker.control.close()
    gave_up = worker.loop.call_later(5.0, worker.loop.stop)
    worker.loop.run_forever()
    assert worker.loop.time() < gave_up.when()


def test_half_messages_and_handshakes_end_in_their_time(make):
    worker = make(timeouts={"handshake_s": 0.3, "message_s": 0.3})
    worker.show(noise(64, 64))
    half, silent = worker.adopt(), worker.adopt(reading=False)
    silent.is_paused = True
    good = worker.adopt()
    half.socket.sendall(struct.pack(">BB", 3, 1))
    worker.run(lambda: worker.told("client", client=1, state="gone"))
    worker.run(lambda: worker.told("client", client=2, state="gone"))
    watch(worker, good, noise(64, 64))


# -- leaders and followers


def crowd(worker: Worker, count: int, pixels: Pixels) -> list[Client]:
    viewers = [worker.adopt(Encoding.ZRLE, Encoding.FENCE) for _ in range(count)]
    for viewer in viewers:
        watch(worker, viewer, pixels)
    worker.run_for(0.05)
    return viewers


def test_followers_get_the_frame_with_their_leader(worker):
    first, second = noise(600, 400), noise(600, 400, 2)
    worker.show(first)
    viewers = crowd(worker, 5, first)
    show = worker.encoder.shows[""]
    show._is_pumping = True  # nothing is encoded for now
    worker.publish(second)
    worker.run(lambda: show._groups._followers)
    assert [len(one) for one in show._groups._followers.values()] == [4]
    show._is_pumping = False
    show._pump_soon()
    worker.run(lambda: all(worker.sees(viewer, second) for viewer in viewers))
    assert not show._groups._followers


def test_a_full_frame_for_a_leader_holds_no_frame_back(worker, monkeypatch):
    monkeypatch.setattr("mpvnc.session.fanout.PATIENCE_S", 60.0)
    worker.show(noise(600, 400))
    viewers = crowd(worker, 2, noise(600, 400))
    show = worker.encoder.shows[""]
    show._is_pumping = True  # nothing is encoded for now
    show.broadcast.fanout.reset()
    for viewer in viewers:
        viewer.request(False)
    worker.run(lambda: show.broadcast.is_busy)
    for seed in (2, 3):
        worker.publish(noise(600, 400, seed))
        worker.run(lambda: show.reader.frame == show.reader.newest)
    show._is_pumping = False
    show._pump_soon()
    worker.run(lambda: all(worker.sees(viewer, noise(600, 400, 3)) for viewer in viewers))


@pytest.mark.parametrize("how", ["leaves", "changes its format", "asks for a part"])
def test_followers_are_not_lost_with_their_leader(worker, how):
    first, second = noise(600, 400), noise(600, 400, 2)
    worker.show(first)
    viewers = crowd(worker, 4, first)
    show = worker.encoder.shows[""]
    show._on_time = lambda: None  # the timer would offer the frame again, some time
    if show._timer is not None:
        show._timer.cancel()
    show._is_pumping = True  # nothing is encoded for now
    worker.publish(second)
    worker.run(lambda: show._groups._leaders)
    (leader,) = show._groups._leaders
    ident = next(one.ident for one in worker.encoder._clients.values() if one.session is leader)
    leading = viewers[ident - 1]
    if how == "leaves":
        leading.close()
        worker.viewers.remove(leading)
    elif how == "changes its format":
        leading.viewer.set_pixel_format(FORMATS["rgb565"])
        leading.flush()
    else:
        leading.request(False, (0, 0, 10, 10))
    worker.run_for(0.05)
    show._is_pumping = False
    show._pump_soon()
    others = [viewer for viewer in viewers if viewer is not leading]
    worker.run(lambda: all(worker.sees(viewer, second) for viewer in others))
    worker.publish(first)
    for viewer in others:
        viewer.request()
    worker.run(lambda: all(worker.sees(viewer, first) for viewer in others))
