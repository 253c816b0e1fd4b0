"""What an injector backend has to do: keys, buttons and motion, as told, for nobody in particular.

Owns: the `Backend` class. A backend knows no client and keeps no held set; `Dispatcher` decides what is
pressed and remembers by which code, so that a release never depends on what a keyboard map says by then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple


class Press(NamedTuple):
    """How a keysym is typed now: the backend's code (u24), and whether Shift goes down around the press."""

    keysym: int
    code: int
    with_shift: bool = False


class Wait(NamedTuple):
    """It cannot be pressed now, but in so many seconds."""

    seconds: float


class Backend(ABC):
    """A way to deliver input. Every method may raise InjectError: the target is gone, reopen the backend."""

    name: str

    @abstractmethod
    def plan(self, keysym: int, held_codes: set[int]) -> Press | None:
        """Return how to press `keysym` without disturbing the keys in `held_codes`; None if it cannot be."""

    def remap(self, keysym: int, held_codes: set[int]) -> Press | Wait | None:
        """Give a keysym that has no way a keycode of its own, outside of `held_codes`; None if that cannot be.

        Must not block: others want to type. This one never can; a backend that has keycodes to spare overrides.
        """
        return None

    @abstractmethod
    def press(self, press: Press) -> None:
        """Press a key as planned."""

    @abstractmethod
    def repeat(self, keysym: int, code: int) -> None:
        """The key, which is down, repeats."""

    @abstractmethod
    def release(self, keysym: int, code: int) -> None:
        """Release a key; harmless if it is up."""

    @abstractmethod
    def button(self, number: int, down: bool) -> None:
        """Press or release a button; 1 is the first, 4 to 7 are the wheel's up, down, left, right."""

    @abstractmethod
    def move(self, x: int, y: int) -> None:
        """Put the pointer at x, y."""

    @abstractmethod
    def flush(self) -> None:
        """Deliver all of it now; called after every batch of events."""

    @abstractmethod
    def restore(self, code: int) -> None:
        """Give back a keycode that a predecessor had taken (see `HeldKind.SPARE_KEYCODE`)."""

    @abstractmethod
    def close(self) -> None:
        """Give back everything; never raises."""
