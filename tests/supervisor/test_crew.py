"""Children that crash, hang or cannot start. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.server import close_all, is_alive, nothing_is_left, segments, viewers
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def test_children_survive_a_ctrl_c_of_their_terminal(start):
    server = start()
    for pid in server.pids():
        os.kill(pid, signal.SIGINT)
    before = server.pids()
    close_all(viewers(server, 1))
    assert server.pids() == before


def test_a_crashed_encoder_comes_back_with_its_frames_and_costs_its_own_clients_only(start):
    server = start()
    first, second = (server.connect() for _ in range(2))
    assert [first.hello()["slot"], second.hello()["slot"]] == [0, 1]
    first.say("login")
    second.say("login")
    eventually(lambda: server.status()["clients"]["authenticated"] == 2)
    first.say("crash")
    assert first.read() == ""
    status = eventually(lambda: (s := server.status())["children"][0]["restarts"] == 1 and s)
    assert status["clients"]["authenticated"] == 1
    eventually(lambda: server.status()["children"][0]["state"] == "ready")
    third = server.connect()
    hello = third.hello()
    assert (hello["slot"], hello["generations"]) == (0, [1])
    eventually(lambda: server.status()["input"]["backend"] == "released [1]")
    close_all([first, second, third])


def test_a_crashed_writer_goes_on_with_the_frame_numbers(start):
    server = start()
    viewer = viewers(server, 1)[0]
    before = server.status()
    os.kill(before["children"][2]["pid"], signal.SIGKILL)
    after = eventually(lambda: (s := server.status())["source"]["generation"] == 2 and s)
    assert after["source"]["frame"] == before["source"]["frame"] + 1
    assert after["children"][2]["restarts"] == 1
    assert len(segments()) == 1
    assert after["clients"]["authenticated"] == 1
    viewer.close()


def test_a_silent_child_is_aborted_with_its_stacks_and_replaced(start):
    server = start("timeouts.heartbeat_s=3", modes={"injector": "silent"})
    eventually(lambda: server.status()["children"][3]["restarts"] >= 1, 15)
    # faulthandler writes a line in pieces: another process's line may come between them.
    assert "no heartbeat" in server.logged() and "(most recent call first)" in server.logged()


def test_a_child_that_talks_nonsense_is_replaced(start):
    server = start()
    viewer = server.connect()
    viewer.hello()
    viewer.say("nonsense")
    eventually(lambda: server.status()["children"][0]["restarts"] == 1)
    assert "a wrong client message" in server.logged()
    viewer.close()


def test_a_child_that_cannot_start_ends_it_before_the_ready_line(start):
    server = start(modes={"capture": "exit"}, ready=False)
    assert server.wait() == 1
    assert server.process.stdout.read() == b""
    assert "giving up: capture 2 could not start" in server.logged()
    nothing_is_left(server, [])


def ready_pid(server) -> int:
    child = server.status()["children"][0]
    return child["pid"] if child["state"] == "ready" else 0


def test_without_any_worker_left_it_ends(start):
    server = start("server.workers=1", "timeouts.crash_limit=2")
    pid = 0
    for _ in range(2):
        pid = eventually(lambda old=pid: ready_pid(server) not in (0, old) and ready_pid(server))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not is_alive(pid))
    assert server.wait() == 1
    assert "giving up: no worker left" in server.logged()
    nothing_is_left(server, [])
