"""Bytes that are too many for a control message: they travel behind a descriptor, in a memfd.

Who makes a parcel seals it, so that nobody who reads it can be made to see it change, or shrink under a mapping.
"""

from __future__ import annotations

import fcntl
import os

from mpvnc.errors import ControlError

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def make_parcel(data: bytes) -> int:
    """Return the descriptor (close-on-exec) of a sealed memfd that holds `data`; the caller's to close."""
    fd = os.memfd_create("mpvnc-parcel", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_parcel(fd: int, limit_bytes: int) -> bytes:
    """Return what a parcel holds, and close it.

    Raises: ControlError if it cannot be read, or holds more than `limit_bytes`; nothing is read then.
    """
    try:
        size = os.fstat(fd).st_size
        if size > limit_bytes:
            raise ControlError(f"a parcel of {size} bytes, the limit is {limit_bytes}")
        data = bytearray()
        while len(data) < size and (piece := os.pread(fd, size - len(data), len(data))):
            data += piece
    except OSError as error:
        raise ControlError(f"a parcel cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)
    return bytes(data)
