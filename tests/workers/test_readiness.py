"""Sockets have their turn when they are ready, and only for what they are watched for."""

import asyncio
import os
import socket

import pytest

from mpvnc.workers.readiness import BATCH, READ, WRITE, Readiness


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def readiness(loop):
    readiness = Readiness(loop)
    yield readiness
    readiness.close()


@pytest.fixture
def pair():
    pair = socket.socketpair()
    yield pair
    for sock in pair:
        sock.close()


def turn(loop, times=2):
    for _ in range(times):
        loop.call_soon(loop.stop)
        loop.run_forever()


def test_readers_and_writers_are_told_apart(loop, readiness, pair):
    heard = []
    ours, theirs = pair
    readiness.watch(ours.fileno(), READ, lambda *which: heard.append(which))
    turn(loop)
    assert heard == []
    theirs.send(b"x")
    turn(loop, 1)
    assert set(heard) == {(True, False)}
    ours.recv(1)
    heard.clear()
    readiness.watch(ours.fileno(), WRITE, lambda *which: heard.append(which))
    turn(loop, 1)
    assert set(heard) == {(False, True)}


def test_a_descriptor_that_could_not_be_watched_can_be_later(loop, readiness, pair):
    heard = []
    number = pair[0].fileno()
    with open("/dev/null", "rb") as no_socket:
        os.dup2(no_socket.fileno(), number)
    with pytest.raises(PermissionError):
        readiness.watch(number, READ, lambda *which: heard.append(which))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        os.dup2(other.fileno(), number)
        readiness.watch(number, READ, lambda *which: heard.append(which))
        with socket.create_connection(other.getsockname()):
            turn(loop, 1)
    assert heard == [(True, False)]
    readiness.forget(number)


def test_a_pause_is_silent_even_when_the_peer_goes(loop, readiness, pair):
    heard = []
    ours, theirs = pair
    readiness.watch(ours.fileno(), READ, lambda *which: heard.append(which))
    readiness.watch(ours.fileno(), 0, lambda *which: heard.append(which))
    theirs.close()
    turn(loop)
    assert heard == []
    readiness.watch(ours.fileno(), READ, lambda *which: heard.append(which))
    turn(loop, 1)
    assert heard and heard[0][0]


def test_who_is_forgotten_in_the_same_batch_is_not_called(loop, readiness):
    pairs = [socket.socketpair() for _ in range(2)]
    called = []

    def end(number):
        called.append(number)
        readiness.forget(pairs[1 - number][0].fileno())

    for number, (ours, theirs) in enumerate(pairs):
        readiness.watch(ours.fileno(), READ, lambda *_, number=number: end(number))
        theirs.send(b"x")
    turn(loop, 1)
    assert len(called) == 1
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()


def test_more_than_a_batch_leaves_the_loop_its_turn(loop, readiness):
    pairs = [socket.socketpair() for _ in range(BATCH + 1)]
    called = []
    for ours, theirs in pairs:
        readiness.watch(ours.fileno(), READ, lambda *_, sock=ours: called.append(sock.recv(1)))
        theirs.send(b"x")
    turn(loop, 1)
    assert len(called) == BATCH
    turn(loop, 1)
    assert len(called) == BATCH + 1
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()
