"""Other people's VNC servers and viewers, on loopback, for checks that do not rest on our own code alone."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mss
import numpy as np

from tests.support import processes
from tests.support.pixelformat import Image
from tests.support.waits import deadline, eventually
from tests.support.xserver import wait_window, x_client, x_environment, x_server


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago.

    It lies below those that the kernel gives to whoever asks for any (ip(7), ip_local_port_range): tests that
    run beside this one do not get it meanwhile.
    """
    while True:
        port = random.SystemRandom().randrange(20000, 32768)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Whether something listens on the port of 127.0.0.1."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def xtigervnc(
    directory: Path, width: int = 320, height: int = 200, *options: str
) -> Iterator[tuple[str, int]]:
    """Run TigerVNC's X server without authentication; yield (display, port)."""
    port = free_port()
    command = (
        "Xtigervnc", "-rfbport", str(port), "-localhost", "-SecurityTypes", "None", "-AlwaysShared",
        "-geometry", f"{width}x{height}", "-depth", "24", "-nolisten", "tcp", "-noreset",
        "-FrameRate", "100", *options,
    )  # fmt: skip
    with x_server(command, directory / "xtigervnc.log") as (display, _):
        eventually(lambda: accepts(port), 10, what="Xtigervnc's port")
        yield display, port


@contextmanager
def x11vnc(directory: Path, display: str, *options: str) -> Iterator[int]:
    """Run x11vnc for a display; yield its port."""
    port = free_port()
    command = (
        "x11vnc", "-display", display, "-rfbport", str(port), "-no6", "-localhost", "-nopw", "-norc",
        "-forever", "-shared", "-nocursor", "-nocursorshape", "-noxrecord", "-wait", "10",
        "-defer", "10", *options,
    )  # fmt: skip
    process = processes.start(command, log=directory / "x11vnc.log", env=x_environment(display))
    try:
        eventually(lambda: accepts(port), 15, what="x11vnc's port")
        yield port
    finally:
        processes.stop(process)


class TigerViewer:
    """A TigerVNC viewer on some Xvfb display; `grab` returns what it shows."""

    def __init__(self, display: str, process: subprocess.Popen[bytes], title: str):
        self.display = display
        self.process = process
        self.title = title

    def grab(self, width: int, height: int) -> Image:
        """Return 0x00RRGGBB of its window, which has no border as long as there is no window manager."""
        place = wait_window(self.display, self.title)
        region = {"left": place["x"], "top": place["y"], "width": width, "height": height}
        with mss.MSS(display=self.display) as grabber:
            shot = grabber.grab(region)
        raw = np.frombuffer(shot.raw, "<u4").reshape(height, width)
        return (raw & np.uint32(0xFFFFFF)).astype(np.uint32)

    def wait_shows(self, expected: Image, timeout_s: float = 15.0, tolerance: int = 0) -> None:
        """Wait until it shows exactly that picture (or differs in at most `tolerance` pixels).

        Raises: AssertionError with the number of pixels that differ. Its overlay about F8 goes away after
        about 5 s, hence the long time-out.
        """
        end = deadline(timeout_s)
        height, width = expected.shape
        while (wrong := int(np.count_nonzero(self.grab(width, height) != expected))) > tolerance:
            assert self.process.poll() is None, "the viewer has ended"
            assert time.monotonic() < end, f"{wrong} of {expected.size} pixels differ"
            time.sleep(0.1)


@contextmanager
def tigervnc_viewer(
    directory: Path, display: str, port: int, *options: str, title: str
) -> Iterator[TigerViewer]:
    """Run the TigerVNC viewer against a server whose desktop is named `title`; once its window is there.

    Options such as "-PreferredEncoding=ZRLE", "-NoJPEG=1", "-AutoSelect=0", "-FullColor=1".
    """
    command = (
        "xtigervncviewer", "-Shared=1", "-SecurityTypes=None", "-ReconnectOnError=0", "-AlertOnFatalError=0",
        *options, f"127.0.0.1::{port}",
    )  # fmt: skip
    home = directory / "home"
    home.mkdir(exist_ok=True)
    with x_client(display, "env", f"HOME={home}", *command, log=directory / "viewer.log") as process:
        name = f"{title} - TigerVNC"
        wait_window(display, name)
        yield TigerViewer(display, process, name)
