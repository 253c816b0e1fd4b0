"""A real supervisor as a subprocess, with its own runtime directory, and the proof that it leaves nothing.

    with running_supervisor(tmp_path, "source.kind=demo") as server:
        with server.connect() as client: ...

On the way out the supervisor is stopped and `assert_nothing_left` holds.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import processes
from tests.support.client import Client, connect
from tests.support.errors import ViewerError
from tests.support.waits import eventually

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "mpvnc", "start")
LOOPBACK_PORT_0 = ("server.host=127.0.0.1", "server.port=0")
# On a loaded machine a browser's first byte may come later than viewers want their greeting.
PORT_FOR_BROWSERS = "server.listeners=[vnc:127.0.0.1:0, web:127.0.0.1:0]"
_READY = re.compile(r"mpvnc ready: (?P<urls>\S+(?: \S+)*) source=(?P<source>\S+) workers=(?P<workers>\d+)")
_VNC_URL = re.compile(r"vnc://(\[[^]]+\]|[^:/\s]+):(\d+)")


class ServerFailed(ViewerError):
    """The supervisor did not become ready, or ended badly; the text has the end of its log."""


class Server:
    """A supervisor that was started for a test."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, log: Path):
        self.process = process
        self.pid = process.pid
        self.runtime_dir = directory
        self.log_file = log
        self.ready_line = ""
        self.host, self.port = "", 0
        self.urls: tuple[str, ...] = ()
        self.source = ""
        self.workers = 0
        self._seen: set[int] = {process.pid}
        self._segments: set[str] = set()

    def wait_ready(self, timeout_s: float) -> None:
        """Read the ready line. Raises: ServerFailed with the log."""
        assert self.process.stdout is not None
        try:
            line = processes.read_line(self.process.stdout, timeout_s)
        except (TimeoutError, EOFError) as error:
            raise ServerFailed(f"no ready line: {error}; log:\n{self.log_tail()}") from error
        found = _READY.search(line)
        address = _VNC_URL.search(line)
        if not found:
            raise ServerFailed(f"not a ready line: {line!r}; log:\n{self.log_tail()}")
        self.ready_line, self.urls = line, tuple(found["urls"].split())
        self.source, self.workers = found["source"], int(found["workers"])
        if address:
            self.host, self.port = address[1].strip("[]"), int(address[2])

    def connect(self, **options: Any) -> Client:
        """Connect a viewer; options as for tests.support.client.connect."""
        return connect(self.host, self.port, **options)

    @property
    def page(self) -> str:
        """The address of the viewer's page."""
        return next(url for url in self.urls if url.startswith("http://"))

    @property
    def children(self) -> list[int]:
        """The pids of the supervisor's live children."""
        self._note_descendants()
        return processes.children(self.pid)

    def children_of_role(self, role: str) -> list[int]:
        """The live children that run `mpvnc.workers.<role>`."""
        return [pid for pid in self.children if f"mpvnc.workers.{role}" in processes.command_line(pid)]

    @property
    def log(self) -> str:
        """What the supervisor and its children have written to stderr."""
        return self.log_file.read_text(errors="replace")

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.splitlines()[-lines:])

    def send_signal(self, number: int) -> None:
        """Send a signal to the supervisor alone."""
        self._note_descendants()
        self.process.send_signal(number)

    def stop(self, timeout_s: float = 5.0, number: int = signal.SIGTERM) -> int:
        """Stop the supervisor and wait for it; return its exit status. What then lives on is killed.

        Raises: ServerFailed if it had to be killed.
        """
        self._note_descendants()
        status = processes.stop(self.process, timeout_s, number)
        if self.process.stdout is not None:
            self.process.stdout.close()
        if status == -signal.SIGKILL and number != signal.SIGKILL:
            self.kill_leftovers()
            raise ServerFailed(f"not stopped within {timeout_s} s; log:\n{self.log_tail()}")
        return status

    def assert_nothing_left(self, timeout_s: float = 3.0) -> None:
        """Wait until no process, no shared memory and no file in the runtime directory is left.

        Raises: AssertionError that names the rest; leftover processes are killed.
        """
        try:
            eventually(lambda: not self.leftovers(), timeout_s)
        except TimeoutError:
            left = self.leftovers()
            self.kill_leftovers()
            raise AssertionError(f"left behind: {left}; log:\n{self.log_tail()}") from None

    def leftovers(self) -> list[str]:
        """Name what is left of it: processes and segments that were seen, files (a lock may stay)."""
        self._note_descendants()
        alive = [f"process {pid}" for pid in sorted(self._seen) if processes.is_alive(pid)]
        shared = sorted(filter(os.path.exists, self._segments))
        files = [
            str(path) for path in self.runtime_dir.rglob("*") if not path.is_dir() and "lock" not in path.name
        ]
        return alive + shared + files

    def kill_leftovers(self) -> None:
        """Kill every descendant that was seen and still lives."""
        for pid in self._seen:
            if processes.is_alive(pid):
                os.kill(pid, signal.SIGKILL)

    def _note_descendants(self) -> None:
        """Note who lives and which segments they hold; other instances are not our business."""
        orphans = processes.with_variable("MPVNC_RUNTIME_DIR", str(self.runtime_dir))
        for pid in {self.pid, *processes.descendants(self.pid), *orphans}:
            self._seen.add(pid)
            self._segments |= processes.open_segments(pid)


def environment(runtime_dir: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a supervisor under test: no MPVNC_ variable of the caller, no display."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MPVNC_")}
    env.pop("DISPLAY", None)
    env.update(MPVNC_RUNTIME_DIR=str(runtime_dir), PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
    env.update(extra or {})
    return env


def start_supervisor(
    directory: Path,
    *settings: str,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = COMMAND,
    timeout_s: float = 15.0,
) -> Server:
    """Start a supervisor on a free port of 127.0.0.1 and wait for its ready line.

    `settings` are `section.key=value` for --set, after the listener's, so they win. The runtime directory is
    made in `directory`. Raises: ServerFailed; the process is ended then.
    """
    runtime_dir = directory / "run"
    runtime_dir.mkdir(mode=0o700, exist_ok=True)
    log = directory / "server.log"
    options = [word for setting in (*LOOPBACK_PORT_0, *settings) for word in ("--set", setting)]
    process = processes.start(
        [*command, *options, *arguments], log=log, env=environment(runtime_dir, env), stdout=subprocess.PIPE
    )
    server = Server(process, runtime_dir, log)
    try:
        server.wait_ready(timeout_s)
    except BaseException:
        server.stop(number=signal.SIGKILL)
        server.kill_leftovers()
        raise
    return server


@contextmanager
def running_supervisor(directory: Path, *settings: str, **options: Any) -> Iterator[Server]:
    """Run a supervisor (see start_supervisor) for a block; then it is stopped and nothing may be left."""
    server = start_supervisor(directory, *settings, **options)
    try:
        yield server
    finally:
        if server.process.returncode is None:
            server.stop()
        elif server.process.stdout is not None:
            server.process.stdout.close()
    server.assert_nothing_left()
