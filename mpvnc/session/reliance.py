"""What a worker has learned about others, and about itself: whom to wait for, and what waiting saves.

A maker that let others wait in vain is not counted on for a while, which doubles each time: one that hangs delays
a few updates, not all. One that is at it, and just late, has some more chances.
"""

from __future__ import annotations

from mpvnc.encodings.wire import WireClass

LATE_TIMES = 3
"""So often in a row a worker may be late with what it is at."""
DISTRUST_S = 0.05
"""How long a worker is not counted on, at first; then twice as long each time."""
DISTRUST_MAX_S = 2.0

_MOST_MISSES = 8
"""More make nobody wait longer, and would take as long to be made up for."""
_PACE_S = 5e-9
"""For a pixel, as long as nothing is known."""
_KNOWN = 64


class Reliance:
    """By worker and wire class; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._misses: dict[tuple[int, WireClass], tuple[int, float]] = {}
        self._paces: dict[WireClass, float] = {}

    def counts_on(self, slot: int, wire: WireClass, now: float) -> bool:
        """Whether to let a worker make something, and wait for it."""
        _, until = self._misses.get((slot, wire), (0, 0.0))
        return now >= until

    def waited_in_vain(self, slot: int, wire: WireClass, now: float, *, is_at_it: bool) -> None:
        """Note that a worker did not make in time what it was to make."""
        misses, _ = self._misses.get((slot, wire), (0, 0.0))
        if len(self._misses) >= _KNOWN:
            self._misses.clear()
        is_late = is_at_it and misses < LATE_TIMES
        lasts_s = 0.0 if is_late else min(DISTRUST_S * 2**misses, DISTRUST_MAX_S)
        self._misses[slot, wire] = min(misses + 1, _MOST_MISSES), now + lasts_s

    def came(self, slot: int, wire: WireClass) -> None:
        """Note that a worker made in time what it was to make."""
        misses, until = self._misses.pop((slot, wire), (0, 0.0))
        if misses > 1:
            self._misses[slot, wire] = misses - 1, until

    def learn(self, wire: WireClass, area: int, seconds: float) -> None:
        """Note what it took to make `area` pixels here."""
        if len(self._paces) >= _KNOWN:
            self._paces.clear()
        pace = seconds / area
        self._paces[wire] = (7 * self._paces.get(wire, pace) + pace) / 8

    def saved_s(self, wire: WireClass, area: int) -> float:
        """Return what it would have taken to make `area` pixels here."""
        return self._paces.get(wire, _PACE_S) * area
