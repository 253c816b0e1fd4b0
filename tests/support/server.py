"""A supervisor with fake roles, as a process under test."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from mpvnc.ipc.control import ControlSocket
from tests.support.processes import is_alive
from tests.support.waits import TIME_FACTOR

ROOT = Path(__file__).resolve().parents[2]
INSTANCE = f"test-{os.getpid()}"
"""Names in /dev/shm are the whole machine's: no other server has this one."""


class Server:
    """Starts `mpvnc-supervisor start` with fake roles; `port` and `ready_line` once it is ready."""

    def __init__(
        self,
        directory,
        *settings,
        modes=None,
        arguments=(),
        environ=None,
        pass_fds=(),
        ready=True,
        name=INSTANCE,
    ):
        self.directory = Path(directory)
        own = {"MPVNC_RUNTIME_DIR": str(directory), "PYTHONPATH": str(ROOT), **(environ or {})}
        self.environ = {**os.environ, **own}
        self.environ.pop("PYTHONUNBUFFERED", None)  # what is printed is buffered, as a user's is
        self.name = name
        own_name = [f"server.name={name}"] if name else []
        settings = (*own_name, "server.port=0", "source.kind=demo", "server.workers=2", *settings)
        sets = [part for setting in settings for part in ("--set", setting)]
        script = str(Path(__file__).with_name("fake_supervisor.py"))
        self.log = open(self.directory / "log", "ab+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, script, json.dumps(modes or {}), "start", *sets, *arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=self.environ,
            pass_fds=pass_fds,
            cwd=directory,
        )
        if ready:
            try:
                self.wait_ready()
            except BaseException:
                self.close()
                raise

    def wait_ready(self, timeout_s=30.0):
        readable, _, _ = select.select([self.process.stdout], [], [], timeout_s * TIME_FACTOR)
        assert readable, self.logged()
        self.ready_line = self.process.stdout.readline().decode()
        assert self.ready_line.startswith("mpvnc ready: "), self.logged()
        found = re.search(r"vnc://127\.0\.0\.1:(\d+)", self.ready_line)
        self.port = int(found[1]) if found else None

    def connect(self):
        return Viewer(socket.create_connection(("127.0.0.1", self.port), timeout=10 * TIME_FACTOR))

    def control(self):
        return ControlSocket.connect(self.directory / self.name / "control")

    def status(self):
        control = self.control()
        control.send({"type": "status"})
        message, _ = control.receive()
        control.close()
        return message

    def pids(self):
        return [child["pid"] for child in self.status()["children"]]

    def logged(self):
        self.log.seek(0)
        return self.log.read().decode()

    def wait(self, timeout_s=10.0):
        code = self.process.wait(timeout_s * TIME_FACTOR)
        return code

    def stop(self, number=signal.SIGTERM):
        """Signal it; return (exit code, seconds that it took)."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.wait(), time.monotonic() - began

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if not self.log.closed:
            self.logged_at_end = self.logged()
        self.process.stdout.close()
        self.log.close()


class Viewer:
    """A client of the fake encoder."""

    def __init__(self, sock):
        self.sock = sock
        self.lines = sock.makefile("rb")

    def read(self):
        """The next line; "" at EOF."""
        try:
            return self.lines.readline().decode()
        except ConnectionError:
            return ""

    def hello(self):
        return json.loads(self.read())

    def say(self, word):
        self.sock.sendall(word.encode() + b"\n")

    def close(self):
        self.lines.close()
        self.sock.close()


def segments(instance=INSTANCE):
    return list(Path("/dev/shm").glob(f"mpvnc-{os.getuid()}-{instance}-*"))


def viewers(server, count, word="login"):
    connected = []
    for _ in range(count):
        viewer = server.connect()
        assert viewer.hello()["verdict"] == "serve"
        viewer.say(word)
        connected.append(viewer)
    return connected


def close_all(connected):
    for viewer in connected:
        viewer.close()


def nothing_is_left(server, pids, name=INSTANCE):
    assert not [pid for pid in pids if is_alive(pid)], server.logged()
    assert not segments(name)
    assert not (server.directory / name).exists()
