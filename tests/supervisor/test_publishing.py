"""Programs that publish. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mpvnc.ipc import control
from tests.support.server import Viewer, nothing_is_left, segments
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def publish(peer, **more):
    peer.send({"type": "publish", "name": "p", "width": 64, "height": 32, "title": "Stage", **more})
    message, fds = peer.receive()
    return message, fds


def close_fds(fds):
    for fd in fds:
        os.close(fd)


def test_a_publisher_joins_writes_and_leaves(start):
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
    assert publish(second)[0] == {"type": "refused", "reason": "another program publishes p here already"}
    peer.close()
    eventually(lambda: server.status()["source"]["state"] == "down")
    message, even_more = publish(second)
    assert message["type"] == "publish_ok"
    second.close()
    viewer.close()
    close_fds([*fds, *more, *even_more])


def test_sizes_that_cannot_be_met_are_refused_with_a_reason(start):
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


def test_what_is_no_name_is_refused_with_a_reason(start):
    server = start("source.kind=publish")
    peer = server.control()
    for name in ("a/b", ["main"], {"name": "main"}):
        message, _ = publish(peer, name=name)
        assert message["type"] == "refused" and "no name of a surface" in message["reason"]
    peer.close()


def test_other_sources_take_no_publisher(start):
    server = start()
    peer = server.control()
    assert "publish" in publish(peer)[0]["reason"]
    peer.close()


def test_a_publishers_own_supervisor_gets_its_secrets_by_socket_and_ends_with_it(start, directory):
    ours, theirs = control.pair()
    ours.send({"type": "secrets", "password": "hidden", "view_only_password": None})
    ours.send({"type": "publish", "name": "p", "width": 64, "height": 32, "title": "Mine"})
    server = start(
        "source.kind=publish",
        arguments=("--publisher-fd", str(theirs.fileno())),
        pass_fds=(theirs.fileno(),),
        name=None,
    )
    theirs.close()
    message, fds = ours.receive()
    assert message["type"] == "publish_ok" and message["listeners"] == [
        f"vnc://127.0.0.1:{server.port}",
        f"http://127.0.0.1:{server.port}/",
    ]
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


def test_a_publisher_brings_viewers_to_a_server_that_listens_nowhere(start):
    server = start("source.kind=publish", "server.listeners=none")
    peer = server.control()
    _, fds = publish(peer)
    ours, theirs = socket.socketpair()
    with theirs:
        peer.send({"type": "viewer"}, [theirs.fileno()])
    assert peer.receive()[0] == {"type": "brought", "client": 1}
    viewer = Viewer(ours)
    assert viewer.hello()["verdict"] == "serve"
    peer.send({"type": "viewer"})
    assert "no file descriptor left" in peer.receive()[0]["reason"]
    with open("/dev/null") as file:
        peer.send({"type": "viewer"}, [file.fileno()])
    assert "no connection" in peer.receive()[0]["reason"]
    peer.close()
    viewer.close()
    close_fds(fds)


def test_a_program_that_went_may_be_back_at_once(start):
    server = start("source.kind=publish")
    for _ in range(40):
        peer = server.control()
        message, fds = publish(peer)
        assert message["type"] == "publish_ok", message
        peer.send({"type": "withdraw"})
        peer.close()
        close_fds(fds)
