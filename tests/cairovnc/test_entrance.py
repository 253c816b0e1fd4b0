from __future__ import annotations

import errno
import os
import socket
import threading
import time
from dataclasses import replace

import pytest

from mpvnc.cairovnc.entrance import PAUSE_S, Entrance


@pytest.fixture
def entrance():
    one = Entrance(("127.0.0.1", 0), has_password=False)
    yield one
    one.close()


def test_who_comes_is_accepted_when_it_is_asked_for(entrance):
    assert entrance.arriving(0) is None
    with socket.create_connection(entrance.address) as viewer:
        sock, address = entrance.arriving(None)
        with sock:
            assert address == viewer.getsockname()
            sock.sendall(b"x")
            assert viewer.recv(1) == b"x"
    assert entrance.arriving(0) is None


def test_who_cannot_be_accepted_is_not_tried_again_and_again(entrance, monkeypatch, caplog):
    class Full(socket.socket):
        def accept(self):
            raise OSError(errno.EMFILE, "Too many open files")

    listener = entrance._listeners[0]
    full = Full(fileno=os.dup(listener.sock.fileno()))
    monkeypatch.setattr(entrance, "_listeners", [replace(listener, sock=full)])
    with full, listener.sock, socket.create_connection(entrance.address):
        started = time.monotonic()
        assert entrance.arriving(0) is None
        assert time.monotonic() - started < PAUSE_S
        assert entrance.arriving(None) is None
        assert time.monotonic() - started >= PAUSE_S
        entrance.ring()
        started = time.monotonic()
        assert entrance.arriving(None) is None
        assert time.monotonic() - started < PAUSE_S
    assert caplog.text.count("Too many open files") == 1


def test_waiting_takes_as_long_as_asked(entrance):
    started = time.monotonic()
    assert entrance.arriving(0.1) is None
    assert time.monotonic() - started >= 0.1


def test_closing_wakes_who_waits_and_frees_the_port(entrance):
    address = entrance.address
    waiting = threading.Thread(target=entrance.arriving, args=(None,))
    waiting.start()
    entrance.close()
    entrance.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert entrance.arriving(None) is None
    entrance.ring()
    with socket.create_server(address):
        pass


def test_a_port_that_is_taken_is_told(entrance):
    with pytest.raises(OSError, match="Address already in use"):
        Entrance(entrance.address, has_password=False)


def test_an_open_entrance_is_warned_about(entrance, caplog):
    for host, has_password in (("127.0.0.1", False), ("", True), ("", False)):
        assert not caplog.text
        Entrance((host, 0), has_password=has_password).close()
    assert "*:0 can be reached from other machines without a password" in caplog.text


def test_a_forked_child_does_not_keep_the_port(entrance):
    ours, theirs = socket.socketpair()
    address = entrance.address
    child = os.fork()
    if not child:
        theirs.send(b"x")
        theirs.recv(1)
        os._exit(0)
    try:
        ours.recv(1)
        entrance.close()
        with socket.create_server(address):
            pass
    finally:
        ours.send(b"x")
        ours.close()
        theirs.close()
        os.waitpid(child, 0)
