"""The way to a supervisor: one of our own, or one that runs already.

Owns: the subprocess, its log, and the control connection until somebody takes it. A supervisor of our own gets
one end of a socket pair, watches it, and ends with it; secrets travel over it and never in arguments.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO

from mpvnc.config import Server, override
from mpvnc.errors import ControlError, PublishError
from mpvnc.ipc.control import ControlSocket
from mpvnc.ipc.places import control_path, runtime_directory

STOP_TIMEOUT_S = 5.0
LOG_END_TIMEOUT_S = 1.0

logger = logging.getLogger(__name__)


class OwnSupervisor:
    """`mpvnc start` with `settings` over the defaults, for this program alone; it is sent the secrets.

    It is in a session of its own, so that Ctrl-C is the program's alone. Why it cannot start it says in its log,
    and also answers as `refused`.

    Args:
        log: gets every line of its log, in a thread of its own; None: they go to our stderr.
    Raises: PublishError if it cannot be started.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        secrets: Mapping[str, str | None],
        log: Callable[[str], None] | None = None,
    ) -> None:
        if sys.platform != "linux":
            raise PublishError("mpvnc serves on Linux only")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "mpvnc", "start", "--publisher-fd", str(theirs.fileno())]
        for key, value in settings.items():
            command += ["--set", override(key, value)]
        self.control = ControlSocket(ours)
        try:
            with theirs:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=None if log is None else subprocess.PIPE,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            with contextlib.suppress(ControlError):
                self.control.send({"type": "secrets", **secrets})
        except OSError as error:
            self.control.close()
            raise PublishError(f"cannot start a supervisor: {error.strerror}") from error
        self._reader: threading.Thread | None = None
        if log is not None and self.process.stderr is not None:
            arguments = (self.process.stderr, log)
            self._reader = threading.Thread(target=_hand_on, args=arguments, name="mpvnc-log", daemon=True)
            self._reader.start()

    def end(self) -> int:
        """Wait for it after its socket was closed, help it if it is slow; return its exit code."""
        try:
            return self._ended()
        finally:
            if self._reader is not None and self._reader is not threading.current_thread():
                self._reader.join(LOG_END_TIMEOUT_S)

    def _ended(self) -> int:
        for hurry in (self.process.terminate, self.process.kill):
            try:
                return self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                hurry()
        return self.process.wait()


def instance_for(surface: str | None) -> str:
    """Return the instance to join where none is given: the default one, or one called like the surface if only that
    runs.
    """
    directory, usual = runtime_directory("", os.environ), Server().name
    if surface and not control_path(directory, usual).exists() and control_path(directory, surface).exists():
        return surface
    return usual


def join_supervisor(name: str) -> ControlSocket:
    """Connect to the instance `name` of this user. Raises: PublishError if there is none."""
    directory = runtime_directory("", os.environ)
    try:
        return ControlSocket.connect(control_path(directory, name))
    except ControlError as error:
        there = ", ".join(sorted(path.parent.name for path in directory.glob("*/control")))
        advice = (
            f"instance= takes one of: {there}"
            if there
            else (
                "start one with mpvnc-supervisor start --set source.kind=publish, or give port= for one of your own"
            )
        )
        raise PublishError(f"no server named {name} runs in {directory}: {advice}") from error


def _hand_on(pipe: IO[bytes], log: Callable[[str], None]) -> None:
    """Give `log` line by line until all processes that write are gone. Whatever it raises, they are read."""
    with pipe:
        for line in pipe:
            try:
                log(line.decode("utf-8", "replace").rstrip("\n"))
            except Exception:
                logger.exception("the program's log function failed")
