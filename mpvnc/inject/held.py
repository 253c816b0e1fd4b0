"""Which keys and buttons are down, for whom, and what a successor finds of it.

Owns: the held set per client, and its words in the status page. Does not press anything: `Dispatcher` does.

A word is kind u8, code u24, keysym u32, from the top. It is written before the press and removed after the
release, so what a killed injector leaves is at least what is down; releasing a key that is up does nothing.
What several clients hold is released when the last of them lets go, as with two keyboards on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol

from mpvnc.errors import ControlError


class HeldKind(IntEnum):
    """What a word of the page stands for."""

    KEY = 1
    BUTTON = 2
    SPARE_KEYCODE = 3
    """A keycode that was given a keysym for the time being."""


class Held(NamedTuple):
    """What is down; `code` is the backend's (keycode, number of the button), keysym 0 for buttons."""

    kind: HeldKind
    code: int
    keysym: int = 0

    @property
    def word(self) -> int:
        """Its word in the page."""
        return self.kind << 56 | self.code << 32 | self.keysym

    @classmethod
    def from_word(cls, word: int) -> Held:
        """Return what a word stands for. Raises: ControlError if it stands for nothing."""
        try:
            return cls(HeldKind(word >> 56), word >> 32 & 0xFFFFFF, word & 0xFFFFFFFF)
        except ValueError as error:
            raise ControlError(f"held input: a word {word:#x}") from error


class HeldWords(Protocol):
    """A set of words that outlives the process (`mpvnc.metrics.HeldInput`)."""

    def __iter__(self) -> Iterator[int]: ...

    def add(self, word: int) -> bool:
        """Remember; False if there is no room."""

    def discard(self, word: int) -> None:
        """Forget, if there."""


class HeldSet:
    """Held keys and buttons per client, mirrored in `words`."""

    def __init__(self, words: HeldWords) -> None:
        self._words = words
        self._by_client: dict[int, dict[Held, None]] = {}

    def left_over(self) -> list[Held]:
        """Return what the page has and no client of this process holds: a predecessor's."""
        mine = {held.word for holds in self._by_client.values() for held in holds}
        return [Held.from_word(word) for word in self._words if word not in mine]

    def forget(self, held: Held) -> None:
        """Remove what was left over from the page, after it has been released."""
        self._words.discard(held.word)

    def disown_all(self) -> None:
        """Let everything held count as left over: the target that it was pressed on is gone."""
        self._by_client.clear()

    def key(self, client: int, keysym: int) -> Held | None:
        """Return the key that `client` holds for `keysym`."""
        for held in self._by_client.get(client, ()):
            if held.kind is HeldKind.KEY and held.keysym == keysym:
                return held
        return None

    def codes(self) -> set[int]:
        """Return the keycodes that anybody holds."""
        return {
            held.code
            for holds in self._by_client.values()
            for held in holds
            if held.kind is HeldKind.KEY
        }  # fmt: skip

    def of(self, client: int) -> list[Held]:
        """Return what `client` holds, in the order of the presses."""
        return list(self._by_client.get(client, ()))

    def clients(self) -> list[int]:
        """Return who holds anything."""
        return [client for client, holds in self._by_client.items() if holds]

    def add(self, client: int, held: Held) -> bool:
        """Note a press that is about to happen. False if there is no room: it must not happen."""
        if not self._words.add(held.word):
            return False
        self._by_client.setdefault(client, {})[held] = None
        return True

    def holds(self, client: int, held: Held) -> bool:
        """Whether `client` holds it."""
        return held in self._by_client.get(client, ())

    def others_hold(self, client: int, held: Held) -> bool:
        """Whether anybody but `client` holds the same key or button."""
        return any(
            held.kind is one.kind and held.code == one.code
            for other, holds in self._by_client.items()
            if other != client
            for one in holds
        )

    def remove(self, client: int, held: Held) -> None:
        """Note that `client` let go, after the release."""
        holds = self._by_client.get(client, {})
        holds.pop(held, None)
        if not holds:
            self._by_client.pop(client, None)
        if not any(held in other for other in self._by_client.values()):
            self._words.discard(held.word)
