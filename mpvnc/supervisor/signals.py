"""Signals as bytes on a descriptor: handlers only enqueue, the loop reads them in its turn."""

from __future__ import annotations

import os
import signal
from types import FrameType

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SignalPipe:
    """Collects the watched signals; main thread only. `close` restores what was there before."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._previous_fd = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, _enqueued) for number in WATCHED}

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        return self._read_fd

    def read(self) -> list[signal.Signals]:
        """Return the watched signals that came, in order; never blocks."""
        try:
            data = os.read(self._read_fd, 4096)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in data if number in WATCHED]

    def close(self) -> None:
        """Restore the previous handlers."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._read_fd)
        os.close(self._write_fd)


def _enqueued(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written the number to the wake-up descriptor already."""
