"""Log handlers: one line per record, to stderr or a file, never blocking the process that logs.

Owns the format `time level role[pid] client message`, the bounded queue and the thread that empties it. Must
not know what is logged. A record that finds the queue full is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Iterable
from logging.handlers import QueueHandler, QueueListener

QUEUE_LIMIT = 2000
FALLBACK_LEVEL = "INFO"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class LineFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123 INFO encoder[42] 7 message`; `-` where a record has no client."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it if there is one."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        client = getattr(record, "client", "-")
        head = f"{stamp}.{int(record.msecs):03d} {record.levelname} {self._role}[{record.process}] {client} "
        line = head + _printable(record.getMessage())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class BoundedQueueHandler(QueueHandler):
    """Hands records to the listener's thread; `dropped` counts those that found no room."""

    def __init__(self, records: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(records)
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Keep the record if there is room."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Fix the message now; its arguments may change before it is written."""
        record.msg, record.args = record.getMessage(), None
        return record


class _NoLock:
    """Stands in for a handler's lock, and locks nothing. (Python 3.13 and later do not take None for it.)"""

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return

    def acquire(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""


class DescriptorHandler(logging.Handler):
    """Writes lines to a descriptor, past all buffers and locks.

    A thread that is stuck in `write` then holds nothing that the interpreter's end waits for, as it would with
    the lock of a stream. Only the listener's thread may call it.
    """

    def __init__(self, fd: int, *, owned: bool) -> None:
        super().__init__()
        self._fd = fd
        self._owned = owned

    def createLock(self) -> None:
        """Have no lock."""
        self.lock = _NoLock()  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            rest = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close the descriptor if it is this handler's own."""
        super().close()
        if self._owned:
            self._owned = False
            os.close(self._fd)


class Log:
    """The running log of a process. `close()` writes what waits, for at most a second, and ends it."""

    def __init__(self, handler: BoundedQueueHandler, listener: QueueListener, sink: logging.Handler) -> None:
        self._handler = handler
        self._sink = sink
        self._listener = listener

    @property
    def dropped(self) -> int:
        """Records that were dropped because the queue was full."""
        return self._handler.dropped

    def close(self, timeout_s: float = 1.0) -> None:
        """Stop taking records; wait at most `timeout_s` for the written end."""
        logging.getLogger().removeHandler(self._handler)
        thread = self._listener._thread
        try:
            self._listener.enqueue_sentinel()
        except queue.Full:
            return
        if thread is not None:
            thread.join(timeout_s)
            if not thread.is_alive():
                self._sink.close()


def start_log(role: str, level: str, file: str = "", *, fd: int = 2) -> Log:
    """Send all records of this process to `file`, or `fd` (stderr), and return the running log.

    An unknown level warns and counts as INFO. Raises: OSError if the file cannot be opened.
    """
    if file:
        fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    sink = DescriptorHandler(fd, owned=bool(file))
    sink.setFormatter(LineFormatter(role))
    handler = BoundedQueueHandler(queue.Queue(QUEUE_LIMIT))
    listener = QueueListener(handler.queue, sink)
    listener.start()
    logging.raiseExceptions = False
    logging.getLogger().handlers[:] = [handler]
    set_level(level)
    return Log(handler, listener, sink)


def set_level(level: str) -> None:
    """Drop records below `level` from now on. An unknown level warns and counts as INFO."""
    root = logging.getLogger()
    root.setLevel(level.upper() if is_level(level) else FALLBACK_LEVEL)
    if not is_level(level):
        root.warning("logging.log_level: %r is not one of %s; INFO is taken", level, ", ".join(_LEVELS))


def warn_all(warnings: Iterable[str]) -> None:
    """Log lines that were collected before there was a log."""
    for warning in warnings:
        logging.getLogger(__name__).warning("%s", warning)


def is_level(level: str) -> bool:
    """Whether `level` names a level."""
    return level.upper() in _LEVELS


def for_client(logger: logging.Logger, client: int | str) -> logging.LoggerAdapter[logging.Logger]:
    """Return a logger whose lines carry the client's id."""
    return logging.LoggerAdapter(logger, {"client": client})


def _printable(text: str) -> str:
    """Keep a record on one line: whatever a peer sent cannot forge another."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
