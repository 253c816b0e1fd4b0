"""The reader against a writer that races it, dies, or lies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mpvnc.errors import FrameError, SegmentGone
from mpvnc.frames import layout, reader
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.store import read_newest
from mpvnc.frames.writer import FrameWriter

ROOT = Path(__file__).resolve().parents[2]
FACTOR = float(os.environ.get("MPVNC_TEST_TIME_FACTOR", "1"))

FLAT_WRITER = """
import sys
from mpvnc.frames.writer import FrameWriter
writer = FrameWriter(int(sys.argv[1]), 1, 640, 360, 1)
while True:
    slot = writer.begin()
    slot.pixels[...] = writer.frame + 1
    writer.publish(slot, slot.stale or [(0, 0, 640, 360)])
"""

DOT_WRITER = """
import sys
import numpy as np
from mpvnc.frames.writer import FrameWriter
writer = FrameWriter(int(sys.argv[1]), 1, 1920, 1080, 1)
surface = np.zeros((1080, 1920), np.uint32)
while True:
    x, y = writer.frame % 1920, writer.frame // 1920 % 1080
    surface[y, x] = writer.frame + 1
    writer.publish_pixels(surface, [(x, y, 1, 1)])
"""


def racing_writer(code, segment):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(segment.fd)], pass_fds=[segment.fd], cwd=ROOT, stderr=subprocess.PIPE
    )


def wait_for_a_frame(segment, process):
    deadline = time.monotonic() + 20 * FACTOR
    while read_newest(segment.fd) is None:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def race(new_segment):
    processes = []

    def start(code, width, height):
        segment = new_segment(width, height)
        processes.append(racing_writer(code, segment))
        wait_for_a_frame(segment, processes[-1])
        return FrameReader(segment.fd)

    yield start
    for process in processes:
        assert process.poll() is None, process.stderr.read()
        process.kill()
        process.wait()
        process.stderr.close()


def test_no_torn_frame_is_accepted_from_a_racing_writer(race):
    racer = race(FLAT_WRITER, 640, 360)
    accepted, deadline = 0, time.monotonic() + 2
    while time.monotonic() < deadline or accepted < 20:
        if not racer.refresh():
            continue
        accepted += 1
        assert racer.pixels.min() == racer.pixels.max() == racer.frame
        assert (racer.tiles.epoch == racer.frame).all()
        assert time.monotonic() < deadline + 20 * FACTOR
    assert racer.whole


def test_a_large_frame_is_caught_up_with_while_small_changes_race(race):
    racer = race(DOT_WRITER, 1920, 1080)
    deadline = time.monotonic() + 20 * FACTOR
    for _ in range(20):
        while not racer.refresh():
            assert time.monotonic() < deadline
        dots = racer.pixels.reshape(-1)
        count = racer.frame
        np.testing.assert_array_equal(dots[:count], np.arange(1, count + 1))
        assert not dots[count:].any()


def test_a_killed_writer_leaves_its_last_frame_to_new_readers(new_segment):
    segment = new_segment(640, 360)
    process = racing_writer(FLAT_WRITER, segment)
    try:
        wait_for_a_frame(segment, process)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    late = FrameReader(segment.fd)
    assert late.refresh() and late.frame == late.newest
    assert late.pixels.min() == late.pixels.max() == late.frame


def fill(value):
    return np.full((130, 130), value, np.uint32)


@pytest.fixture
def pair(new_segment):
    segment = new_segment(130, 130)
    return FrameWriter(segment.fd, 1, 130, 130, 1), FrameReader(segment.fd)


def interfere(monkeypatch, action, times):
    """Have `action` happen in the middle of the reader's next copies."""
    left = [times]
    copy = reader.copy_masked

    def copy_then_act(target, source, tiles):
        if left[0]:
            left[0] -= 1
            target[:5] = 0xBAD
            action()
            target[5:9] = 0xBAD
        else:
            copy(target, source, tiles)

    monkeypatch.setattr(reader, "copy_masked", copy_then_act)


@pytest.mark.parametrize("times", [1, 2, 7])
def test_an_overtaken_reader_takes_the_newest_frame(pair, monkeypatch, times):
    writer, victim = pair
    writer.publish_pixels(fill(1))

    def overtake():
        for _ in range(3):
            writer.publish_pixels(fill(writer.frame + 1))

    interfere(monkeypatch, overtake, times)
    assert victim.refresh() and victim.whole
    assert victim.frame == writer.frame == 1 + 3 * times
    assert (victim.pixels == victim.frame).all()


def test_a_reader_that_is_always_overtaken_gives_up_and_goes_on_later(pair, monkeypatch):
    writer, victim = pair
    writer.publish_pixels(fill(1))
    assert victim.refresh()
    writer.publish_pixels(fill(2))
    monkeypatch.setattr(reader, "_TRIES", 5)

    def overtake():
        for _ in range(3):
            writer.publish_pixels(fill(writer.frame + 1))

    with monkeypatch.context() as patched:
        interfere(patched, overtake, 100)
        assert not victim.refresh()
    assert victim.frame == 1 and not victim.whole and (victim.tiles.epoch == 1).all()
    assert victim.refresh() and victim.whole
    assert (victim.pixels == victim.frame).all() and victim.frame == writer.frame


def test_a_slot_that_was_abandoned_under_the_reader_is_not_taken_for_its_old_frame(pair, monkeypatch):
    writer, victim = pair
    writer.publish_pixels(fill(1))

    class StaleHeader(np.ndarray):
        """Shows the word NEWEST as it was before the writer moved on, once."""

        def __getitem__(self, index):
            value = super().__getitem__(index)
            if index == layout.W_NEWEST and writer.frame == 1:
                writer.publish_pixels(fill(2))
                writer.publish_pixels(fill(3))
                slot = writer.begin()
                slot.pixels[...] = 0xBAD
                writer.abandon(slot)
            return value

    monkeypatch.setattr(victim, "_words", victim._words.view(StaleHeader))
    assert victim.refresh() and victim.frame == 3
    assert (victim.pixels == 3).all()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (layout.W_MAGIC, 0),
        (layout.W_VERSION, layout.VERSION + 1),
        (layout.W_WIDTH, 0),
        (layout.W_WIDTH, 2**63),
        (layout.W_WIDTH, 70000),
        (layout.W_HEIGHT, 60000),
        (layout.W_STRIDE, 519),
    ],
)
def test_headers_that_cannot_be_right_are_refused(new_segment, word, value):
    segment = new_segment(130, 130)
    FrameWriter(segment.fd, 1, 130, 130, 1).publish_pixels(fill(1))
    os.pwrite(segment.fd, value.to_bytes(8, sys.byteorder), word * 8)
    with pytest.raises(SegmentGone):
        FrameReader(segment.fd)
    assert read_newest(segment.fd) is None


@pytest.mark.parametrize("size_bytes", [0, 100, 4096, layout.segment_bytes(130, 130) - 1])
def test_a_segment_cut_short_is_refused(new_segment, size_bytes):
    segment = new_segment(130, 130)
    FrameWriter(segment.fd, 1, 130, 130, 1).close()
    os.ftruncate(segment.fd, size_bytes)
    with pytest.raises(SegmentGone):
        FrameReader(segment.fd)
    with pytest.raises(SegmentGone):
        FrameWriter(segment.fd, 1, 130, 130, 1)


def test_a_slot_that_does_not_exist_is_refused(pair, new_segment):
    segment = new_segment(130, 130)
    writer = FrameWriter(segment.fd, 1, 130, 130, 1)
    victim = FrameReader(segment.fd)
    writer.publish_pixels(fill(1))
    os.pwrite(segment.fd, (9 << 2 | 3).to_bytes(8, sys.byteorder), layout.W_NEWEST * 8)
    with pytest.raises(SegmentGone, match="slot 3"):
        victim.refresh()
    assert read_newest(segment.fd) is None


def test_boxes_are_never_trusted(new_segment):
    segment = new_segment(130, 130)
    writer, victim = FrameWriter(segment.fd, 1, 130, 130, 1), FrameReader(segment.fd)
    writer.publish_pixels(fill(1))
    at = layout.Layout(130, 130)
    os.pwrite(segment.fd, b"\xff" * at.tiles * 8, at.table_offset(0) + at.tiles * 16)
    assert victim.refresh()
    np.testing.assert_array_equal(victim.tiles.box, victim.tiles.whole)


def test_sides_that_no_client_can_be_told_are_refused():
    for width, height in ((0, 5), (5, 0), (65536, 5), (5, -1)):
        with pytest.raises(FrameError):
            layout.segment_bytes(width, height)
