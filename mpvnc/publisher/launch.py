"""The way to a supervisor: one of our own, or one that runs already.

Owns: the subprocess and the control connection until the publication takes them. A supervisor of our own gets
one end of a socket pair, watches it, and ends with it; secrets travel over it and never in arguments.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping

from mpvnc.config import Server
from mpvnc.errors import ControlError, PublishError
from mpvnc.ipc.control import ControlSocket
from mpvnc.ipc.places import control_path, runtime_directory

STOP_TIMEOUT_S = 5.0


def start_supervisor(
    settings: Mapping[str, object], secrets: Mapping[str, str | None]
) -> tuple[ControlSocket, subprocess.Popen[bytes]]:
    """Start `mpvnc start` with `settings` over the defaults and send it the secrets.

    It is in a session of its own, so that Ctrl-C is the program's alone. Its log goes to our stderr; why it cannot
    start it also answers as `refused`.

    Raises: PublishError if it cannot be started.
    """
    if sys.platform != "linux":
        raise PublishError("mpvnc serves on Linux only")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-m", "mpvnc", "start", "--publisher-fd", str(theirs.fileno())]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    control = ControlSocket(ours)
    try:
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        with contextlib.suppress(ControlError):
            control.send({"type": "secrets", **secrets})
    except OSError as error:
        control.close()
        raise PublishError(f"cannot start a supervisor: {error.strerror}") from error
    return control, process


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
        raise PublishError(
            f"no server named {name} runs in {directory}; instance= takes one of: {there or 'none is there'}"
        ) from error


def end_supervisor(process: subprocess.Popen[bytes]) -> int:
    """Wait for a supervisor whose socket was closed, help it if it is slow; return its exit code."""
    for hurry in (process.terminate, process.kill):
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            hurry()
    return process.wait()
