"""Frame segments as files: made, held, mapped, unlinked. Must not import numpy: the supervisor is here.

A segment's name serves only its creator, and the next supervisor that looks for leftovers; everybody else
has the file descriptor. So a name that vanishes hurts nobody: on Python 3.11 and 3.12 any process that
attaches by name has its resource tracker unlink the segment when it exits.

Each holder has a shared lock on the open file; locks and mappings last as long as the file is open or mapped
by anyone. A name whose file can be locked exclusively has no holder left.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

from mpvnc.errors import FrameError, SegmentGone
from mpvnc.frames.layout import HEADER_BYTES, W_NEWEST, Layout, check_header, unpack_newest

DIRECTORY = Path("/dev/shm")
_MEGABYTE = 1 << 20
_CREATE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that this process created. The fd is closed by `close`, the name removed by `unlink`."""

    name: str
    size_bytes: int
    fd: int

    def close(self) -> None:
        """Close the fd; call it once. Those who have the segment keep it."""
        os.close(self.fd)

    def unlink(self) -> None:
        """Remove the name, if it is still there; call it once."""
        _unlink(self.name)


def create_segment(name: str, size_bytes: int, content: str = "its contents") -> Segment:
    """Create a segment of zeros whose memory is really there, and hold it.

    Args:
        name: without a slash; not in use.
        content: what the memory is for, as the error message says it.
    Raises: FrameError if the name is taken, or if /dev/shm has not enough room.
    """
    # Asked first: a request beyond all memory would take what there is before it fails.
    if _free_bytes() < size_bytes:
        raise _too_small(size_bytes, content)
    try:
        fd = _create_held(name, size_bytes)
    except OSError as error:
        raise FrameError(f"{DIRECTORY}/{name}: {error.strerror}") from error
    try:
        _reserve(fd, size_bytes, content)
    except BaseException as error:
        os.close(fd)
        _unlink(name)
        if isinstance(error, OSError):
            raise FrameError(f"{DIRECTORY}/{name}: {error.strerror}") from error
        raise
    return Segment(name, size_bytes, fd)


def _create_held(name: str, size_bytes: int) -> int:
    """Create a file and hold it; done again if a starting namesake swept it away before it was held."""
    for attempt in range(_CREATE_TRIES):
        shared_memory.SharedMemory(name, create=True, size=size_bytes).close()
        try:
            fd = os.open(DIRECTORY / name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except BaseException as error:
            _unlink(name)
            if isinstance(error, FileNotFoundError) and attempt < _CREATE_TRIES - 1:
                continue
            raise
        hold(fd)
        return fd
    raise AssertionError("the last attempt returns or raises")


def create_frame_segment(name: str, width: int, height: int) -> Segment:
    """Create a segment for frames of width x height pixels; see `create_segment`."""
    return create_segment(name, Layout(width, height).size_bytes, f"three frames of {width}x{height}")


def name_prefix(instance: str) -> str:
    """Return how the names of all segments of this user's `instance` begin."""
    return f"mpvnc-{os.getuid()}-{instance}-"


def unlink_stale(instance: str) -> list[str]:
    """Remove the segments of earlier supervisors of `instance` that nobody holds; return their names.

    Nobody is judged by name or age: what can be locked exclusively has no holder, all else stays.
    """
    removed = []
    for path in sorted(DIRECTORY.glob(f"{name_prefix(instance)}*")):
        with suppress(OSError):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed.append(path.name)
            finally:
                os.close(fd)
    return removed


def hold(fd: int) -> None:
    """Take part in the shared lock on the segment; it ends with the last copy and mapping of the fd."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def map_file(fd: int, size_bytes: int, *, writable: bool) -> mmap.mmap:
    """Map the first `size_bytes` of the file; the mapping keeps the file open by itself.

    Raises: SegmentGone if the file is smaller, or cannot be mapped.
    """
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    try:
        found = os.fstat(fd).st_size
        if found < size_bytes:
            raise SegmentGone(f"shared memory has {found} bytes, expected {size_bytes}")
        return mmap.mmap(fd, size_bytes, mmap.MAP_SHARED, protection)
    except (OSError, ValueError) as error:
        raise SegmentGone(f"shared memory cannot be mapped: {error}") from error


def unmap(memory: mmap.mmap) -> None:
    """Unmap; while somebody still has a view of it, that happens when the view goes."""
    with suppress(BufferError):
        memory.close()


def read_layout(fd: int) -> Layout:
    """Return the layout that the segment's header tells; raises SegmentGone if it cannot be right."""
    with _header(fd) as words:
        return check_header(words, os.fstat(fd).st_size)


def read_newest(fd: int) -> tuple[int, int, int] | None:
    """Return (newest frame number, width, height) of a segment, None if it has no whole frame."""
    try:
        with _header(fd) as words:
            layout = check_header(words, os.fstat(fd).st_size)
            frame = unpack_newest(words[W_NEWEST])[1]
    except SegmentGone:
        return None
    return (frame, layout.width, layout.height) if frame else None


@contextmanager
def _header(fd: int) -> Iterator[memoryview]:
    with (
        map_file(fd, HEADER_BYTES, writable=False) as page,
        memoryview(page) as data,
        data.cast("Q") as words,
    ):
        yield words


def _reserve(fd: int, size_bytes: int, content: str) -> None:
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _too_small(size_bytes, content) from None
        raise


def _too_small(size_bytes: int, content: str) -> FrameError:
    return FrameError(
        f"{DIRECTORY} has {_free_bytes() / _MEGABYTE:.1f} MB free, {content} need "
        f"{size_bytes / _MEGABYTE:.1f} MB; make it larger (docker run --shm-size) or the screen smaller"
    )


def _free_bytes() -> int:
    status = os.statvfs(DIRECTORY)
    return status.f_bavail * status.f_frsize


def _unlink(name: str) -> None:
    # Not SharedMemory.unlink: it keeps a vanished name registered, and the tracker complains at exit.
    with suppress(FileNotFoundError):
        os.unlink(DIRECTORY / name)
    resource_tracker.unregister(f"/{name}", "shared_memory")
