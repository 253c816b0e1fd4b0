"""Private X servers for tests: Xvfb, and Xtigervnc where the screen is to change its size.

The server picks its own display number (-displayfd) and is ended by its own process object. A machine without
the server makes the test fail: a tier that cannot run is no pass.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mss
import numpy as np

from tests.support.waits import time_factor

Screen = np.ndarray[Any, np.dtype[np.uint32]]
_START_TIMEOUT_S = 20.0


class XServer:
    """A running X server; `display` is its name, as in DISPLAY."""

    def __init__(self, command: Sequence[str]) -> None:
        reading, writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, "-displayfd", str(writing)],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(writing)
        self.display = f":{self._read_number(reading, command)}"

    def run(self, *command: str) -> str:
        """Run an X client to its end; return what it printed."""
        done = subprocess.run(
            command,
            env={**os.environ, "DISPLAY": self.display},
            check=True,
            timeout=20 * time_factor(),
            capture_output=True,
        )
        return done.stdout.decode()

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start an X client; the caller ends it."""
        return subprocess.Popen(
            command,
            env={**os.environ, "DISPLAY": self.display},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def grab(self) -> Screen:
        """Return the whole screen by another way than the one under test: (height, width), top byte 0."""
        with mss.MSS(display=self.display, backend="xlib") as grabber:
            shot = grabber.grab(grabber.monitors[0])
        return np.frombuffer(shot.raw, np.uint32).reshape(shot.height, shot.width) & 0xFFFFFF

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        try:
            self.process.wait(10 * time_factor())
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _read_number(self, reading: int, command: Sequence[str]) -> int:
        number = b""
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while not number.endswith(b"\n"):
                ready, _, _ = select.select([pipe], [], [], _START_TIMEOUT_S * time_factor())
                piece = pipe.read(16) if ready else b""
                if not piece:
                    self.stop()
                    raise AssertionError(f"{command[0]} did not start")
                number += piece
        return int(number)


@contextmanager
def xvfb(width: int = 1024, height: int = 768, depth: int = 24, *options: str) -> Iterator[XServer]:
    """Run an Xvfb. It resets to its start when its last client goes, unless options have -noreset."""
    command = ("Xvfb", "-screen", "0", f"{width}x{height}x{depth}", "-nolisten", "tcp", *options)
    with _running(command) as server:
        yield server


@contextmanager
def xtigervnc(width: int, height: int) -> Iterator[XServer]:
    """Run TigerVNC's X server, whose screen can change its size; nobody can connect by VNC."""
    geometry = ("-geometry", f"{width}x{height}", "-depth", "24")
    closed = ("-SecurityTypes", "None", "-rfbport", "-1", "-interface", "127.0.0.1", "-nolisten", "tcp")
    with _running(("Xtigervnc", *geometry, *closed)) as server:
        yield server


@contextmanager
def _running(command: Sequence[str]) -> Iterator[XServer]:
    server = XServer(command)
    try:
        yield server
    finally:
        server.stop()
