"""The private directory of a running instance: whose it is, what is in it, and that there is one of it.

Owns the runtime directory's rules (mode 0700, owned by this user, no symlink), the instance lock and the
names of the files in it. Nothing is judged by a process id: whoever holds the lock is the instance.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from mpvnc.errors import ConfigError, ControlError
from mpvnc.ipc.places import control_path

NAMELESS = "nameless-"
"""Instances of `publish(port=...)` start with it; their directories are swept when their holder is gone."""
_LOCK = "lock"
_LONGEST = "events-4294967295"
_SUN_PATH_BYTES = 107


class Instance:
    """A locked instance. `open_instance` makes it; `close` removes its files and the lock."""

    def __init__(self, name: str, path: Path, lock_fd: int) -> None:
        self.name = name
        self.path = path
        self._lock_fd = lock_fd

    @property
    def control_path(self) -> Path:
        """Where its control socket is."""
        return control_path(self.path.parent, self.name)

    def endpoint(self, name: str) -> str:
        """Return a ZeroMQ address in its directory."""
        return f"ipc://{self.path / name}"

    def close(self) -> None:
        """Remove its directory and give the lock back."""
        _remove(self.path)
        os.close(self._lock_fd)


def open_instance(directory: Path, name: str) -> Instance:
    """Make the instance's directory, lock it, and clear what a killed predecessor left in it.

    Raises:
        ControlError: if an instance of that name runs already.
        ConfigError: if the directory is another user's, open to others, or its name too long for sockets.
    """
    path = directory / name
    if len(os.fsencode(path / _LONGEST)) > _SUN_PATH_BYTES:
        raise ConfigError(f"the runtime directory {path} is too long a name for UNIX sockets")
    try:
        private_directory(directory)
        _sweep(directory)
        lock_fd = _lock(path)
    except OSError as error:
        raise ConfigError(f"the runtime directory {path} cannot be used: {error.strerror}") from error
    if lock_fd is None:
        raise ControlError(
            f"an instance named {name} runs already: stop it, or choose another name (--instance NAME)"
        )
    for entry in path.iterdir():
        if entry.name != _LOCK:
            entry.unlink()
    return Instance(name, path, lock_fd)


def private_directory(path: Path) -> None:
    """Make a directory that only this user can enter, or check that it is one.

    Raises: ConfigError if it is not; OSError if it cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{path} is not a directory")
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to user {found.st_uid}, not to {os.geteuid()}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{path} is open to others: chmod 700")


def _lock(path: Path) -> int | None:
    """Return the descriptor that holds the lock, None if another process does."""
    while True:
        private_directory(path)
        fd = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        # The holder before us may have removed the file between our open and our lock.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path / _LOCK), os.fstat(fd)):
                return fd
        os.close(fd)


def _sweep(directory: Path) -> None:
    """Remove the directories of nameless instances that nobody holds."""
    for path in directory.glob(f"{NAMELESS}*"):
        with contextlib.suppress(OSError, ConfigError):
            fd = _lock(path)
            if fd is not None:
                _remove(path)
                os.close(fd)


def _remove(path: Path) -> None:
    """Remove an instance's directory; the lock goes last."""
    with contextlib.suppress(OSError):
        for entry in sorted(path.iterdir(), key=lambda entry: entry.name == _LOCK):
            entry.unlink()
        path.rmdir()
