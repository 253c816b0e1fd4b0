"""Incremental parsing without I/O: parsers are generators that yield what they need and are sent it.

A parser yields a number of bytes, or `Until(byte)` for everything up to and including that byte; it is sent
exactly those bytes. `Feeder` drives one over chunks that may be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, NamedTuple, TypeVar

R = TypeVar("R")


class Until(NamedTuple):
    """The need of everything up to and including a byte value."""

    byte: int


Need = int | Until
Parser = Generator[Need, bytes, R]


class Feeder(Generic[R]):
    """Runs a parser over what arrives. `result` is its return value once `finished`."""

    def __init__(self, parser: Parser[R]):
        self.finished = False
        self.result: R | None = None
        self.consumed = 0
        self._parser = parser
        self._buffer = bytearray()
        self._start = 0
        self._scanned = 0
        self._need: Need = 0
        self._resume(None)

    @property
    def buffered(self) -> int:
        """Bytes that have arrived and are not consumed."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes) -> None:
        """Take a chunk; what the parser raises passes through, and ends it."""
        self._buffer += data
        while not self.finished:
            size = self._available()
            if size is None:
                break
            end = self._start + size
            piece = bytes(memoryview(self._buffer)[self._start : end])
            self._start, self._scanned = end, 0
            self.consumed += size
            self._resume(piece)
        del self._buffer[: self._start]
        self._start = 0

    def _available(self) -> int | None:
        """Return the size of what the parser needs, if it is all there."""
        if isinstance(self._need, int):
            return self._need if self.buffered >= self._need else None
        at = self._buffer.find(self._need.byte, self._start + self._scanned)
        if at < 0:
            self._scanned = self.buffered
            return None
        return at - self._start + 1

    def _resume(self, piece: bytes | None) -> None:
        try:
            self._need = next(self._parser) if piece is None else self._parser.send(piece)
        except StopIteration as stop:
            self.finished, self.result = True, stop.value
