"""Every conversation is held three ways: whole, byte by byte, and cut at random (but repeatable) places."""

import random
from collections.abc import Callable, Iterator

import pytest

from mpvnc.rfb.connection import Connection
from mpvnc.rfb.events import Event

Cut = Callable[[bytes], Iterator[bytes]]


def _whole(data: bytes) -> Iterator[bytes]:
    yield data


def _bytewise(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        yield data[position : position + 1]


def _randomly(data: bytes) -> Iterator[bytes]:
    source = random.Random(len(data))
    position = 0
    while position < len(data):
        length = source.randint(0, 9)
        yield data[position : position + length]
        position += length


@pytest.fixture(params=[_whole, _bytewise, _randomly], ids=["whole", "bytewise", "randomly"])
def feed(request: pytest.FixtureRequest) -> Callable[[Connection, bytes], list[Event]]:
    """Return a function that gives bytes to a connection and returns all its events."""

    def feed(connection: Connection, data: bytes) -> list[Event]:
        return [event for piece in request.param(data) for event in connection.receive_data(piece)]

    return feed
