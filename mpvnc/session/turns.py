"""Which wire classes are encoded at full rate, and how the others share what is left for them.

A viewer chooses its wire class, and every class costs its own encoding. The `MAX_CLASSES` classes with the most
sessions are encoded for every frame. All others together get `SHARE` of the time: they take turns, the one that
was served longest ago first, each turn one update. Nobody buys 500 encodings by odd settings; who has odd
settings alone on a quiet server notices nothing. Nobody waits for more than one turn at a time: who changes its
settings again and again must not fill the queue with classes that nobody has any more.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping

from mpvnc.encodings.wire import WireClass

MAX_CLASSES = 8
SHARE = 0.2
"""Of the time, for all classes that are not at full rate."""

START_S = 0.02
"""So much must have been saved up before a turn begins; it may then take longer, and is paid off after."""

SAVED_S = 0.1
"""So much can be saved up."""

TURN_S = 0.5
"""How long a turn may take before it is the next one's."""

_UNUSED_S = 0.02
_SOON_S = 0.001


class Turns:
    """The classes at full rate, and whose turn it is among the others. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self.full: frozenset[WireClass] = frozenset()
        self.look_at = math.inf
        """When the next turn can begin, if somebody waits for one."""
        self._waiting: OrderedDict[WireClass, set[Hashable]] = OrderedDict()
        """The classes of the turns to come, and for whom."""
        self._waits_for: dict[Hashable, WireClass] = {}
        self._turn: WireClass | None = None
        self._turn_at = self._turn_until = -math.inf
        self._saved_s = SAVED_S
        self._at = -math.inf

    def rank(self, sessions: Mapping[WireClass, int]) -> None:
        """Choose who is at full rate, by the number of sessions of each class."""
        by_sessions = sorted(sessions, key=lambda wire: (-sessions[wire], wire not in self.full))
        self.full = frozenset(by_sessions[:MAX_CLASSES])

    def admits(self, wire: WireClass, now: float, who: Hashable) -> bool:
        """Whether an update may be begun for a class; if not, `who` waits for its turn, and for no other."""
        if wire in self.full:
            return True
        if wire is self._turn:
            self._turn_until = self._turn_at + TURN_S
            return True
        if len(self.full) < MAX_CLASSES:
            self.full |= {wire}
            return True
        if self._waits_for.get(who) is not wire:
            self.leave(who)
            self._waits_for[who] = wire
            self._waiting.setdefault(wire, set()).add(who)
        self.look(now)
        return wire is self._turn

    def leave(self, who: Hashable) -> None:
        """Note that `who` waits for nothing any more; what nobody waits for has no turn."""
        wire = self._waits_for.pop(who, None)
        if wire is None:
            return
        self._waiting[wire].discard(who)
        if not self._waiting[wire]:
            del self._waiting[wire]

    def look(self, now: float) -> bool:
        """Give the next turn if it is time; return whether that happened."""
        self._saved_s = min(self._saved_s + (now - self._at) * SHARE, SAVED_S)
        self._at = now
        if self._turn is not None and now < self._turn_until:
            self.look_at = self._turn_until if self._waiting else math.inf
            return False
        self._turn = None
        self.look_at = math.inf
        if not self._waiting:
            return False
        if self._saved_s < START_S:
            self.look_at = now + (START_S - self._saved_s) / SHARE + _SOON_S
            return False
        self._turn, those = self._waiting.popitem(last=False)
        for who in those:
            del self._waits_for[who]
        self._turn_at, self._turn_until = now, now + _UNUSED_S
        if self._waiting:
            self.look_at = self._turn_until
        return True

    def spent(self, wire: WireClass, seconds: float) -> None:
        """Note what a slice of an update for `wire` took."""
        if wire not in self.full:
            self._saved_s -= seconds

    def served(self, wire: WireClass) -> None:
        """Note that an update for `wire` is made: its turn is over."""
        if wire is self._turn:
            self._turn = None
