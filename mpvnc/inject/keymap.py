"""How a keysym is typed on the keyboard map that the X server has at the moment.

Owns: the choice of a keycode, of Shift, and of a spare keycode. Pure: the tables come in as arguments.

Only the first two levels of the first group are used. Whatever else is wanted goes through a spare keycode,
one that the map leaves empty and that is given the keysym on both levels, so that it does not matter which
modifiers are down. That is also the way for a lower-case letter while the client holds Shift: Shift is the
client's and is never released for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import NamedTuple

NO_SYMBOL = 0
TAB = 0xFF09
ISO_LEFT_TAB = 0xFE20
SHIFT_L = 0xFFE1
UNICODE_KEYSYM = 0x01000000
REUSE_AFTER_S = 0.03
"""How long programs get to read the map before a spare keycode changes its meaning."""


class Choice(NamedTuple):
    """A keycode, and whether Shift has to be down as well."""

    code: int
    with_shift: bool


def canonical(keysym: int) -> int:
    """Return the keysym that maps have for the same character: Latin-1 is its own code point."""
    point = keysym - UNICODE_KEYSYM
    return point if 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xFF else keysym


def is_modifier(keysym: int) -> bool:
    """Whether it is Shift, Control, a lock, Meta, Alt, Super, Hyper, or a shift of level or group."""
    return 0xFFE1 <= keysym <= 0xFFEE or 0xFE01 <= keysym <= 0xFE13 or keysym in (0xFF7E, 0xFF7F)


def _is_function(keysym: int) -> bool:
    return 0xFD00 <= keysym < 0x10000 or keysym >= 0x10000000


def _is_keypad(keysym: int) -> bool:
    return 0xFF80 <= keysym <= 0xFFBD


def _letter(keysym: int) -> str:
    if 0x20 <= keysym <= 0xFF:
        return chr(keysym)
    point = keysym - UNICODE_KEYSYM
    return chr(point) if 0x100 <= point <= 0x10FFFF else ""


class KeyMap:
    """The keyboard map of an X server.

    Args:
        first: the first keycode.
        width: keysyms per keycode.
        keysyms: the table of GetKeyboardMapping, flat.
        modifiers: keycodes of the modifier map; never spare, whatever their keysyms.
    """

    def __init__(self, first: int, width: int, keysyms: Sequence[int], modifiers: Collection[int]) -> None:
        self._levels: dict[int, tuple[int, int]] = {}
        self._places: dict[int, list[tuple[int, int]]] = {}
        self.spare: list[int] = []
        """Keycodes without any keysym, the highest first."""
        for index in range(len(keysyms) // width):
            row = keysyms[index * width : (index + 1) * width]
            if any(row):
                self._add(first + index, row[0], row[1] if width > 1 else NO_SYMBOL)
            elif first + index not in modifiers:
                self.spare.insert(0, first + index)

    def first_keysym(self, code: int) -> int:
        """Return the keysym on the first level of a keycode, `NO_SYMBOL` if it has none."""
        return self._levels.get(code, (NO_SYMBOL, NO_SYMBOL))[0]

    @property
    def shift(self) -> int | None:
        """The keycode of the left Shift."""
        places = self._places.get(SHIFT_L)
        return places[0][0] if places else None

    def choose(self, keysym: int, shift: bool, lock: bool, taken: Collection[int] = ()) -> Choice | None:
        """Return how to type `keysym` with Shift and Caps Lock as they are; None: take a spare keycode.

        Keycodes in `taken` are spare ones in use, and not looked at.
        """
        places = self._places.get(keysym, [])
        if not places and keysym == ISO_LEFT_TAB:
            places = [(code, 1) for code, _level in self._places.get(TAB, [])]
        choices = [
            self._choose(keysym, code, level, shift, lock) for code, level in places if code not in taken
        ]
        possible = [choice for choice in choices if choice is not None]
        return min(possible, key=lambda choice: choice.with_shift, default=None)

    def _choose(self, keysym: int, code: int, level: int, shift: bool, lock: bool) -> Choice | None:
        low, high = self._levels[code]
        plain = Choice(code, False)
        if is_modifier(keysym) or (low == high and keysym != ISO_LEFT_TAB):
            return plain
        if _is_keypad(keysym):
            return None
        if _is_function(keysym) and keysym != ISO_LEFT_TAB:
            return plain if level == 0 else None
        alphabetic = _letter(low) != _letter(high) and _letter(low).upper() == _letter(high)
        effective = shift ^ (lock and alphabetic)
        if effective == level:
            return plain
        return None if shift or self.shift is None else Choice(code, True)

    def _add(self, code: int, low: int, high: int) -> None:
        levels = (low, low if high == NO_SYMBOL else high)
        self._levels[code] = levels
        for level, keysym in enumerate(dict.fromkeys(levels)):
            if keysym != NO_SYMBOL:
                places = self._places.setdefault(keysym, [])
                places.append((code, level))
                places.sort(key=lambda place: (place[1], place[0]))


class SpareKeycodes:
    """Which spare keycode stands for which keysym; the one unused for longest is taken for a new one."""

    def __init__(self) -> None:
        self._used: OrderedDict[int, tuple[int, float]] = OrderedDict()
        """keysym -> (keycode, last use), the oldest first."""

    @property
    def codes(self) -> list[int]:
        """The keycodes that have been given a keysym."""
        return [code for code, _used in self._used.values()]

    def find(self, keysym: int, now: float) -> int | None:
        """Return the keycode that has `keysym` already."""
        if keysym not in self._used:
            return None
        code, _ = self._used[keysym]
        self._used[keysym] = (code, now)
        self._used.move_to_end(keysym)
        return code

    def choose(self, spare: Sequence[int], held: Collection[int], now: float) -> tuple[int, float] | None:
        """Return (keycode, seconds until it may change) for a new keysym; None if all are held."""
        taken = set(self.codes)
        for code in spare:
            if code not in taken and code not in held:
                return code, 0.0
        for code, used in self._used.values():
            if code not in held:
                return code, max(0.0, used + REUSE_AFTER_S - now)
        return None

    def take(self, code: int, keysym: int, now: float) -> None:
        """Note that a keycode stands for `keysym` now, and not for what it did before."""
        for old, (used, _) in list(self._used.items()):
            if used == code:
                del self._used[old]
        self._used[keysym] = (code, now)

    def keep_only(self, keymap: KeyMap) -> list[int]:
        """Forget what a changed map does not have any more; returns the keycodes forgotten."""
        lost = [
            (keysym, code)
            for keysym, (code, _) in self._used.items()
            if keymap.first_keysym(code) != keysym
        ]  # fmt: skip
        for keysym, _ in lost:
            del self._used[keysym]
        return [code for _, code in lost]
