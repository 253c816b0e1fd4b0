"""The way of one client's input to the bus: in the order in which it came, without ever waiting.

Owns what the bus has not taken yet, and the timer that tries again. What may be merged or lost is
`mpvnc.session.input`'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from mpvnc.errors import MpvncError
from mpvnc.rfb import events
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import (
    ClientGone,
    ClientJoined,
    ClipboardInput,
    InputEvent,
    InputQueue,
    KeyInput,
    PointerInput,
    ResizeInput,
    pack,
)

_RETRY_S = 0.01

Said = events.KeyEvent | events.PointerEvent | events.SetDesktopSize | Clipboard
"""What a client says to whoever takes input."""


class Bus(Protocol):
    """What is needed of the worker; `host.Host` has it."""

    loop: asyncio.AbstractEventLoop

    def emit(self, message: bytes) -> bool:
        """Put a message on the input bus; False if the bus does not take it now."""

    def emit_surely(self, message: bytes) -> None:
        """Put a message on the input bus, later if the bus does not take it now."""


class Inputs:
    """One client's. It is said to have joined first, and to have gone last.

    Args:
        guarded: calls something so that what goes wrong costs the client alone.
    """

    __slots__ = ("_bus", "_guarded", "_ident", "_queue", "_timer")

    def __init__(self, ident: int, bus: Bus, guarded: Callable[[Callable[[], None]], None]) -> None:
        self._ident = ident
        self._bus = bus
        self._guarded = guarded
        self._queue = InputQueue()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def route(self, surface: int) -> None:
        """Send it to the program that draws the surface of this number from now on."""
        self._queue.surface = surface

    def joined(self, view_only: bool, address: str, slot: int) -> None:
        """Tell that the client is in."""
        self._emit(ClientJoined(self._ident, time.time(), view_only, address, slot))

    def take(self, said: Said) -> None:
        """Pass on what the client says. Raises: MpvncError if there is no room for it."""
        self._emit(_as_input(self._ident, time.time(), said))

    def gone(self) -> None:
        """Tell that the client is gone: what it holds down is to be released."""
        self._bus.emit_surely(pack(ClientGone(self._ident, time.time()), self._queue.surface))

    def close(self) -> None:
        """Try no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _emit(self, event: InputEvent) -> None:
        if not self._queue.offer(event):
            raise MpvncError("its input is not taken: the queue is full")
        if self._timer is None:
            self._drain()

    def _drain(self) -> None:
        self._timer = None
        if not self._queue.drain(self._bus.emit):
            self._timer = self._bus.loop.call_later(_RETRY_S, self._guarded, self._drain)


def _as_input(client: int, now: float, said: Said) -> InputEvent:
    match said:
        case events.KeyEvent(down, keysym):
            return KeyInput(client, now, down, keysym)
        case events.PointerEvent(mask, x, y):
            return PointerInput(client, now, mask, x, y)
        case events.SetDesktopSize(width, height, _):
            return ResizeInput(client, now, width, height)
        case Clipboard():
            return ClipboardInput(client, now, said)
