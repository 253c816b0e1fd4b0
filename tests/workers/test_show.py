"""One screen in front of a worker's clients: one slice of encoding at a time, whatever happens between two."""

from __future__ import annotations

import asyncio
import os
from array import array
from collections.abc import Iterator

import pytest

from mpvnc.constants import Encoding
from mpvnc.encodings.wire import wire_class
from mpvnc.frames.audience import Audience
from mpvnc.frames.store import create_frame_segment
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.metrics import SLOT_WORDS, SlotCounters
from mpvnc.pixels import NATIVE
from mpvnc.session.planner import Piece
from mpvnc.session.update import Update
from mpvnc.workers.show import Show
from tests.session.stage import noise


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def turn(loop: asyncio.AbstractEventLoop) -> None:
    """Turn a loop once."""
    loop.stop()
    loop.run_forever()


@pytest.fixture
def show(loop: asyncio.AbstractEventLoop) -> Iterator[Show]:
    """A show of one frame, at which nobody looks."""
    segment = create_frame_segment(f"mpvnc-test-{os.getpid()}-show", 256, 64)
    segment.unlink()
    writer = FrameWriter(segment.fd, 1, 256, 64, 1)
    writer.publish_pixels(noise(256, 64))
    show = Show(loop, "title", Audience(SlotCounters(memoryview(array("Q", [0] * SLOT_WORDS)))))
    show.open(segment.fd)
    segment.close()
    yield show
    show.close()
    writer.close()


def test_one_slice_is_encoded_in_a_turn_however_often_others_have_made_something(
    loop: asyncio.AbstractEventLoop, show: Show
) -> None:
    update = Update("key", wire_class(NATIVE, [Encoding.ZRLE]), 1, frozenset(), 0.0)
    show.broadcast.fanout.start(update, [Piece(Rect(x, 0, 8, 8), 1) for x in range(0, 160, 8)])
    for number in range(5):
        show.arrived()
        show.arrived()
        before = len(update.todo)
        turn(loop)
        assert before - len(update.todo) <= 1, f"in turn {number}"
    assert len(update.todo) == 20 - 5
