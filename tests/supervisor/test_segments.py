from __future__ import annotations

import os

import pytest

from mpvnc.errors import ControlError, FrameError
from mpvnc.frames.writer import FrameWriter
from mpvnc.geometry import Rect
from mpvnc.supervisor.segments import Numbering, Segments, checked_size
from tests.support.server import segments as names


@pytest.fixture
def instance():
    return f"test-segments-{os.getpid()}"


@pytest.fixture
def segments(instance):
    made = Segments(Numbering(instance))
    yield made
    made.close()
    assert not names(instance)


def write_frames(generation, count):
    writer = FrameWriter(
        generation.segment.fd, generation.number, generation.width, generation.height, generation.first_frame
    )
    for value in range(count):
        slot = writer.begin()
        slot.pixels[:] = value + 1
        writer.publish(slot, [Rect(0, 0, generation.width, generation.height)])
    writer.close()


def test_the_old_name_goes_when_the_new_generation_is_published(segments, instance):
    first = segments.allocate(64, 32)
    assert segments.current is None and first.first_frame == 1
    write_frames(first, 3)
    assert segments.publish(1) is first
    assert segments.newest_frame == 3
    second = segments.allocate(100, 50)
    assert (second.number, second.first_frame, segments.current) == (2, 4, first)
    assert len(names(instance)) == 2
    write_frames(second, 1)
    segments.publish(2)
    assert [path.name for path in names(instance)] == [second.segment.name]
    assert segments.newest_frame == 4


def test_one_that_was_never_published_is_replaced(segments, instance):
    segments.allocate(64, 32)
    segments.allocate(64, 32)
    assert len(names(instance)) == 1
    with pytest.raises(ControlError, match="generation 1"):
        segments.publish(1)
    segments.abandon_pending()
    assert not names(instance)
    with pytest.raises(ControlError):
        segments.publish(2)


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 1), (70000, 1), (65535, 65535)])
def test_impossible_sizes_are_refused(segments, size):
    with pytest.raises(FrameError):
        segments.allocate(*size)


@pytest.mark.parametrize(
    "message", [{}, {"width": 1}, {"width": "1", "height": 1}, {"width": 1.5, "height": 1}]
)
def test_what_is_no_size_is_refused(message):
    with pytest.raises(FrameError):
        checked_size(message)


def test_leftovers_of_a_killed_predecessor_are_unlinked(instance):
    segments = Segments(Numbering(instance))
    left = segments.allocate(64, 32)
    os.close(left.segment.fd)
    successor = Segments(Numbering(instance))
    assert not names(instance)
    left.segment.unlink()
    successor.close()


def test_two_supervisors_of_one_name_stay_apart(segments, instance):
    """The second one runs in another runtime directory, or the first one's children have not ended yet."""
    held = segments.allocate(32, 16)
    second = Segments(Numbering(instance))
    other = second.allocate(32, 16)
    assert other.segment.name != held.segment.name
    assert os.fstat(held.segment.fd).st_nlink == os.fstat(other.segment.fd).st_nlink == 1
    second.close()
