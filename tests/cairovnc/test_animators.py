"""Programs that draw without a pause, over a socket.

`benchmarks/` and `tests/soak` do the same for a minute and with fifty viewers; here it is a second.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cairo
import numpy as np
import pytest

from mpvnc import cairovnc
from mpvnc.publisher.publication import Publication
from tests.support import processes
from tests.support.client import Client, connect
from tests.support.drawn import painted
from tests.support.servers import ROOT
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = pytest.mark.process

RAW, DESKTOP_SIZE = 0, -223
CAP = 25
DRAWS_S = 1.0


class Counting:
    """A surface that counts how often it is read."""

    def __init__(self, width: int, height: int) -> None:
        self.reads = 0
        self.surface = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)

    def get_data(self) -> memoryview:
        self.reads += 1
        return self.surface.get_data()

    def __getattr__(self, name: str) -> object:
        return getattr(self.surface, name)


class Program:
    """A server with default options but for the number of viewers and the rate."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.drawn = Counting(160, 120)
        self.options = cairovnc.CairoVNCOptions("127.0.0.1", 0)
        self.options.max_clients, self.options.max_framerate = None, CAP
        self.server = cairovnc.CairoVNCServer(self.drawn, surface_lock=self.lock, options=self.options)
        self.server.daemonise()
        self.port = self.server.server.server_address[1]

    def view(self) -> Client:
        client = connect(port=self.port, timeout_s=15)
        client.set_encodings([RAW, DESKTOP_SIZE])
        return client

    @contextmanager
    def drawing(self, draw: Callable[[int], None], rate: float) -> Iterator[list[float]]:
        """Call `draw` so often in a thread, with the lock held; yields when it did."""
        ended, turns = threading.Event(), []

        def run() -> None:
            while not ended.wait(1 / rate):
                with self.lock:
                    draw(len(turns))
                turns.append(time.monotonic())

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield turns
        finally:
            ended.set()
            thread.join(5)
        assert not thread.is_alive(), "a deadlock"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPVNC_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("PYTHONPATH", str(ROOT))
        one = Program()
        try:
            yield one
        finally:
            one.server.stop()
    assert not list(Path(tmp_path_factory.getbasetemp()).glob("run*/nameless-*/*"))


def colour_of(number: int) -> tuple[float, float, float]:
    return number % 7 / 7, number % 11 / 11, number % 13 / 13


def watch(client: Client, until: float) -> int:
    """See every frame until then; each has one colour. Returns how many there were."""
    seen = 0
    client.request(incremental=False)
    while time.monotonic() < until:
        client.wait_update()
        client.request()
        assert len(np.unique(client.viewer.rgb())) == 1, "a torn frame"
        seen += 1
    return seen


def test_frames_are_whole_and_as_many_as_allowed(program: Program) -> None:
    """200 times a second in another colour. Where others take the machine for a moment, it is looked at again."""
    allowed = 2 * DRAWS_S * CAP
    with (
        program.view() as client,
        program.drawing(lambda n: painted(program.drawn.surface, colour_of(n)), 200),
    ):
        client.refresh()
        for _ in range(3):
            before = program.drawn.reads
            seen = watch(client, time.monotonic() + 2 * DRAWS_S)
            read = program.drawn.reads - before
            assert 0.9 * read <= seen <= min(read, allowed) + 2
            if seen >= 0.9 * allowed / TIME_FACTOR:
                return
    pytest.fail(f"{seen} frames of {allowed:g}")


def test_the_first_picture_too_is_read_under_the_lock(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, publish_frame = [], Publication.publish_frame

    def publish(self: Publication, *arguments: object) -> int | None:
        locked.append(program.lock.locked())
        return publish_frame(self, *arguments)

    monkeypatch.setattr(Publication, "publish_frame", publish)
    options = cairovnc.CairoVNCOptions("127.0.0.1", 0)
    server = cairovnc.CairoVNCServer(program.drawn, surface_lock=program.lock, options=options)
    server.daemonise()
    try:
        with connect(port=server.server.server_address[1], timeout_s=15) as client:
            client.refresh()
    finally:
        server.stop()
    assert locked and all(locked)


def test_ten_viewers_do_not_read_more_often_than_one(program: Program) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(program.view()) for _ in range(10)]
        stack.enter_context(program.drawing(lambda n: painted(program.drawn.surface, colour_of(n)), 200))
        for client in clients:
            client.request(incremental=False)
        before, until = program.drawn.reads, time.monotonic() + DRAWS_S
        while time.monotonic() < until:
            for client in clients:
                client.wait_update()
                client.request()
        reads = program.drawn.reads - before
    assert 0 < reads <= DRAWS_S * CAP * TIME_FACTOR + 2
    for client in clients:
        assert client.viewer.updates >= 0.5 * DRAWS_S * CAP / TIME_FACTOR


def test_the_surface_changes_while_its_lock_is_held(program: Program) -> None:
    """Draw, change and unlock, 300 times a second, with two viewers."""
    server = program.server

    def change(number: int) -> None:
        surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 160 + number % 5, 120)
        server.change_surface(painted(surface, colour_of(number)), program.lock)

    with program.view() as one, program.view() as other, program.drawing(change, 300) as turns:
        until = time.monotonic() + DRAWS_S
        while time.monotonic() < until:
            for client in (one, other):
                assert len(np.unique(client.refresh())) == 1
        assert len(one.viewer.resizes) > 3
    assert len(turns) > 100 * DRAWS_S / TIME_FACTOR
    assert max(np.diff(turns)) < 0.5 * TIME_FACTOR
    server.change_surface(program.drawn, program.lock)


def test_by_default_nobody_controls_and_the_option_lets_them(program: Program) -> None:
    assert program.options.read_only
    with program.view() as client:
        client.send_key(True, 0x61)
        client.refresh()
        assert program.server.get_event(0.1) is None
    program.options.read_only = False
    with program.view() as client:
        client.send_key(True, 0x62)
        assert program.server.get_event(5).key == 0x62
    program.options.read_only = True


def test_everybody_is_pushed_with_the_option(program: Program) -> None:
    """One request, and then each frame within the time that one takes."""
    program.options.push_requests = True
    with program.view() as client:
        client.refresh()
        client.viewer.ledger.continuous = True
        took_s = []
        for number in range(1, 6):
            with program.lock:
                painted(program.drawn.surface, (number / 5, 0, 0))
            began, seen = time.monotonic(), client.viewer.updates
            program.server.change_frame()
            client.wait_for(lambda viewer, seen=seen: viewer.updates > seen)
            took_s.append(time.monotonic() - began)
    program.options.push_requests = False
    assert sorted(took_s)[2] < (1 / CAP + 0.03) * TIME_FACTOR, took_s
    with program.view() as client:
        client.refresh()
        painted(program.drawn.surface, (0, 1, 0))
        program.server.change_frame()
        assert client.listen(0.1) == []


def test_who_is_gone_is_no_viewer_any_more(program: Program) -> None:
    """Also if its worker was killed, and the next ones are served again."""
    running = program.server.server
    for kills in (False, True):
        with program.view(), program.view():
            eventually(lambda: len(running.clients) == 2)
            for pid in processes.descendants(os.getpid()) if kills else ():
                if "mpvnc.workers.encoder" in processes.command_line(pid):
                    os.kill(pid, signal.SIGKILL)
        eventually(lambda: not running.clients)
    with program.view() as client:
        client.refresh()
