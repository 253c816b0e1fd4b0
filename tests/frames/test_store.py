"""Segments as files: room, names, locks, descriptors."""

import errno
import fcntl
import gc
import os
import subprocess
import sys
from collections import namedtuple
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

from mpvnc.errors import FrameError
from mpvnc.frames import store
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.writer import FrameWriter

ROOT = Path(__file__).resolve().parents[2]

ATTACH_AND_EXIT = """
import sys
from multiprocessing.shared_memory import SharedMemory
SharedMemory(sys.argv[1]).close()
"""

CREATE_LOSE_UNLINK = """
import subprocess, sys
from mpvnc.frames.store import create_frame_segment
segment = create_frame_segment(sys.argv[1], 64, 64)
subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], stderr=subprocess.DEVNULL, check=True)
segment.unlink()
segment.close()
"""


def name(instance, number=0):
    return f"{store.name_prefix(instance)}{number}"


def python(code, *args):
    command = [sys.executable, "-W", "error", "-c", code, *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def open_fds():
    gc.collect()  # what earlier tests left to the collector would go in between
    resource_tracker.ensure_running()
    return sorted(os.listdir("/proc/self/fd"))


def exists(segment_name):
    return (store.DIRECTORY / segment_name).exists()


def test_the_memory_is_there_and_private(instance, new_segment):
    segment = new_segment(640, 360)
    status = os.fstat(segment.fd)
    assert status.st_size == segment.size_bytes and status.st_blocks * 512 >= segment.size_bytes
    assert status.st_mode & 0o777 == 0o600 and not os.get_inheritable(segment.fd)
    with pytest.raises(FrameError, match=segment.name):
        store.create_frame_segment(segment.name, 64, 64)
    assert exists(segment.name)


def test_no_room_is_told_with_the_sizes(instance, monkeypatch):
    status = namedtuple("status", "f_bavail f_frsize")(64 * 256, 4096)
    monkeypatch.setattr(store.os, "statvfs", lambda path: status)
    expected = r"/dev/shm has 64.0 MB free, three frames of 3840x2160 need 95.\d MB; make it larger"
    with pytest.raises(FrameError, match=expected):
        store.create_frame_segment(name(instance), 3840, 2160)
    assert not exists(name(instance))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_room_that_is_lost_meanwhile_is_an_error_and_leaves_nothing(instance, monkeypatch, number):
    def fail(fd, offset, size):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store.os, "posix_fallocate", fail)
    before = open_fds()
    with pytest.raises(FrameError, match="need 0.1 MB" if number == errno.ENOSPC else os.strerror(number)):
        store.create_frame_segment(name(instance), 64, 64)
    assert not exists(name(instance)) and open_fds() == before


def test_only_what_nobody_holds_is_unlinked(instance):
    segments = [store.create_frame_segment(name(instance, number), 64, 64) for number in range(4)]
    left, open_fd, mapped, elsewhere = segments
    writer = FrameWriter(mapped.fd, 1, 64, 64, 1)
    holder = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[elsewhere.fd]
    )
    try:
        for segment in (left, mapped, elsewhere):
            segment.close()
        assert store.unlink_stale(instance) == [left.name]
        assert [exists(segment.name) for segment in segments] == [False, True, True, True]
        writer.close()
    finally:
        holder.communicate(b"\n", timeout=30)
    assert store.unlink_stale(instance) == [mapped.name, elsewhere.name]
    assert store.unlink_stale(instance) == [] and exists(open_fd.name)
    open_fd.close()
    for segment in segments:
        segment.unlink()
    assert not exists(open_fd.name)


def test_other_instances_are_not_even_looked_at(instance, new_segment):
    path = store.DIRECTORY / store.name_prefix(instance + "x")
    path.touch()
    try:
        assert store.unlink_stale(instance) == [] and path.exists()
    finally:
        path.unlink()


def test_readers_that_opened_the_file_themselves_hold_it_too(instance):
    segment = store.create_frame_segment(name(instance), 64, 64)
    FrameWriter(segment.fd, 1, 64, 64, 1).close()
    fd = os.open(store.DIRECTORY / segment.name, os.O_RDONLY)
    reader = FrameReader(fd)
    os.close(fd)
    segment.close()
    assert store.unlink_stale(instance) == []
    reader.close()
    assert store.unlink_stale(instance) == [segment.name]
    segment.unlink()


def test_a_reader_cannot_write(new_segment):
    segment = new_segment(64, 64)
    FrameWriter(segment.fd, 1, 64, 64, 1)
    reader = FrameReader(segment.fd)
    with pytest.raises(ValueError, match="read-only"):
        reader._words[0] = 0


def test_nothing_is_leaked_by_fifty_lives(instance):
    before = open_fds()
    for number in range(50):
        segment = store.create_frame_segment(name(instance, number), 64, 64)
        writer, reader = FrameWriter(segment.fd, number, 64, 64, 1), FrameReader(segment.fd)
        writer.publish_pixels(np.ones((64, 64), np.uint32))
        assert reader.refresh()
        reader.close()
        writer.close()
        segment.unlink()
        segment.close()
    assert open_fds() == before
    assert store.unlink_stale(instance) == []


def test_a_name_unlinked_by_a_stranger_s_resource_tracker_hurts_nobody(new_segment):
    segment = new_segment(64, 64)
    writer, reader = FrameWriter(segment.fd, 1, 64, 64, 1), FrameReader(segment.fd)
    assert python(ATTACH_AND_EXIT, segment.name).returncode == 0
    if sys.version_info < (3, 13):
        assert not exists(segment.name)
    assert writer.publish_pixels(np.full((64, 64), 9, np.uint32)) == 1
    assert reader.refresh() and (reader.pixels == 9).all()
    assert FrameReader(segment.fd).refresh()


def test_the_creator_says_nothing_at_exit_when_its_name_was_taken(instance):
    done = python(CREATE_LOSE_UNLINK, name(instance), ATTACH_AND_EXIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not exists(name(instance))


def test_locks_are_shared(new_segment):
    segment = new_segment(64, 64)
    fd = os.open(store.DIRECTORY / segment.name, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    store.hold(fd)
    os.close(fd)


def test_the_supervisor_s_half_does_not_load_numpy():
    code = "import sys, mpvnc.frames.store, mpvnc.frames.pointer; sys.exit('numpy' in sys.modules)"
    done = python(code)
    assert done.returncode == 0, done.stderr
