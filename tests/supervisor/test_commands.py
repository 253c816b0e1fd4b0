"""The control socket. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import socket
import stat

import pytest

from mpvnc.ipc import control
from mpvnc.supervisor.commands import CommandServer
from mpvnc.supervisor.loop import Loop
from tests.support.server import INSTANCE, nothing_is_left

pytestmark = pytest.mark.process


def test_only_this_user_may_enter(start, directory):
    start()
    assert stat.S_IMODE((directory / INSTANCE / "control").stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / INSTANCE).stat().st_mode) == 0o700


def test_unknown_and_malformed_messages_cost_nothing(start, directory):
    server = start()
    peer = server.control()
    peer.send({"type": "fly"})
    assert peer.receive()[0] == {"type": "refused", "reason": "fly is not known here"}
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    raw.connect(str(directory / INSTANCE / "control"))
    raw.send(b"nonsense")
    assert raw.recv(10) == b""
    raw.close()
    peer.close()
    assert server.status()["state"] == "ready"


def test_a_second_instance_of_the_name_is_refused(start):
    start()
    second = start(ready=False)
    assert second.wait() == 1
    assert "runs already" in second.logged()


def test_instances_of_other_names_run_beside(start):
    start()
    other = f"{INSTANCE}-other"
    second = start(f"server.name={other}")
    second.close()
    nothing_is_left(second, [], other)


@pytest.fixture
def peers(tmp_path):
    """A command server, what its handler heard, and a peer with messages that wait, which has just ended."""
    loop, heard = Loop(), []
    server = CommandServer(loop, tmp_path / "control", lambda peer, message, fds: heard.append(message))
    ours, theirs = control.pair()
    peer = server.add(ours)
    while not ours.wants_write:
        assert loop.send(ours, {"type": "notice", "text": "x" * 1000})
    theirs.close()
    yield loop, server, peer, heard
    server.close()
    loop.close()


def test_a_peer_that_ends_while_it_is_written_to_has_left(peers):
    _, server, peer, heard = peers
    server._flush(peer)
    assert heard == [None] and peer.control.fileno() == -1


def test_a_peer_that_is_found_gone_twice_has_left_once(peers, caplog):
    loop, _, peer, heard = peers
    loop.turn(5)
    assert heard == [None] and peer.control.fileno() == -1
    assert not caplog.records


def test_what_a_peer_has_said_and_that_it_went_can_be_heard_at_once(tmp_path):
    loop, heard = Loop(), []
    server = CommandServer(loop, tmp_path / "control", lambda peer, message, fds: heard.append(message))
    (one, theirs), (other, quiet) = control.pair(), control.pair()
    gone, stays = server.add(one), server.add(other)
    for number in range(3):
        theirs.send({"type": str(number)})
    theirs.close()
    for peer in (gone, stays, gone):
        server.settle(peer)
    assert [message and message["type"] for message in heard] == ["0", "1", "2", None]
    assert (one.fileno(), other.fileno() >= 0) == (-1, True)
    server.close()
    quiet.close()
    loop.close()
