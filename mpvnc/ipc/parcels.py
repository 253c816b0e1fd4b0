"""Bytes that are too many for a control message: they travel behind a descriptor, in sealed memory."""

from __future__ import annotations

import os

from mpvnc.errors import ControlError
from mpvnc.ipc.memory import sealed_memory


def make_parcel(data: bytes) -> int:
    """Return the descriptor (close-on-exec) of a parcel that holds `data`; the caller's to close."""
    return sealed_memory("mpvnc-parcel", data)


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
