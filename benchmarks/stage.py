"""One server with its screen, its painter and its viewers, running; everything is ended on the way out.

    with running_stage(PEERS["mpvnc"], "video", directory) as stage:
        with stage.viewers(PROFILES["zrle"]) as viewers:
            viewers.grow(50)

The server and all its processes have core 0; painter, viewers and the Xvfb of a server that shows one, core 1.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.accounting import tree, tree_cpu_ns
from benchmarks.peers import SIZE, Peer, Place
from benchmarks.processes import (
    LOAD_CORE,
    ROOT,
    SERVER_CORE,
    BenchError,
    Process,
    free_port,
    program,
    read_line,
    wait_for_banner,
)  # fmt: skip
from benchmarks.scenes import ENCRYPTED, HEIGHT, WIDTH
from mpvnc.ipc.control import ControlSocket

_STATS = struct.Struct("=QQQ")


class Painter:
    """The painter's statistics page."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("mpvnc-bench-stats")
        os.ftruncate(self.fd, mmap.PAGESIZE)
        self._map = mmap.mmap(self.fd, mmap.PAGESIZE)

    def read(self) -> tuple[int, int, int]:
        """Return steps painted, pixels changed, steps painted late."""
        steps, pixels, late = _STATS.unpack_from(self._map)
        return steps, pixels, late

    def close(self) -> None:
        """Unmap it."""
        self._map.close()
        os.close(self.fd)


class Viewers:
    """A process of viewers (viewers.c)."""

    def __init__(self, port: int, profile: Sequence[str], log: Path) -> None:
        name = "viewers-tls" if ENCRYPTED in profile else "viewers"
        command = [str(program(name)), str(port), *profile]
        self.process = Process(command, core=LOAD_CORE, log=log, stdin=subprocess.PIPE, pipe_stdout=True)

    def grow(self, number: int, timeout_s: float = 30.0) -> bool:
        """Have so many viewers; return whether all had their first update in time."""
        self.process.say(f"grow {number}")
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            told = self.mark()
            if told["failed"]:
                raise BenchError(f"{told['failed']} viewers failed: {told['failure']}")
            if told["count"] == told["ready"] == number:
                return True
            time.sleep(0.05)
        return False

    def stop_reading(self, number: int) -> None:
        """Let the first of them read no more; 0: all read again."""
        self.process.say(f"stop {number}")

    def mark(self) -> dict[str, Any]:
        """Return what happened since the last mark (viewers.c, tell)."""
        self.process.check()
        self.process.say("mark")
        told: dict[str, Any] = json.loads(self.process.read_line(10))
        return told

    def close(self) -> None:
        """End it."""
        self.process.end()


@dataclass(slots=True)
class Stage:
    """What runs.

    Attributes:
        servers: the processes that count as the server, each with its tree.
        xvfb: the X server beside it, if there is one.
    """

    peer: Peer
    place: Place
    painter: Painter
    servers: list[Process] = field(default_factory=list)
    xvfb: Process | None = None

    @contextmanager
    def viewers(self, profile: Sequence[str]) -> Iterator[Viewers]:
        """Start a process of viewers, without any yet."""
        viewers = Viewers(self.place.port, profile, self.place.directory / "viewers.log")
        try:
            yield viewers
        finally:
            viewers.close()

    def server_pids(self) -> list[int]:
        """Return every process of the server."""
        for process in self.servers:
            process.check()
        return [pid for process in self.servers for pid in tree(process.pid)]

    def xvfb_cpu_ns(self) -> dict[int, int]:
        """Return the CPU time of the X server beside it."""
        return tree_cpu_ns([self.xvfb.pid] if self.xvfb else [])

    def counters(self) -> dict[str, int]:
        """Return the call counts of mpvnc's encoders and writer, summed up; nothing of others."""
        totals: dict[str, int] = {}
        for child in self.children() if self.peer.is_mpvnc else ():
            for name, value in child["counters"].items():
                key = f"frames_{child['role']}" if name == "frames" else name
                totals[key] = totals.get(key, 0) + value
        return totals

    def children(self) -> list[dict[str, Any]]:
        """Return what mpvnc's `status` says of each of its processes. Raises: BenchError if it has ended."""
        for process in self.servers:
            process.check()
        control = ControlSocket.connect(self.place.directory / "run" / "default" / "control")
        control.send({"type": "status"})
        received = control.receive()
        control.close()
        return list(received[0]["children"]) if received else []


@contextmanager
def running_stage(
    peer: Peer, scene: str, directory: Path, *, flags: Sequence[str] = (), workers: int = 1
) -> Iterator[Stage]:
    """Run a server that shows a scene; `flags` are the painter's."""
    missing = peer.missing()
    if missing:
        raise BenchError(f"{peer.name} is not here: install {missing}")
    with ExitStack() as stack:
        painter = Painter()
        stack.callback(painter.close)
        start = {"memory": _start_memory, "none": _start_alone}.get(peer.screen, _start_x)
        place = Place(free_port(), "", -1, directory, workers)
        yield start(stack, Stage(peer, place, painter), [scene, str(painter.fd)], list(flags))


def _start_x(stack: ExitStack, stage: Stage, scene: list[str], flags: list[str]) -> Stage:
    peer = stage.peer
    if peer.screen == "own":
        (command,) = peer.commands(stage.place)
        process, display = _start_display(stack, stage, command, SERVER_CORE)
        stage.servers.append(process)
    else:
        xvfb = ["Xvfb", "-screen", "0", f"{SIZE}x24", "-nolisten", "tcp", "-noreset"]
        stage.xvfb, display = _start_display(stack, stage, xvfb, LOAD_CORE)
    stage.place = _with(stage.place, display=display)
    _paint(stack, stage, ["x", *scene, *flags], display, [stage.painter.fd])
    if peer.screen == "xvfb":
        for command in peer.commands(stage.place):
            stage.servers.append(_start_server(stack, stage, command))
    if stage.servers:
        wait_for_banner(stage.place.port, stage.servers[0])
    return stage


def _start_alone(stack: ExitStack, stage: Stage, scene: list[str], flags: list[str]) -> Stage:
    """Start a server that has a picture of its own; nothing is painted."""
    for command in stage.peer.commands(stage.place):
        stage.servers.append(_start_server(stack, stage, command))
    wait_for_banner(stage.place.port, stage.servers[0])
    return stage


def _start_memory(stack: ExitStack, stage: Stage, scene: list[str], flags: list[str]) -> Stage:
    canvas = os.memfd_create("mpvnc-bench-canvas")
    stack.callback(os.close, canvas)
    os.ftruncate(canvas, WIDTH * HEIGHT * 4)
    stage.place = _with(stage.place, canvas_fd=canvas)
    *first, fed = stage.peer.commands(stage.place)
    for command in first:
        stage.servers.append(_start_server(stack, stage, command))
        wait_for_banner(stage.place.port, stage.servers[0])
    arguments = ["memory", *scene, str(canvas), *flags]
    painter = _paint(stack, stage, arguments, "", [stage.painter.fd, canvas], pipe_stdout=True)
    assert painter.popen.stdout is not None
    stage.servers.append(_start_server(stack, stage, fed, [canvas], painter.popen.stdout.fileno()))
    painter.popen.stdout.close()
    wait_for_banner(stage.place.port, stage.servers[0])
    return stage


def _with(place: Place, *, display: str = "", canvas_fd: int = -1) -> Place:
    return Place(place.port, display, canvas_fd, place.directory, place.workers)


def _start_display(stack: ExitStack, stage: Stage, command: list[str], core: int) -> tuple[Process, str]:
    """Start an X server on a free number; return it and its display."""
    read, write = os.pipe()
    stack.callback(os.close, read)
    log = stage.place.directory / "x.log"
    process = Process([*command, "-displayfd", str(write)], core=core, log=log, pass_fds=[write])
    stack.callback(process.end)
    os.close(write)
    return process, f":{read_line(read, 15).strip()}"


def _start_server(
    stack: ExitStack,
    stage: Stage,
    command: list[str],
    pass_fds: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
) -> Process:
    log = stage.place.directory / "server.log"
    env = {"PYTHONPATH": str(ROOT), "DISPLAY": stage.place.display}
    process = Process(command, core=SERVER_CORE, log=log, env=env, pass_fds=pass_fds, stdin=stdin)
    stack.callback(process.end)
    return process


def _paint(
    stack: ExitStack, stage: Stage, arguments: list[str], display: str, pass_fds: Sequence[int],
    *, pipe_stdout: bool = False,
) -> Process:  # fmt: skip
    process = Process(
        [program("painter"), *arguments], core=LOAD_CORE, log=stage.place.directory / "painter.log",
        env={"DISPLAY": display}, pass_fds=pass_fds, pipe_stdout=pipe_stdout,
    )  # fmt: skip
    stack.callback(process.end)
    end = time.monotonic() + 10
    while stage.painter.read()[0] == 0 and not pipe_stdout:
        process.check()
        if time.monotonic() > end:
            raise BenchError("the painter does not paint")
        time.sleep(0.02)
    return process
