"""Memory files that carry secrets from one process to another, by descriptor."""

from __future__ import annotations

import fcntl
import os

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed_memory(name: str, data: bytes) -> int:
    """Return the descriptor of a new memory file that holds `data`, and that nobody can change any more."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def descriptor_path(fd: int) -> str:
    """Return a path under which what lies behind a descriptor is opened anew, for libraries that take files alone."""
    return f"/proc/self/fd/{fd}"
