"""Processes that do not die but stand still."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.process.conftest import Serve
from tests.process.stage import child_of, status_of, wait_replaced, wait_viewers
from tests.process.watch import Watcher
from tests.support.client import Client
from tests.support.waits import deadline

pytestmark = pytest.mark.process

Watch = Callable[[Client], Watcher]


@pytest.mark.parametrize("role", ["encoder", "capture", "injector"])
def test_a_stopped_child_is_replaced(serve: Serve, watch: Watch, role: str) -> None:
    server = serve()
    watchers = [watch(server.connect()) for _ in range(2)]
    wait_viewers(server, 2)
    child = child_of(server, role)
    moment = time.monotonic()
    os.kill(child["pid"], signal.SIGSTOP)
    wait_replaced(server, child, 12.0)
    assert f"{role} {child['slot']} (pid {child['pid']}): no heartbeat" in server.log
    watchers[1].wait_for_more()
    assert watchers[1].is_connected
    assert role == "capture" or watchers[1].longest_gap(moment) < 1.0
    assert watchers[0].is_connected == (role != "encoder")


@pytest.mark.parametrize("who", ["the supervisor", "all"])
def test_a_machine_that_slept_aborts_nobody(serve: Serve, who: str) -> None:
    server = serve()
    before = [child["pid"] for child in status_of(server)["children"]]
    with server.connect() as client:
        stopped = [server.pid, *(before if who == "all" else [])]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            client.listen(4.0)
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)
        end = deadline(3.5)
        while time.monotonic() < end:
            client.refresh()
    after = status_of(server)["children"]
    assert [child["pid"] for child in after] == before
    assert not any(child["restarts"] for child in after)
