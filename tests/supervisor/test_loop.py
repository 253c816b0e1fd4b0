from __future__ import annotations

import os

import pytest

from mpvnc.ipc.control import pair
from mpvnc.supervisor import loop as loop_module
from mpvnc.supervisor.loop import Loop


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pipe():
    fds = os.pipe()
    yield fds
    for fd in fds:
        os.close(fd)


def test_a_failing_callback_is_logged_and_the_others_go_on(loop, pipe, monkeypatch, caplog):
    monkeypatch.setattr(loop_module, "_AFTER_FAILURE_S", 0)
    calls = []

    def fail():
        calls.append(1)
        raise ValueError("broken")

    loop.watch(pipe[0], fail)
    os.write(pipe[1], b"x")
    loop.turn(1)
    loop.turn(1)
    assert len(calls) == 2 and "broken" in caplog.text


def test_a_callback_may_unwatch_others_of_the_same_turn(loop, pipe):
    other = os.dup(pipe[0])
    calls = []

    def one(own, rest):
        calls.append(own)
        loop.unwatch(rest)

    loop.watch(pipe[0], lambda: one("a", other))
    loop.watch(other, lambda: one("b", pipe[0]))
    os.write(pipe[1], b"x")
    loop.turn(1)
    os.close(other)
    assert len(calls) == 1


def test_what_waits_to_be_sent_goes_when_the_peer_reads(loop):
    ours, theirs = pair()
    ours.set_blocking(False)
    theirs.set_blocking(False)
    flushed = []

    def flush():
        ours.flush()
        loop.refresh(ours)
        flushed.append(1)

    loop.watch_control(ours, lambda: None, flush)
    count = 0
    while not ours.wants_write:
        assert loop.send(ours, {"type": "n", "pad": "." * 4000})
        count += 1
    received = 0
    while received < count:
        try:
            theirs.receive()
            received += 1
        except BlockingIOError:
            loop.turn(1)
    assert flushed and not ours.wants_write
    before = len(flushed)
    loop.turn(0.01)
    assert len(flushed) == before, "it is not watched for writing any more"
    ours.close()
    theirs.close()


def test_a_message_to_nobody_is_reported(loop):
    ours, theirs = pair()
    theirs.close()
    assert not loop.send(ours, {"type": "x"})
    ours.close()


def test_unwatching_what_is_not_watched_is_no_error(loop, pipe):
    loop.unwatch(pipe[0])
    closed, other = pair()
    closed.close()
    other.close()
    loop.unwatch(closed)
    loop.refresh(closed)
