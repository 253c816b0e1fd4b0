"""The real supervisor with fake roles: tests/support/fake_role.py."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from mpvnc.ipc import control
from tests.support.server import Server, Viewer, is_alive, segments
from tests.support.waits import eventually

pytestmark = pytest.mark.process


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "run"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def start(directory):
    started = []

    def make(*settings, **more):
        started.append(Server(directory, *settings, **more))
        return started[-1]

    yield make
    for server in started:
        server.close()


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


def nothing_is_left(server, pids, name="default"):
    assert not [pid for pid in pids if is_alive(pid)], server.logged()
    assert not segments(name)
    assert not (server.directory / name).exists()


def test_the_ready_line_means_that_viewers_can_connect(start):
    server = start()
    assert server.ready_line == f"mpvnc ready: vnc://127.0.0.1:{server.port} source=demo workers=2\n"
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


def test_stubborn_children_do_not_delay_the_stop(start):
    server = start("timeouts.drain_s=0.3", modes={"encoder": "stubborn", "injector": "stubborn"})
    pids = server.pids()
    code, took_s = server.stop()
    assert code == 0 and took_s < 3
    nothing_is_left(server, pids)


def test_a_second_signal_is_quick(start):
    server = start("timeouts.drain_s=60", modes={"encoder": "stubborn"})
    pids = server.pids()
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: "SIGTERM: stopping" in server.logged())
    code, took_s = server.stop()
    assert code == 0 and took_s < 3
    nothing_is_left(server, pids)


def test_hup_does_not_end_it(start):
    server = start()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "SIGHUP" in server.logged())
    assert server.status()["state"] == "ready"


def test_children_survive_a_ctrl_c_of_their_terminal(start):
    server = start()
    for pid in server.pids():
        os.kill(pid, signal.SIGINT)
    before = server.pids()
    close_all(viewers(server, 1))
    assert server.pids() == before


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
    for pid in {server.process.pid, *pids, *tracker}:
        os.kill(pid, signal.SIGKILL)
    server.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert segments()
    successor = start()
    assert len(segments()) == 1
    successor.stop()
    nothing_is_left(successor, [])


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
    server = start("timeouts.heartbeat_s=1.5", modes={"injector": "silent"})
    eventually(lambda: server.status()["children"][3]["restarts"] >= 1, 15)
    assert "no heartbeat" in server.logged() and "Fatal Python error: Aborted" in server.logged()


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


def test_without_any_worker_left_it_ends(start):
    server = start("server.workers=1", "timeouts.crash_limit=2")
    for _ in range(2):
        pid = eventually(lambda: (c := server.status()["children"][0])["state"] == "ready" and c["pid"])
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not is_alive(pid))
    assert server.wait() == 1
    assert "giving up: no worker left" in server.logged()
    nothing_is_left(server, [])


class TestAdmission:
    def test_one_viewer_too_many_is_refused_until_another_leaves(self, start):
        server = start("clients.max_connections=2")
        idle = [server.connect() for _ in range(50)]
        first, second = viewers(server, 2)
        eventually(lambda: server.status()["clients"]["authenticated"] == 2)
        third = server.connect()
        hello = third.hello()
        assert (hello["verdict"], hello["reason"]) == ("refuse", "Too many viewers")
        assert third.read() == ""
        first.say("bye")
        eventually(lambda: server.status()["clients"]["authenticated"] == 1)
        fourth = server.connect()
        assert fourth.hello()["verdict"] == "serve"
        close_all([*idle, first, second, third, fourth])

    def test_one_that_logs_in_too_late_is_evicted(self, start):
        server = start("clients.max_connections=1")
        early, late = server.connect(), server.connect()
        early.hello(), late.hello()
        early.say("login")
        eventually(lambda: server.status()["clients"]["authenticated"] == 1)
        late.say("login")
        assert late.read() == "evicted: Too many viewers\n"
        close_all([early, late])

    def test_wrong_passwords_cost_the_address_more_and_more(self, start):
        server = start("security.auth_delay_s=0.5")
        delays = []
        for count in range(3):
            viewer = server.connect()
            viewer.hello()
            viewer.say("wrong")
            delays.append(viewer.hello()["delay_s"])
            eventually(lambda count=count: server.status()["auth_failures"] == count + 1)
            viewer.close()
        assert delays == [0.5, 1.0, 2.0]

    @pytest.mark.parametrize(("policy", "asker", "other"), [
        ("share", "", ""), ("evict", "", "evicted: Another"), ("refuse", "evicted: Exclusive", ""),
    ])  # fmt: skip
    def test_exclusive_access(self, start, policy, asker, other):
        server = start(f"clients.when_not_shared={policy}")
        first, second = viewers(server, 2)
        eventually(lambda: server.status()["clients"]["authenticated"] == 2)
        second.say("exclusive")
        if policy == "share":
            first.say("bye"), second.say("bye")
        else:
            (second if asker else first).lines.peek(1)
            (first if asker else second).say("bye")
        assert first.read().startswith(other) and second.read().startswith(asker)
        close_all([first, second])

    def test_arrivals_wait_for_a_worker_that_is_ready_again(self, start):
        server = start("server.workers=1", "timeouts.respawn_initial_s=0.5")
        killer = server.connect()
        killer.hello()
        killer.say("crash")
        assert killer.read() == ""
        waiting = [server.connect() for _ in range(20)]
        assert all(viewer.hello()["verdict"] == "serve" for viewer in waiting)
        close_all([killer, *waiting])


class TestControlSocket:
    def test_only_this_user_may_enter(self, start, directory):
        start()
        assert stat.S_IMODE((directory / "default" / "control").stat().st_mode) == 0o600
        assert stat.S_IMODE((directory / "default").stat().st_mode) == 0o700

    def test_unknown_and_malformed_messages_cost_nothing(self, start, directory):
        server = start()
        peer = server.control()
        peer.send({"type": "fly"})
        assert peer.receive()[0] == {"type": "refused", "reason": "fly is not known here"}
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        raw.connect(str(directory / "default" / "control"))
        raw.send(b"nonsense")
        assert raw.recv(10) == b""
        raw.close()
        peer.close()
        assert server.status()["state"] == "ready"

    def test_a_second_instance_of_the_name_is_refused(self, start):
        start()
        second = start(ready=False)
        assert second.wait() == 1
        assert "runs already" in second.logged()

    def test_instances_of_other_names_run_beside(self, start):
        start()
        second = start("server.name=other")
        second.close()
        nothing_is_left(second, [], "other")


def publish(peer, **more):
    peer.send({"type": "publish", "name": "p", "width": 64, "height": 32, "title": "Stage", **more})
    message, fds = peer.receive()
    return message, fds


def close_fds(fds):
    for fd in fds:
        os.close(fd)


class TestPublishing:
    def test_a_publisher_joins_writes_and_leaves(self, start):
        server = start("source.kind=publish")
        assert "source=publish" in server.ready_line
        assert [child["role"] for child in server.status()["children"]] == ["encoder", "encoder", "animator"]
        peer = server.control()
        message, fds = publish(peer)
        assert message["type"] == "publish_ok" and len(fds) == 2 + message["workers"]
        peer.send({"type": "allocate", "width": 64, "height": 32})
        segment, more = peer.receive()
        assert (segment["type"], segment["generation"], segment["first_frame"]) == ("segment", 1, 1)
        peer.send({"type": "published", "generation": 1})
        status = eventually(lambda: (s := server.status())["source"]["state"] == "up" and s)
        assert (status["source"]["name"], status["source"]["width"]) == ("Stage", 64)
        viewer = server.connect()
        assert viewer.hello()["generations"] == [1]
        second = server.control()
        assert publish(second)[0] == {"type": "refused", "reason": "another program publishes here already"}
        peer.close()
        eventually(lambda: server.status()["source"]["state"] == "down")
        message, even_more = publish(second)
        assert message["type"] == "publish_ok"
        second.close()
        viewer.close()
        close_fds([*fds, *more, *even_more])

    def test_sizes_that_cannot_be_met_are_refused_with_a_reason(self, start):
        server = start("source.kind=publish")
        peer = server.control()
        _, fds = publish(peer)
        for size in (
            {"width": 0, "height": 5},
            {"width": 65535, "height": 65535},
            {"width": "x", "height": 1},
            {},
        ):
            peer.send({"type": "allocate", **size})
            assert peer.receive()[0]["type"] == "refused"
        peer.close()
        close_fds(fds)
        assert not segments()

    def test_other_sources_take_no_publisher(self, start):
        server = start()
        peer = server.control()
        assert "publish" in publish(peer)[0]["reason"]
        peer.close()

    def test_a_publishers_own_supervisor_gets_its_secrets_by_socket_and_ends_with_it(self, start, directory):
        ours, theirs = control.pair()
        ours.send({"type": "secrets", "password": "hidden", "view_only_password": None})
        ours.send({"type": "publish", "name": "p", "width": 64, "height": 32, "title": "Mine"})
        server = start(
            "source.kind=publish",
            arguments=("--publisher-fd", str(theirs.fileno())),
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        message, fds = ours.receive()
        assert message["type"] == "publish_ok" and message["listeners"] == [f"vnc://127.0.0.1:{server.port}"]
        viewer = server.connect()
        assert viewer.hello()["secret"] == "hidden"
        assert b"hidden" not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        (name,) = (entry.name for entry in directory.iterdir() if entry.is_dir())
        assert name.startswith("nameless-")
        ours.close()
        assert server.wait() == 0
        assert viewer.read() == ""
        viewer.close()
        nothing_is_left(server, [], name)
        close_fds(fds)


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
    eventually(lambda: open_fds(server.process.pid) == before)
