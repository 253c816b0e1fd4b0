"""Memory files that carry bytes from one process to another, by descriptor.

They are sealed: nobody who reads one can be made to see it change, or shrink under a mapping.
"""

from __future__ import annotations

import fcntl
import os

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed_memory(name: str, data: bytes) -> int:
    """Return the descriptor (close-on-exec) of a new memory file that holds `data`; the caller's to close."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def descriptor_path(fd: int) -> str:
    """Return a path under which what lies behind a descriptor is opened anew, for libraries that take files alone."""
    return f"/proc/self/fd/{fd}"
