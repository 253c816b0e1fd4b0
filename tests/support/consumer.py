"""The injector or the animator as a process, under a supervisor that is the test itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mpvnc.config import Config, to_dict
from mpvnc.ipc.bus import InputSender
from mpvnc.ipc.control import ControlSocket, pair
from mpvnc.metrics import StatusPage, slot_count
from mpvnc.session.input import KeyInput, pack
from tests.support.waits import eventually

SLOTS = slot_count(1)
CONSUMER = 2


class Child:
    """A running role."""

    def __init__(self, control: ControlSocket, process: subprocess.Popen, directory: Path, fd: int) -> None:
        self.control, self.process = control, process
        self._messages: list[dict] = []
        self.status = StatusPage(fd, SLOTS)
        self.sender = InputSender(f"ipc://{directory}/input")

    def send(self, *events: object, surface: int = 0) -> None:
        for event in events:
            eventually(lambda event=event: self.sender.send(pack(event, surface)))

    def heard(self, kind: str) -> dict:
        """Wait for a message of this type and take it; others are kept."""
        self.control.set_timeout(10)
        while (found := next((one for one in self._messages if one["type"] == kind), None)) is None:
            received = self.control.receive()
            assert received is not None, f"the child ended before {kind}"
            self._messages.append(received[0])
        self._messages.remove(found)
        return found

    def close(self) -> None:
        self.control.close()
        self.process.wait(10)
        self.sender.close()
        self.status.close()


@contextmanager
def running(role: str, config: Config, directory: Path, page: int, source: str = "x11") -> Iterator[Child]:
    ours, theirs = pair()
    command = [sys.executable, "-P", "-m", f"mpvnc.workers.{role}", "--control-fd", str(theirs.fileno())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
    theirs.close()
    configure = {
        "type": "configure", "role": role, "slot": CONSUMER, "slots": SLOTS, "instance": "test",
        "runtime_dir": str(directory), "source": source, "config": to_dict(config),
        "bus": {name: f"ipc://{directory}/{name}" for name in ("input", "events", "notices")},
        "secrets": {"password": None, "view_only_password": None},
    }  # fmt: skip
    pointer = os.memfd_create("pointer")
    ours.send(configure, [page, pointer])
    os.close(pointer)
    child = Child(ours, process, directory, page)
    try:
        child.heard("ready")
        yield child
    finally:
        child.close()


def key(down: bool, keysym: int = 97, client: int = 1) -> KeyInput:
    return KeyInput(client, time.time(), down, keysym)
