"""The pointer page."""

import os
import struct

import pytest

from mpvnc.errors import FrameError, SegmentGone
from mpvnc.frames import pointer
from mpvnc.frames.pointer import PointerPage, pointer_page_bytes
from mpvnc.pointer import Cursor, PointerState


@pytest.fixture
def page_fd():
    fd = os.memfd_create("pointer-page")
    os.ftruncate(fd, pointer_page_bytes())
    yield fd
    os.close(fd)


@pytest.fixture
def ends(page_fd):
    writer, reader = PointerPage(page_fd, True), PointerPage(page_fd, False)
    yield writer, reader
    writer.close()
    reader.close()


def cursor(width=2, height=3, shade=7):
    return Cursor(width, height, width - 1, 0, bytes([shade]) * (width * height * 4))


def test_a_new_page_has_no_pointer(ends):
    _, reader = ends
    assert reader.version == 0
    assert reader.read() == PointerState(0, 0, 0, False, None)


def test_shape_and_position_arrive_apart(ends):
    writer, reader = ends
    writer.write_position(-3, 70000, True)
    assert reader.read() == PointerState(0, -3, 70000, True, None)
    writer.write_cursor(cursor())
    assert reader.read() == PointerState(reader.read().serial, -3, 70000, True, cursor())
    before = reader.read()
    shape = before.cursor
    writer.write_position(5, 6, False)
    assert (
        reader.read() == PointerState(before.serial, 5, 6, False, cursor()) and reader.read().cursor is shape
    )
    largest = cursor(256, 256, 9)
    writer.write_cursor(largest)
    assert reader.read() == PointerState(reader.read().serial, 5, 6, False, largest)
    assert reader.read().serial > before.serial > 0 and reader.read().cursor is not shape


def test_the_version_moves_with_changes_only(ends):
    writer, reader = ends
    writer.write_position(1, 2, True)
    version = reader.version
    writer.write_position(1, 2, True)
    assert reader.version == version
    writer.write_position(1, 2, False)
    assert reader.version > version and reader.version % 2 == 0


@pytest.mark.parametrize(
    "parts",
    [
        (0, 1, 0, 0, b""),
        (257, 1, 0, 0, bytes(257 * 4)),
        (1, 257, 0, 0, bytes(257 * 4)),
        (2, 2, 2, 0, bytes(16)),
        (2, 2, 0, -1, bytes(16)),
        (2, 2, 0, 0, bytes(15)),
    ],
)
def test_cursors_that_contradict_themselves_are_refused(parts):
    with pytest.raises(FrameError):
        Cursor(*parts)


def test_a_writer_that_dies_half_way_is_survived(page_fd, ends):
    writer, reader = ends
    writer.write_cursor(cursor())
    good = reader.read()
    writer._stamp[0] |= 1
    os.pwrite(page_fd, b"\xff" * 64, 8)
    assert reader.read() == good
    successor = PointerPage(page_fd, True)
    os.pwrite(page_fd, bytes(64), 8)
    successor.write_cursor(cursor(4, 4))
    successor.write_position(8, 9, True)
    successor.close()
    assert reader.read().cursor == cursor(4, 4) and (reader.read().x, reader.read().y) == (8, 9)


def test_a_change_during_the_read_is_read_again(ends, monkeypatch):
    writer, reader = ends
    writer.write_cursor(cursor(shade=1))
    fences = []

    def interfere():
        fences.append(1)
        if len(fences) == 2:
            writer.write_cursor(cursor(shade=2))

    monkeypatch.setattr(pointer, "fence", interfere)
    assert reader.read() == PointerState(reader.version - 1, 0, 0, False, cursor(shade=2))


def test_impossible_shapes_in_the_page_are_not_believed(page_fd, ends):
    writer, reader = ends
    writer.write_cursor(cursor())
    good = reader.read()
    for width in (2**63, 257, 0):
        writer.write_cursor(cursor(shade=3))
        os.pwrite(page_fd, struct.pack("@Q", width), 8 + 32)
        assert reader.read() == good


def test_a_page_too_small_and_a_reader_that_writes_are_refused(ends):
    _, reader = ends
    with pytest.raises(TypeError):
        reader.write_position(1, 1, True)
    fd = os.memfd_create("small")
    with pytest.raises(SegmentGone):
        PointerPage(fd, False)
    os.close(fd)


def test_viewers_may_have_pointers_of_their_own(ends):
    writer, reader = ends
    writer.write_cursor(cursor())
    writer.write_own(True)
    assert reader.read() == PointerState(reader.read().serial, 0, 0, True, cursor(), is_own=True)
    writer.write_own(False)
    state = reader.read()
    assert not state.visible and not state.is_own
    writer.write_own(True)
    writer.write_position(3, 4, True)
    assert not reader.read().is_own
