"""A role as a real child process, with the test in the supervisor's place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mpvnc.config import Config, to_dict
from mpvnc.frames.pointer import PointerPage, pointer_page_bytes
from mpvnc.ipc.control import Message, pair
from mpvnc.metrics import StatusPage, create_status_page
from tests.support.waits import TIME_FACTOR

SLOTS = 4


class SupervisedRole:
    """A configured child; `control` is the supervisor's end, `bells` the eventfds that it rings."""

    def __init__(self, role: str, source: str, config: Config, log: Path, display: str = "") -> None:
        self.control, theirs = pair()
        self.bells = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(2)]
        self._pages = [create_status_page(SLOTS), os.memfd_create("mpvnc-test", os.MFD_CLOEXEC)]
        os.truncate(self._pages[1], pointer_page_bytes())
        self.status = StatusPage(self._pages[0], SLOTS)
        self.pointer = PointerPage(self._pages[1], writable=False)
        self.counters = self.status.slot(SLOTS - 2)
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"mpvnc.workers.{role}", "--control-fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env={**os.environ, "DISPLAY": display},
            )
        theirs.close()
        self.control.set_timeout(20 * TIME_FACTOR)
        self.control.send(self._configure(role, source, config), [*self._pages, *self.bells])

    def expect(self, kind: str) -> Message:
        """Return the next message, which has to be of a type."""
        received = self.control.receive()
        assert received is not None, f"the child ended: {self.log.read_text()}"
        assert received[0]["type"] == kind, received
        return received[0]

    def rang(self) -> bool:
        """Return whether both bells were rung since the last look."""
        rung = 0
        for bell in self.bells:
            try:
                rung += os.eventfd_read(bell) > 0
            except BlockingIOError:
                continue
        return rung == len(self.bells)

    def stop(self) -> int:
        """Hang up; return the child's exit status."""
        self.control.close()
        try:
            return self.process.wait(10 * TIME_FACTOR)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.status.close()
            self.pointer.close()
            for fd in (*self._pages, *self.bells):
                os.close(fd)

    def _configure(self, role: str, source: str, config: Config) -> Message:
        nobody: dict[str, Any] = {"password": None, "view_only_password": None}
        return {
            "type": "configure",
            "role": role,
            "slot": SLOTS - 2,
            "slots": SLOTS,
            "instance": "test",
            "runtime_dir": str(self.log.parent),
            "source": source,
            "bus": {name: f"ipc://{self.log.parent}/{name}" for name in ("input", "notices", "events")},
            "config": to_dict(config),
            "secrets": nobody,
        }
