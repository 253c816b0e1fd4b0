"""Life from the ready line to the end. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from mpvnc.supervisor import policy
from tests.support.server import Viewer, close_all, is_alive, nothing_is_left, segments, viewers
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def test_the_ready_line_means_that_viewers_can_connect(start):
    server = start()
    urls = f"vnc://127.0.0.1:{server.port} http://127.0.0.1:{server.port}/"
    assert server.ready_line == f"mpvnc ready: {urls} source=demo workers=2\n"
    viewer = server.connect()
    hello = viewer.hello()
    viewer.close()
    assert (hello["verdict"], hello["address"]) == ("serve", "127.0.0.1")
    assert hello["generations"] == [1]


def test_clients_are_spread_over_the_workers(start):
    server = start()
    connected = [server.connect() for _ in range(6)]
    slots = [viewer.hello()["slot"] for viewer in connected]
    assert sorted(slots) == [0, 0, 0, 1, 1, 1]
    close_all(connected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_one_clean_stop(start, number):
    server = start()
    connected = viewers(server, 2)
    pids = server.pids()
    code, took_s = server.stop(number)
    assert code == 0 and took_s < 3
    assert [viewer.read() for viewer in connected] == ["", ""]
    nothing_is_left(server, pids)
    close_all(connected)
    assert "Traceback" not in server.logged()


def test_healthy_children_that_take_a_second_to_end_are_not_killed(start):
    server = start(modes=dict.fromkeys(("capture", "encoder", "injector"), "slow"))
    pids = server.pids()
    code, took_s = server.stop(signal.SIGINT)
    assert code == 0 and took_s < 3
    assert "it did not end" not in server.logged() and "SIGKILL" not in server.logged()
    nothing_is_left(server, pids)


def test_stubborn_children_do_not_delay_the_stop(start):
    server = start("timeouts.drain_s=0.3", modes={"encoder": "stubborn", "injector": "stubborn"})
    pids = server.pids()
    code, took_s = server.stop()
    assert code == 0 and took_s < policy.HANGUP_GRACE_S + 2
    nothing_is_left(server, pids)


def test_a_second_signal_is_quick(start):
    server = start("timeouts.drain_s=60", modes={"encoder": "stubborn"})
    pids = server.pids()
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: "SIGTERM: stopping" in server.logged())
    code, took_s = server.stop()
    assert code == 0 and took_s < policy.HANGUP_GRACE_S + 2
    nothing_is_left(server, pids)


def test_a_stop_before_the_ready_line(start):
    server = start("timeouts.drain_s=1.0", ready=False, modes={"capture": "mute"})
    pids = eventually(lambda: (server.directory / server.name / "control").exists() and server.pids(), 15)
    code, took_s = server.stop()
    assert code == 0 and took_s < 3
    nothing_is_left(server, pids)


def test_stopped_processes_do_not_delay_the_stop(start):
    server = start("timeouts.drain_s=0.3")
    pids = server.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    code, took_s = server.stop()
    assert code == 0 and took_s < policy.HANGUP_GRACE_S + 2
    nothing_is_left(server, pids)


def test_nobody_reads_the_ready_line(start):
    server = start(ready=False)
    server.process.stdout.close()
    eventually(lambda: "listening on" in server.logged(), 15)
    assert server.status()["state"] == "ready"
    assert server.stop()[0] == 0


def test_hup_reads_the_configuration_anew_and_does_not_end_it(start, directory):
    file = directory / "config.yaml"
    file.write_text("clients: {max_connections: 7}")
    server = start(arguments=("--config", str(file)))
    file.write_text("clients: {max_connections: 8}")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "changed: clients.max_connections" in server.logged())
    assert server.status()["clients"]["max_connections"] == 8
    file.write_text("clients: {max_conections: 9}")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "did you mean clients.max_connections?" in server.logged())
    assert server.status()["state"] == "ready" and server.status()["clients"]["max_connections"] == 8


def test_a_killed_supervisor_leaves_no_child_and_the_next_one_starts(start):
    server = start("server.listeners=127.0.0.1:0,unix:vnc")
    pids = server.pids()
    viewer = server.connect()
    viewer.hello()
    server.process.kill()
    began = time.monotonic()
    eventually(lambda: not any(is_alive(pid) for pid in pids), 10)
    assert time.monotonic() - began < 3
    assert viewer.read() == ""
    viewer.close()
    eventually(lambda: not segments(), 5)
    server.wait()
    successor = start("server.listeners=127.0.0.1:0,unix:vnc")
    assert successor.ready_line.count("vnc") >= 3
    assert successor.stop()[0] == 0
    nothing_is_left(successor, [])


def test_killed_all_at_once_is_clean_after_the_next_start(start):
    server = start()
    pids = server.pids()
    tracker = [
        int(pid)
        for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    ]
    # The tracker first: it would unlink the names as soon as the supervisor is gone.
    for pid in [*(set(tracker) - set(pids)), server.process.pid, *pids]:
        os.kill(pid, signal.SIGKILL)
    server.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert segments()
    successor = start()
    assert len(segments()) == 1
    successor.stop()
    nothing_is_left(successor, [])


def test_passwords_reach_children_by_descriptor_only(start):
    server = start(environ={"MPVNC_PASSWORD": "sesame"})
    viewer = server.connect()
    assert viewer.hello()["secret"] == "sesame"
    viewer.close()
    for pid in server.pids():
        for file in ("environ", "cmdline"):
            assert b"sesame" not in Path(f"/proc/{pid}/{file}").read_bytes()
    assert "sesame" not in server.logged()


def test_viewers_by_unix_socket_and_ipv6(start, directory):
    path = directory / "vnc"
    server = start(f"server.listeners=[::1]:0,unix:{path}")
    port = int(server.ready_line.split("vnc://[::1]:")[1].split()[0])
    for sock in (socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET6)):
        sock.connect(str(path) if sock.family == socket.AF_UNIX else ("::1", port))
        viewer = Viewer(sock)
        assert viewer.hello()["address"] == ("local" if sock.family == socket.AF_UNIX else "::1")
        viewer.close()


def test_descriptors_do_not_leak(start):
    server = start()

    def open_fds(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    close_all(viewers(server, 3))
    eventually(lambda: not server.status()["clients"]["authenticated"])
    before = open_fds(server.process.pid)
    for _ in range(20):
        close_all(viewers(server, 2))
    eventually(lambda: not server.status()["clients"]["authenticated"])
    eventually(lambda: open_fds(server.process.pid) <= before)
