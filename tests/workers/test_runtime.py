from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap

import pytest

from mpvnc.config import Config, to_dict
from mpvnc.frames.pointer import pointer_page_bytes
from mpvnc.ipc.control import pair
from mpvnc.metrics import Counter, StatusPage, create_status_page
from tests.support.server import ROOT

pytestmark = pytest.mark.process

ROLE = """
    import gc, select, signal, sys, time
    from mpvnc.workers import runtime
    started = runtime.start("encoder", death_signal=signal.SIGTERM)
    started.ready()
    while True:
        select.select([started.control], [], [], 0.1)
        started.beat()
        try:
            received = started.control.receive()
        except BlockingIOError:
            continue
        if received is None:
            break
        assert started.secrets.password == "hidden" and len(started.bells) == 1
        port, bell = started.config.server.port, started.bell > 2
        is_frozen = gc.get_freeze_count() > 1000 and len(gc.get_objects()) < 1000
        facts = [str(started.runtime_dir), started.input_endpoint, port, bell, is_frozen]
        started.send({"type": "echo", "facts": facts})
    started.close()
    sys.exit(7)
"""


def configure(slot=1):
    return {
        "type": "configure", "role": "encoder", "slot": slot, "slots": 4, "instance": "i",
        "runtime_dir": "/r", "source": "demo",
        "bus": {name: f"ipc:///r/{name}" for name in ("input", "notices", "events")},
        "config": to_dict(Config()), "secrets": {"password": "hidden", "view_only_password": None},
    }  # fmt: skip


class Child:
    def __init__(self):
        self.control, theirs = pair()
        self.control.set_timeout(20)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", textwrap.dedent(ROLE), "--control-fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        theirs.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.control.close()


@pytest.fixture
def child():
    made = Child()
    yield made
    made.close()


@pytest.fixture
def configured(child):
    page = create_status_page(4)
    child.status = StatusPage(page, 4)
    fds = [page, os.memfd_create("pointer"), os.eventfd(0)]
    child.control.send(configure(), fds)
    for fd in fds:
        os.close(fd)
    assert child.control.receive()[0] == {"type": "ready"}
    yield child
    child.status.close()


def test_it_is_configured_and_beats(configured):
    configured.control.send({"type": "hello"})
    message, _ = configured.control.receive()
    assert message == {"type": "echo", "facts": ["/r", "ipc:///r/input", 5900, True, True]}
    assert configured.status.slot(1).get(Counter.HEARTBEAT) > 0


def test_it_ends_by_itself(configured):
    configured.control.close()
    assert configured.process.wait(20) == 7


def test_sigterm_ends_it_when_the_supervisor_is_gone():
    """The death of the one that started it is what counts, even while its socket is still open elsewhere."""
    ours, theirs = pair()
    ours.set_timeout(20)
    status, pointer, bell = create_status_page(4), os.memfd_create("pointer"), os.eventfd(0)
    child, pipe = theirs.fileno(), os.pipe()
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-P", "-c", {textwrap.dedent(ROLE)!r}, "--control-fd", "{child}"],
    pass_fds=[{child}, {pipe[1]}])
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[child, pipe[1]],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    theirs.close()
    os.close(pipe[1])
    ours.send(configure(), [status, pointer, bell])
    assert ours.receive()[0] == {"type": "ready"}
    parent.kill()
    parent.wait()
    parent.stdin.close()
    with open(pipe[0], "rb") as ended:
        assert select.select([ended], [], [], 20)[0] and ended.read() == b""
    ours.close()
    for fd in (status, pointer, bell):
        os.close(fd)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_the_supervisors_business(configured, number):
    configured.process.send_signal(number)
    configured.control.send({"type": "hello"})
    assert configured.control.receive()[0]["type"] == "echo"


def test_an_abort_prints_the_stacks(configured):
    configured.process.send_signal(signal.SIGABRT)
    assert configured.process.wait(20) == -signal.SIGABRT
    assert b"most recent call first" in configured.process.stderr.read()


def test_a_supervisor_that_went_meanwhile_is_no_error(child):
    child.control.close()
    assert child.process.wait(20) == 0
    assert child.process.stderr.read() == b""


def test_without_a_configuration_it_says_so(child):
    child.control.send({"type": "hello"})
    assert child.process.wait(20) == 1
    assert b"encoder: no configuration from the supervisor" in child.process.stderr.read()


@pytest.mark.parametrize("role", ["injector", "animator", "capture", "encoder"])
def test_a_role_whose_supervisor_went_while_it_starts_ends_quietly(role, tmp_path):
    ours, theirs = pair()
    bus = {name: f"ipc://{tmp_path}/{name}" for name in ("input", "notices", "events")}
    fds = [create_status_page(4), os.memfd_create("pointer"), os.eventfd(0)]
    os.truncate(fds[1], pointer_page_bytes())
    ours.send(configure() | {"role": role, "bus": bus}, fds)
    ours.close()
    for fd in fds:
        os.close(fd)
    command = [sys.executable, "-P", "-m", f"mpvnc.workers.{role}", "--control-fd", str(theirs.fileno())]
    done = subprocess.run(
        command,
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    theirs.close()
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr and b"ERROR" not in done.stderr


def test_another_message_first_is_refused(child):
    child.control.send({"type": "segment"})
    assert child.process.wait(20) == 1
    assert b"expected configure" in child.process.stderr.read()
