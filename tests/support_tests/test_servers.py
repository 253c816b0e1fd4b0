"""The supervisor helper against a made-up supervisor: it must see what is left behind, and if nothing is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.servers import ServerFailed, environment, running_supervisor, start_supervisor
from tests.support.waits import eventually

FAKE = """
import mmap, os, signal, subprocess, sys
print("starting", " ".join(sys.argv[1:]), file=sys.stderr, flush=True)
mode, run = sys.argv[1], os.environ["MPVNC_RUNTIME_DIR"]
segment = f"/dev/shm/fake-test-{os.getpid()}"
with open(segment, "wb+") as file:
    file.truncate(4096)
    memory = mmap.mmap(file.fileno(), 4096)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()  # mpvnc.workers.encoder"])
open(f"{run}/control", "w").close()
def stop(*_):
    if mode != "process": child.kill(); child.wait()
    if mode != "segment": os.unlink(segment)
    if mode != "file": os.unlink(f"{run}/control")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "deaf" else stop)
print("mpvnc ready: vnc://127.0.0.1:5999 http://127.0.0.1:5999/ source=demo workers=2", flush=True)
while True: signal.pause()
"""


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    return (sys.executable, str(script))


def test_a_clean_supervisor(tmp_path: Path, command: tuple[str, ...]) -> None:
    with running_supervisor(tmp_path, "source.kind=demo", command=(*command, "clean")) as server:
        assert (server.host, server.port, server.source, server.workers) == ("127.0.0.1", 5999, "demo", 2)
        assert server.urls == ("vnc://127.0.0.1:5999", "http://127.0.0.1:5999/")
        (child,) = server.children
        assert processes.command_line(child)[1] == "-c" and processes.resident_bytes(child) > 0
        assert processes.cpu_seconds(child) >= 0
        assert "--set server.port=0 --set source.kind=demo" in server.log
        assert len(server.leftovers()) == 4
    assert server.leftovers() == []


@pytest.mark.parametrize(
    ("mode", "named"), [("process", "process"), ("segment", "/dev/shm/"), ("file", "control")]
)
def test_what_is_left_behind_is_named(
    tmp_path: Path, command: tuple[str, ...], mode: str, named: str
) -> None:
    server = start_supervisor(tmp_path, command=(*command, mode))
    (child,) = server.children
    try:
        assert server.stop() == 0
        with pytest.raises(AssertionError, match=f"left behind.*{named}"):
            server.assert_nothing_left(timeout_s=0.1)
        eventually(lambda: not processes.is_alive(child))
    finally:
        Path(f"/dev/shm/fake-test-{server.pid}").unlink(missing_ok=True)


def test_a_deaf_supervisor_is_killed(tmp_path: Path, command: tuple[str, ...]) -> None:
    server = start_supervisor(tmp_path, command=(*command, "deaf"))
    (child,) = server.children
    try:
        with pytest.raises(ServerFailed, match="not stopped"):
            server.stop(timeout_s=0.2)
        processes.wait_gone([server.pid, child])
    finally:
        Path(f"/dev/shm/fake-test-{server.pid}").unlink(missing_ok=True)


def test_a_supervisor_that_is_not_ready(tmp_path: Path, command: tuple[str, ...]) -> None:
    with pytest.raises(ServerFailed, match=r"(?s)ended after.*bad configuration"):
        start_supervisor(
            tmp_path, command=(sys.executable, "-c", "import sys; sys.exit('bad configuration')")
        )
    with pytest.raises(ServerFailed, match="no line within"):
        start_supervisor(tmp_path, command=(sys.executable, "-c", "input"), timeout_s=0.0)


def test_orphans_are_found_by_their_environment(tmp_path: Path) -> None:
    script = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0).pid)"
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(tmp_path), stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.wait(5)
        assert processes.with_variable("MPVNC_RUNTIME_DIR", str(tmp_path)) == [orphan]
    processes.wait_gone([orphan])


def test_read_line_and_stop() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        threading.Thread(target=os.write, args=(writer, b"one\ntwo")).start()
        assert processes.read_line(pipe, 2) == "one"
        with pytest.raises(TimeoutError, match="two"):
            processes.read_line(pipe, 0.05)
        os.close(writer)
        with pytest.raises(EOFError):
            processes.read_line(pipe, 2)


def test_a_killed_supervisor_is_no_failure_of_the_helper(tmp_path: Path, command: tuple[str, ...]) -> None:
    server = start_supervisor(tmp_path, command=(*command, "clean"))
    server.send_signal(signal.SIGKILL)
    try:
        assert server.process.wait(5) == -signal.SIGKILL
        assert len(server.leftovers()) == 3
        assert server.stop(number=signal.SIGKILL) == -signal.SIGKILL
    finally:
        server.kill_leftovers()
        Path(f"/dev/shm/fake-test-{server.pid}").unlink(missing_ok=True)
