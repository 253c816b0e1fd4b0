from __future__ import annotations

import os
import resource
import socket

import pytest

from mpvnc.errors import ControlError
from mpvnc.ipc import control
from mpvnc.ipc.control import ControlSocket, pair


@pytest.fixture
def ends():
    both = pair()
    yield both
    for end in both:
        end.close()


def test_a_message_and_its_descriptors_arrive(ends):
    ours, theirs = ends
    read_fd, write_fd = os.pipe()
    ours.send({"type": "segment", "generation": 3, "name": "Bücher"}, [write_fd])
    os.close(write_fd)
    message, fds = theirs.receive()
    assert message == {"type": "segment", "generation": 3, "name": "Bücher"}
    os.write(fds[0], b"x")
    assert os.read(read_fd, 9) == b"x"
    assert not os.get_inheritable(fds[0])
    for fd in (read_fd, *fds):
        os.close(fd)


def test_eof_is_none(ends):
    ours, theirs = ends
    ours.send({"type": "last"})
    ours.close()
    assert theirs.receive() == ({"type": "last"}, [])
    assert theirs.receive() is None
    with pytest.raises(ControlError, match="gone"):
        theirs.send_or_queue({"type": "late"})


def test_a_socket_that_does_not_block_says_so(ends):
    _ours, theirs = ends
    theirs.set_blocking(False)
    with pytest.raises(BlockingIOError):
        theirs.receive()


def test_time_out_is_an_error(ends):
    _ours, theirs = ends
    theirs.set_timeout(0.01)
    with pytest.raises(ControlError, match="timed out"):
        theirs.receive()


def test_shut_reads_eof_here(ends):
    _ours, theirs = ends
    theirs.shut()
    assert theirs.receive() is None


@pytest.mark.parametrize("data", [b"\xff", b"{", b"[]", b'"x"', b'{"a":1}', b'{"type":1}', b"[" * 60000])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ControlError):
        control.decode(data)


def test_malformed_messages_close_their_descriptors():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end = ControlSocket(right)
    read_fd, write_fd = os.pipe()
    socket.send_fds(left, [b"nonsense"], [write_fd])
    os.close(write_fd)
    with pytest.raises(ControlError):
        end.receive()
    assert os.read(read_fd, 1) == b""
    os.close(read_fd)
    left.close()
    end.close()


def test_too_large_or_typeless_messages_are_not_sent(ends):
    with pytest.raises(ControlError, match="at most"):
        ends[0].send({"type": "x", "data": "y" * control.MAX_MESSAGE_BYTES})
    with pytest.raises(ControlError, match="type"):
        ends[0].send({})


def test_the_queue_keeps_order_and_descriptors(ends):
    ours, theirs = ends
    read_fd, write_fd = os.pipe()
    count = 0
    while not ours.wants_write:
        ours.send_or_queue({"type": "n", "n": count, "pad": "." * 4000})
        count += 1
    ours.send_or_queue({"type": "n", "n": count}, [write_fd])
    assert not ours.try_send({"type": "overtaker"})
    os.close(write_fd)
    theirs.set_blocking(False)
    seen = []
    while len(seen) <= count:
        message, fds = theirs.receive()
        seen.append(message["n"])
        ours.flush()
    assert seen == list(range(count + 1))
    assert not ours.wants_write
    os.write(fds[0], b"x")
    assert os.read(read_fd, 1) == b"x"
    os.close(fds[0])
    os.close(read_fd)


def test_the_queue_is_bounded(ends):
    with pytest.raises(ControlError, match="does not read"):
        for _ in range(control.QUEUE_LIMIT + 100_000):
            ends[0].send_or_queue({"type": "x", "pad": "." * 1000})


def test_a_receiver_without_room_gets_the_message_without_descriptors(ends):
    ours, theirs = ends
    ours.send({"type": "adopt"}, [0])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        assert theirs.receive() == ({"type": "adopt"}, [])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connect_says_where_nothing_answers(tmp_path):
    with pytest.raises(ControlError, match="no supervisor answers at"):
        ControlSocket.connect(tmp_path / "control")


def test_peer_credentials(ends):
    assert ends[0].peer_credentials() == (os.getpid(), os.getuid())
