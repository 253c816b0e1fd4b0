"""Whatever a client's bytes go through is a `Stream`."""

import inspect
import socket

import pytest

from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.transport.websocket import WebSocketPipe


@pytest.mark.parametrize("kind", [Pipe, WebSocketPipe])
def test_every_stream_has_the_methods_with_their_arguments(kind):
    methods = [name for name, value in vars(Stream).items() if inspect.isfunction(value) and name[0] != "_"]
    assert "send" in methods and "receive_into" in methods
    for name in methods:
        wanted, given = (list(inspect.signature(getattr(one, name)).parameters) for one in (Stream, kind))
        assert given == wanted, name


def test_a_pipe_begins_with_nothing():
    ours, theirs = socket.socketpair()
    pipe = Pipe(ours)
    states = [getattr(pipe, name) for name in Stream.__annotations__]
    assert not any(states)
    assert pipe.sent_bytes == pipe.received_bytes == 0
    pipe.close()
    theirs.close()
