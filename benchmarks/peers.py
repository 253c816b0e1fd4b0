"""The servers that are compared: what each needs, how each is started. All on loopback, without a password.

mpvnc offers TLS to those who want it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.processes import HERE, BenchError, program

SIZE = "1920x1080"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is to run.

    Attributes:
        port: its RFB port.
        display: the X display that it shows ("" if it has none, or is one itself).
        canvas_fd: the picture in memory, -1 if there is none.
        directory: for its files.
        workers: encoder processes, for a server that has such.
    """

    port: int
    display: str
    canvas_fd: int
    directory: Path
    workers: int = 1

    @property
    def recording(self) -> Path:
        """Where a recording is, for a server that replays one."""
        return self.directory / "recording"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server.

    Attributes:
        screen: `own` is an X server itself, `xvfb` shows one, `memory` is fed by the painter, `none` has a picture
            of its own.
        commands: what to start; the last of them is fed, if it shows memory. None for a display that is looked at.
        replays: it needs a recording of what mpvnc sent (`Place.recording`).
        executable, package: what must be installed.
    """

    name: str
    screen: Literal["own", "xvfb", "memory", "none"]
    commands: Callable[[Place], list[list[str]]]
    executable: str = ""
    package: str = ""
    is_mpvnc: bool = False
    replays: bool = False

    def missing(self) -> str:
        """Return what to install before it can run; "" if it can."""
        if self.name == "lvs":
            try:
                program("lvs")
            except BenchError:
                return self.package
        needed = {self.executable: self.package} if self.executable else {}
        if self.screen == "xvfb":
            needed["Xvfb"] = "xvfb"
        return " ".join(package for name, package in needed.items() if not shutil.which(name))


def _xvnc(place: Place) -> list[list[str]]:
    options = ["-geometry", SIZE, "-depth", "24", "-rfbport", str(place.port), "-SecurityTypes", "None"]
    return [
        [
            "Xtigervnc",
            *options,
            "-localhost",
            "-AlwaysShared",
            "-UseBlacklist=0",
            "-noreset",
            "-nolisten",
            "tcp",
        ]
    ]


def _x0vnc(place: Place) -> list[list[str]]:
    options = [
        "-rfbport",
        str(place.port),
        "-SecurityTypes",
        "None",
        "-localhost",
        "-AlwaysShared",
        "-UseBlacklist=0",
    ]
    return [["X0tigervnc", "-display", place.display, *options]]


def _x11vnc(*options: str) -> Callable[[Place], list[list[str]]]:
    def commands(place: Place) -> list[list[str]]:
        common = ["-rfbport", str(place.port), "-localhost", "-shared", "-forever", "-nopw", "-quiet"]
        return [["x11vnc", "-display", place.display, *common, *options]]

    return commands


def _lvs(place: Place) -> list[list[str]]:
    return [[str(program("lvs")), str(place.port), str(place.canvas_fd)]]


def _mpvnc(place: Place, *settings: str) -> list[str]:
    every = (
        "server.host=127.0.0.1", f"server.port={place.port}", f"server.workers={place.workers}",
        f"server.runtime_dir={place.directory / 'run'}", "clients.max_connections=5000",
        "security.types=none,x509none", "logging.log_level=WARNING", *settings,
    )  # fmt: skip
    options = [word for setting in every for word in ("--set", setting)]
    return [sys.executable, "-P", "-m", "mpvnc", "start", *options]


def _mpvnc_x11(place: Place) -> list[list[str]]:
    return [_mpvnc(place, "source.kind=x11", f"source.display={place.display}")]


def _mpvnc_memory(place: Place) -> list[list[str]]:
    control = place.directory / "run" / "default" / "control"
    feed = [sys.executable, "-P", str(HERE / "feed.py"), str(control), str(place.canvas_fd)]
    return [_mpvnc(place, "source.kind=publish"), feed]


def _bare(place: Place) -> list[list[str]]:
    return [[sys.executable, "-P", "-m", "benchmarks.bare", str(place.port), str(place.recording)]]


def _mpvnc_demo(place: Place) -> list[list[str]]:
    width, _, height = SIZE.partition("x")
    return [_mpvnc(place, "source.kind=demo", f"source.width={width}", f"source.height={height}")]


SCREEN = Peer("screen", "xvfb", lambda place: [])
"""No server: an Xvfb and the painter alone."""
DEMO = Peer("mpvnc-demo", "none", _mpvnc_demo, is_mpvnc=True)
"""mpvnc with its demo, which needs nothing installed; it shows none of the workloads."""
PEERS = {
    peer.name: peer
    for peer in (
        Peer("mpvnc", "xvfb", _mpvnc_x11, is_mpvnc=True),
        Peer("mpvnc-memory", "memory", _mpvnc_memory, is_mpvnc=True),
        Peer("xvnc", "own", _xvnc, "Xtigervnc", "tigervnc-standalone-server"),
        Peer("x0vnc", "xvfb", _x0vnc, "X0tigervnc", "tigervnc-scraping-server"),
        Peer("x11vnc", "xvfb", _x11vnc(), "x11vnc", "x11vnc"),
        Peer("x11vnc-fast", "xvfb", _x11vnc("-wait", "5", "-defer", "5", "-nonap", "-noscr", "-nowf"),
             "x11vnc", "x11vnc"),
        Peer("lvs", "memory", _lvs, "", "libvncserver-dev"),
        Peer("bare", "memory", _bare, replays=True),
    )
}  # fmt: skip
