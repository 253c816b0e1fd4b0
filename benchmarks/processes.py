"""The programs that the benchmark starts: compiled, pinned to a core, ended by their own pid.

A child ends with the benchmark, whatever happens to it (PR_SET_PDEATHSIG, by setpriv).
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"
SERVER_CORE = 0
LOAD_CORE = min(1, (os.cpu_count() or 1) - 1)

_PROGRAMS = {
    "painter": (["painter.c", "scenes.c"], ["-lxcb", "-lxcb-shm"], "libxcb1-dev libxcb-shm0-dev"),
    "viewers": (["viewers.c", "follow.c", "notls.c"], [], "libc6-dev"),
    "viewers-tls": (["viewers.c", "follow.c", "tls.c"], ["-lssl", "-lcrypto"], "libssl-dev"),
    "lvs": (["lvs.c"], ["-lvncserver"], "libvncserver-dev"),
}


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Have this thread run on one core for a while."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


class BenchError(Exception):
    """Something that the benchmark cannot go on without; the text says what to do."""


def program(name: str) -> Path:
    """Return one of our C programs, compiled if it is older than its source.

    Raises: BenchError that names the Debian packages, if it does not compile.
    """
    sources, libraries, packages = _PROGRAMS[name]
    target = BUILD / name
    newest = max(path.stat().st_mtime for path in HERE.glob("*.[ch]"))
    if target.exists() and target.stat().st_mtime > newest:
        return target
    BUILD.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(target), *(str(HERE / name) for name in sources)]
    try:
        done = subprocess.run(
            [*command, *libraries], capture_output=True, text=True, check=False, timeout=120
        )
    except FileNotFoundError as error:
        raise BenchError("there is no C compiler: install gcc libc6-dev") from error
    if done.returncode:
        raise BenchError(f"{name} does not compile; it needs {packages}:\n{done.stderr}")
    return target


class Process:
    """A child of the benchmark.

    Args:
        command: program and arguments.
        core: the core that it and its descendants run on.
        pass_fds: descriptors that it inherits under the same numbers.
        log: where its stderr goes, and its stdout if that is no pipe.
    """

    def __init__(
        self, command: Sequence[str | Path], *, core: int, log: Path, env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (), stdin: IO[bytes] | int = subprocess.DEVNULL, pipe_stdout: bool = False,
    ) -> None:  # fmt: skip
        self.name = Path(command[0]).name
        words = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *map(str, command)]
        with log.open("ab") as sink:
            self.popen = subprocess.Popen(
                words, stdin=stdin, stdout=subprocess.PIPE if pipe_stdout else sink, stderr=sink, bufsize=0,
                env={**os.environ, **(env or {})}, pass_fds=pass_fds,
            )  # fmt: skip
        self.pid = self.popen.pid
        self.log = log

    def check(self) -> None:
        """Raise BenchError with the end of its log if it has ended."""
        if self.popen.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise BenchError(f"{self.name} ended with {self.popen.returncode}:\n{tail}")

    def read_line(self, timeout_s: float) -> str:
        """Return the next line of its stdout, which must be a pipe."""
        assert self.popen.stdout is not None
        return read_line(self.popen.stdout.fileno(), timeout_s)

    def say(self, line: str) -> None:
        """Write a line to its stdin, which must be a pipe."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line.encode() + b"\n")

    def end(self, timeout_s: float = 5.0) -> None:
        """End it: TERM, then KILL."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(5)
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                stream.close()


def read_line(fd: int, timeout_s: float) -> str:
    """Return a line read from a descriptor. Raises: BenchError after the time-out or at the end of file."""
    end, data = time.monotonic() + timeout_s, bytearray()
    while not data.endswith(b"\n"):
        if not select.select([fd], [], [], max(end - time.monotonic(), 0))[0]:
            raise BenchError(f"no answer within {timeout_s:.0f} s")
        got = os.read(fd, 65536)
        if not got:
            raise BenchError("no answer: the program ended")
        data += got
    return data.decode()


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for_banner(port: int, process: Process, timeout_s: float = 20.0) -> None:
    """Wait until an RFB server answers. Raises: BenchError."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        process.check()
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                sock.settimeout(2)
                if sock.recv(4) == b"RFB ":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise BenchError(f"no RFB server answers on port {port} within {timeout_s:.0f} s")
