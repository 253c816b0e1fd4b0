"""Programs that publish, for minutes: the checks of soak.py that need no X server.

colours   a surface painted in one colour per frame at 100 Hz, 50 viewers: no update shows two
resizes   lock, draw, change_surface, unlock at 300 Hz, two viewers: nothing stops, a segment per published frame
deaths    animator, supervisor, children killed at random: clean in 3 s, or at the next start if all die at once
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import cairo

import mpvnc
from tests.process.watch import Watcher
from tests.support import processes
from tests.support.client import Client, connect
from tests.support.drawn import painted
from tests.support.servers import Server, environment, start_supervisor
from tests.support.waits import eventually

RAW, TIGHT, ZRLE, DESKTOP_SIZE = 0, 7, 16, -223
CLEAN_WITHIN_S = 3.0
ANIMATOR = """
import itertools, time, cairo, mpvnc
surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 320, 240)
while True:
    try:
        publication = mpvnc.publish(surface, name="soak")
        break
    except mpvnc.PublishError:
        time.sleep(0.1)
for number in itertools.count():
    with publication.frame():
        context = cairo.Context(surface)
        context.set_source_rgb(number % 7 / 7, number % 5 / 5, number % 3 / 3)
        context.paint()
    time.sleep(0.02)
"""


def view(publication: mpvnc.Publication, *encodings: int) -> Client:
    """Connect a viewer."""
    client = connect(port=int(publication.listeners[0].rpartition(":")[2]))
    client.set_encodings(encodings)
    return client


def colours(seconds: float, viewers: int = 50) -> str:
    """Paint a surface in one colour after the other: no update ever shows two of them."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 320, 240)
    dice, lists = random.Random(1), ((RAW,), (TIGHT,), (ZRLE,))
    with mpvnc.publish(surface, port=0, settings={"server.workers": 2}) as publication, ExitStack() as stack:
        clients = [stack.enter_context(view(publication, *lists[i % 3])) for i in range(viewers)]
        for client in clients:
            client.refresh()
            client.request()
        end, seen, published, due = time.monotonic() + seconds, 0, 0, time.monotonic()
        while time.monotonic() < end:
            if time.monotonic() >= due:
                due += 0.01
                with publication.frame():
                    painted(surface, (dice.random(), dice.random(), dice.random()))
                published += 1
            client = clients[seen % viewers]
            before = client.viewer.updates
            client.receive(0.002)
            seen += 1
            if client.viewer.updates != before:
                picture = client.viewer.rgb()
                assert (picture == picture[0, 0]).all(), f"two colours in frame {published}"
                client.request()
        updates = sum(client.viewer.updates for client in clients)
        assert min(client.viewer.updates for client in clients) > 3, "a viewer saw nothing"
        return f"{updates} updates of {published} colours to {viewers} viewers, each of one colour"


def resizes(seconds: float) -> str:
    """Change the surface 300 times a second while another thread publishes it: no stop, no segment without a frame."""
    lines: list[str] = []
    lock, stop = threading.Lock(), threading.Event()
    surface = painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 320, 240), (1, 0, 0))
    settings = {"server.workers": 2, "logging.log_level": "INFO"}
    changes: list[float] = []
    with mpvnc.publish(surface, port=0, settings=settings, log=lines.append) as publication:
        drawing = threading.Thread(target=_resize, args=(publication, lock, stop, changes))
        watchers = [Watcher(view(publication, TIGHT, DESKTOP_SIZE)) for _ in range(2)]
        drawing.start()
        published, end = 1, time.monotonic() + seconds
        while time.monotonic() < end:
            with lock:
                published += publication.publish_frame() is not None
            time.sleep(1 / 60)
        stop.set()
        drawing.join(5)
        assert not drawing.is_alive(), "it stopped"
        for watcher in watchers:
            watcher.stop()
        seen = [len(watcher.times) for watcher in watchers]
    segments = sum("frames of" in line for line in lines)
    gap = max(after - before for before, after in itertools.pairwise(changes))
    assert segments <= published, f"{segments} segments for {published} frames"
    assert min(seen) > seconds, f"viewers saw {seen} updates"
    assert gap < 2, f"nothing for {gap:.1f} s"
    return (
        f"{len(changes)} surfaces, {published} frames, {segments} segments, longest pause {1000 * gap:.0f} ms"
    )


def _resize(
    publication: mpvnc.Publication, lock: threading.Lock, stop: threading.Event, changes: list[float]
) -> None:
    dice = random.Random(2)
    due = time.monotonic()
    while not stop.wait(due - time.monotonic()):
        due += 1 / 300
        with lock:
            size = dice.randrange(200, 400), dice.randrange(100, 300)
            surface = painted(cairo.ImageSurface(cairo.FORMAT_RGB24, *size), (dice.random(), 0.5, 0.5))
            publication.change_surface(surface)
        changes.append(time.monotonic())


class Stage:
    """A supervisor, an animator that joins it, and viewers; all of which may die."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = 0
        self.server = self.start_server()
        self._port = self.server.port
        self.animator = self.start_animator()
        self.watchers = [Watcher(self.connect()) for _ in range(4)]

    def start_server(self) -> Server:
        """Start it, where it was before."""
        settings = [
            "server.name=soak",
            "source.kind=publish",
            "server.workers=2",
            "timeouts.crash_limit=100000",
        ]
        if self._port:
            settings.append(f"server.port={self._port}")
        return start_supervisor(self._directory, *settings, timeout_s=30)

    def start_animator(self) -> subprocess.Popen[bytes]:
        """Start the program."""
        env = environment(self._directory / "run")
        return subprocess.Popen([sys.executable, "-c", ANIMATOR], env=env, stderr=subprocess.DEVNULL)

    def connect(self) -> Client:
        """Connect a viewer, as soon as there is something to see."""
        client = connect(port=self.server.port, timeout_s=20)
        client.set_encodings((TIGHT,))
        return client

    def see(self, *, stays: bool) -> None:
        """Wait until every viewer sees frames; those that may be lost come again."""
        for index, watcher in enumerate(self.watchers):
            seen = len(watcher.times) + 3
            eventually(lambda w=watcher, n=seen: len(w.times) >= n or not w.is_connected, 20.0)  # type: ignore[misc]
            if not watcher.is_connected:
                assert not stays, "a viewer was lost"
                watcher.stop()
                self.watchers[index] = Watcher(self.connect())
                self.watchers[index].wait_for_more(3, 20.0)

    def kill_server(self, *also: int) -> tuple[list[int], set[str]]:
        """Kill it, and others at the same moment; return its descendants and all their segments."""
        below = processes.descendants(self.server.pid)
        held = set().union(*(processes.open_segments(pid) for pid in (self.server.pid, *below)))
        for pid in (self.server.pid, *also):
            os.kill(pid, signal.SIGKILL)
        self.server.process.wait()
        assert self.server.process.stdout is not None
        self.server.process.stdout.close()
        return below, held

    def close(self) -> None:
        """End everything that is left."""
        self.animator.kill()
        self.animator.wait()
        for watcher in self.watchers:
            watcher.stop()
        if self.server.process.returncode is None:
            self.server.stop()
        self.server.assert_nothing_left()


def kill_child(stage: Stage, dice: random.Random) -> None:
    """Kill an encoder or the animator queue."""
    roles = ("encoder", "encoder", "animator")
    pids = [pid for role in roles for pid in stage.server.children_of_role(role)]
    os.kill(dice.choice(pids), signal.SIGKILL)
    stage.see(stays=False)


def kill_animator(stage: Stage, _dice: random.Random) -> None:
    """Kill the program and start it again: viewers stay."""
    stage.animator.kill()
    stage.animator.wait()
    stage.animator = stage.start_animator()
    stage.see(stays=True)


def kill_supervisor(stage: Stage, _dice: random.Random) -> None:
    """Kill the supervisor alone: its children go, its segments too; the program finds the next one."""
    below, held = stage.kill_server()
    eventually(lambda: not any(map(processes.is_alive, below)), CLEAN_WITHIN_S, what="no children")
    eventually(lambda: not any(map(os.path.exists, held)), CLEAN_WITHIN_S, what="no segments")
    stage.server = stage.start_server()
    stage.see(stays=False)


def kill_all(stage: Stage, _dice: random.Random) -> None:
    """Kill all at once: the next start cleans up."""
    below, held = stage.kill_server(*processes.descendants(stage.server.pid), stage.animator.pid)
    stage.animator.wait()
    eventually(lambda: not any(map(processes.is_alive, below)), CLEAN_WITHIN_S, what="no children")
    stage.server = stage.start_server()
    assert not any(map(os.path.exists, held)), "segments are left after the next start"
    stage.animator = stage.start_animator()
    stage.see(stays=False)


def deaths(kills: int) -> str:
    """Whoever dies: clean soon, and everything comes back."""
    dice, done = random.Random(4), dict[str, int]()
    ways = (kill_child, kill_child, kill_animator, kill_supervisor, kill_all)
    with tempfile.TemporaryDirectory(prefix="mpvnc-soak-") as directory:
        stage = Stage(Path(directory))
        try:
            stage.see(stays=True)
            for _ in range(kills):
                kill = dice.choice(ways)
                kill(stage, dice)
                done[kill.__name__] = done.get(kill.__name__, 0) + 1
        finally:
            stage.close()
    return ", ".join(f"{name} {count} times" for name, count in sorted(done.items()))
