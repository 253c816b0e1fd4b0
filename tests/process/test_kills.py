"""kill -9 of every role under load: who pays, what comes back, what is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import Serve
from tests.process.stage import child_of, status_of, wait_replaced, wait_viewers
from tests.process.watch import Watcher
from tests.support import processes
from tests.support.client import Client
from tests.support.servers import Server
from tests.support.waits import eventually

pytestmark = pytest.mark.process

NO_GAP_S = 1.0
"""The demo moves 30 times a second; this much more is the machine's, not ours."""

Watch = Callable[[Client], Watcher]


def watchers(server: Server, watch: Watch, count: int) -> list[Watcher]:
    """Connect so many; the even ones are in encoder 0, the odd ones in encoder 1."""
    started = [watch(server.connect()) for _ in range(count)]
    wait_viewers(server, count)
    for watcher in started:
        watcher.wait_for_more(3)
    return started


def kill(pid: int) -> float:
    moment = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return moment


def test_a_killed_encoder_costs_its_own_viewers_alone(serve: Serve, watch: Watch) -> None:
    server = serve()
    started = watchers(server, watch, 4)
    encoder = child_of(server, "encoder", 0)
    moment = kill(encoder["pid"])
    eventually(lambda: not started[0].is_connected and not started[2].is_connected)
    wait_replaced(server, encoder)
    for other in (started[1], started[3]):
        other.wait_for_more()
        assert other.is_connected and other.longest_gap(moment) < NO_GAP_S
    wait_viewers(server, 2)
    again = [watch(server.connect()) for _ in range(2)]
    for watcher in again:
        watcher.wait_for_more()
    assert child_of(server, "encoder", 0)["counters"]["clients"] == 2


def test_a_killed_capture_comes_back_and_the_frame_numbers_go_on(serve: Serve, watch: Watch) -> None:
    server = serve()
    started = watchers(server, watch, 4)
    capture, before = child_of(server, "capture"), status_of(server)["source"]
    kill(capture["pid"])
    wait_replaced(server, capture)
    for watcher in started:
        watcher.wait_for_more(10)
        assert watcher.is_connected
    after = status_of(server)["source"]
    assert after["frame"] > before["frame"] and after["generation"] == before["generation"] + 1
    assert after["state"] == "up"
    with server.connect() as late:
        assert late.refresh().any()


def test_a_viewer_that_comes_while_capture_is_away_sees_the_last_frame(serve: Serve) -> None:
    server = serve("timeouts.respawn_initial_s=20")
    capture = child_of(server, "capture")
    kill(capture["pid"])
    eventually(lambda: status_of(server)["source"]["state"] == "down")
    with server.connect() as client:
        assert client.refresh().any()
        client.request()
        assert client.listen(0.3) == []


SHIFT = 0xFFE1


def recorded(path: Path) -> list[dict[str, Any]]:
    """Return what the recorder has written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def hold_shift_and_button(server: Server, record: Path) -> Client:
    """Return a viewer that holds both; they have been pressed."""
    client = server.connect()
    client.send_key(True, SHIFT)
    client.send_pointer(1, 5, 5)
    eventually(lambda: {one["do"] for one in recorded(record)} >= {"press", "button"})
    return client


def wait_released(record: Path) -> None:
    """Wait until both have been released."""

    def released() -> bool:
        lines = recorded(record)
        shift = any(one["do"] == "release" and one["keysym"] == SHIFT for one in lines)
        return shift and any(one["do"] == "button" and not one["down"] for one in lines)

    eventually(released, what="the release of Shift and button 1")


@pytest.mark.parametrize("how", ["the viewer goes", "its worker is killed", "the injector is killed"])
def test_what_a_viewer_held_is_released(serve: Serve, tmp_path: Path, how: str) -> None:
    record = tmp_path / "record.jsonl"
    server = serve("input.backend=recorder", f"input.record_file={record}", "server.workers=1")
    client = hold_shift_and_button(server, record)
    if how == "the viewer goes":
        client.close()
    else:
        kill(child_of(server, "encoder" if "worker" in how else "injector")["pid"])
    wait_released(record)
    client.close()


def test_a_killed_injector_is_noticed_by_nobody(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    server = serve("input.backend=recorder", f"input.record_file={record}")
    started = watchers(server, watch, 2)
    injector = child_of(server, "injector")
    moment = kill(injector["pid"])
    wait_replaced(server, injector)
    for watcher in started:
        watcher.wait_for_more()
        assert watcher.is_connected and watcher.longest_gap(moment) < NO_GAP_S
    hold_shift_and_button(server, record).close()


def test_children_of_a_killed_supervisor_are_gone_in_three_seconds(serve_doomed: Serve, watch: Watch) -> None:
    server = serve_doomed()
    started = watchers(server, watch, 4)
    children = server.children
    assert len(children) >= 4
    moment = kill(server.pid)
    server.process.wait(5)
    processes.wait_gone(children, 3.0)
    eventually(lambda: not any("/dev/shm" in what for what in server.leftovers()), 3.0)
    assert time.monotonic() - moment < 4
    eventually(lambda: not any(watcher.is_connected for watcher in started))
    successor_works(serve_doomed, server)


def test_everything_killed_at_once_is_cleaned_up_by_the_next_start(serve_doomed: Serve, watch: Watch) -> None:
    server = serve_doomed()
    watchers(server, watch, 4)
    everything = [server.pid, *processes.descendants(server.pid)]
    for pid in everything:
        kill(pid)
    server.process.wait(5)
    processes.wait_gone(everything, 3.0)
    assert server.leftovers(), "the test shows nothing: nobody had to clean up"
    successor_works(serve_doomed, server)


def successor_works(serve_doomed: Serve, killed: Server) -> None:
    """Start it again in the same place: it works, and nothing of its predecessor is left then."""
    successor = serve_doomed()
    with successor.connect() as client:
        assert client.refresh().any()
    assert successor.stop() == 0
    successor.assert_nothing_left()
    assert not killed.leftovers()
