"""The limit on open descriptors, the one that is kept in reserve, and the three that everybody counts on."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
from collections.abc import Iterator

from mpvnc.config import Clients
from mpvnc.errors import ConfigError

_OWN_FILES = 256
"""What a worker opens besides its clients, generously."""
_KERNEL_LIMIT = 1 << 20
"""Linux's own default of fs.nr_open: no process gets more."""


def open_standard_streams() -> None:
    """Open stdin, stdout and stderr from and to nowhere, as far as this process was started without them.

    What is opened first would else be taken for them, by us and by our children. To be called before that.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            _open_nowhere(fd)
            setattr(sys, name, open(fd, mode, closefd=False))  # noqa: SIM115


def _open_nowhere(fd: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != fd:
        os.dup2(nowhere, fd)
        os.close(nowhere)
    os.set_inheritable(fd, True)


def raise_limit(clients: Clients) -> int:
    """Raise RLIMIT_NOFILE to what `clients` may need in one process, and return the limit.

    Unlimited connections take all that the hard limit gives. Children inherit it.

    Raises: ConfigError if the limit cannot be raised that far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = _KERNEL_LIMIT if hard == resource.RLIM_INFINITY else hard
    need = clients.max_connections + 2 * clients.max_unauthenticated + _OWN_FILES
    if clients.max_connections == 0:
        need = max(need, min(hard, _KERNEL_LIMIT))
    if soft >= need:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, max(need, hard)))
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"clients.max_connections needs {need} open files, the limit is {hard}: "
            f"raise it (ulimit -Hn) or lower clients.max_connections or clients.max_unauthenticated"
        ) from error
    return need


class SpareDescriptor:
    """A descriptor in reserve, so that a process at its limit can still accept one socket, to refuse it."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._take()

    @contextlib.contextmanager
    def lent(self, listener: socket.socket) -> Iterator[tuple[socket.socket, object]]:
        """Accept one connection in its place; the caller must have closed it at the end.

        Raises: OSError as accept does.
        """
        self.close()
        try:
            yield listener.accept()
        finally:
            with contextlib.suppress(OSError):
                self._take()

    def close(self) -> None:
        """Give it up."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _take(self) -> None:
        self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
