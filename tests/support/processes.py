"""Processes as /proc shows them, and the ones that tests start: bounded starts, bounded ends, by pid only."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.support.waits import deadline, eventually


def children(pid: int) -> list[int]:
    """Return the pids of the live children of a process, of all its threads."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return [child for child in found if is_alive(child)]


def descendants(pid: int) -> list[int]:
    """Return the pids of all live descendants, parents first."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    return state(pid) not in ("", "Z", "X")


def state(pid: int) -> str:
    """Return the state letter of /proc/pid/stat, '' if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def command_line(pid: int) -> list[str]:
    """Return argv, [] if the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def with_variable(name: str, value: str) -> list[int]:
    """Return the pids of all live processes that were started with that environment variable, orphans too."""
    wanted, found = f"{name}={value}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return [pid for pid in found if is_alive(pid)]


def open_segments(pid: int) -> set[str]:
    """Return the paths in /dev/shm that the process has mapped or open."""
    paths: set[str] = set()
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            paths.add(line.split(maxsplit=5)[-1])
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                paths.add(os.readlink(link))
    return {path for path in paths if path.startswith("/dev/shm/") and not path.endswith("(deleted)")}


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a live process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a live process, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def start(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session; its stderr (and stdout, unless given) goes to the file `log`."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=sink if stdout is None else stdout,
            stderr=sink,
            env=None if env is None else dict(env),
            start_new_session=True,
        )


def read_line(stream: IO[bytes], timeout_s: float) -> str:
    """Return the next line of an unbuffered pipe. Raises: TimeoutError, EOFError."""
    end, line = deadline(timeout_s), bytearray()
    while not line.endswith(b"\n"):
        if not select.select([stream], [], [], max(end - time.monotonic(), 0))[0]:
            raise TimeoutError(f"no line within {timeout_s} s, only {bytes(line)!r}")
        byte = os.read(stream.fileno(), 1)
        if not byte:
            raise EOFError(f"ended after {bytes(line)!r}")
        line += byte
    return line.decode(errors="replace").rstrip("\n")


def stop(process: subprocess.Popen[bytes], timeout_s: float = 5.0, number: int = signal.SIGTERM) -> int:
    """Signal a process of ours and wait for it; SIGKILL after the time-out. Return its exit status."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(max(deadline(timeout_s) - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(5)


def wait_gone(pids: Sequence[int], timeout_s: float = 5.0) -> None:
    """Wait until none of the processes lives. Raises: TimeoutError."""
    eventually(lambda: not any(map(is_alive, pids)), timeout_s, what=f"the end of {list(pids)}")
