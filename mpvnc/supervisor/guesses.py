"""Turns at being judged, for addresses that guess passwords. Pure, with the time as an argument.

Owns which addresses guess, and the times given to their connections. Knows no delay of answers to wrong
passwords (admission.AuthThrottle has it) and does not read addresses: any text that tells them apart will do.
Why it is so stands in docs/decisions/0003-guesses-take-turns.md.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque

FREE_GUESSES = 10
"""Wrong passwords within `WINDOW_S` that make nobody suspicious: a class types them behind one address."""
WINDOW_S = 60.0
"""Also how long it takes without a wrong or abandoned guess until an address is forgotten."""
SPACING_S = 0.25
LONG_SPACING_S = 1.0
MANY_GUESSES = 100
"""More wrong passwords than so many: the turns are `LONG_SPACING_S` apart."""
LONGEST_S = 15.0
"""Nobody waits longer for a turn, however many wait: nobody is locked out."""


class Guesses:
    """Who of an address that guesses is judged when. At most `capacity` addresses that guessed last are kept."""

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._waiting: dict[int, _Guesser] = {}

    def __len__(self) -> int:
        return len(self._guessers) + len(self._waiting)

    def has_failed(self, who: str, now: float) -> None:
        """A wrong password was judged."""
        guesser = self._find(who, now) or _Guesser()
        guesser.has_failed(now)
        self._guessers[who] = guesser
        self._guessers.move_to_end(who)
        if len(self._guessers) > self._capacity:
            self._guessers.popitem(last=False)

    def take(self, client: int, who: str, now: float) -> float:
        """Return in how many seconds the answer of an arriving client may be judged; it keeps its turn."""
        guesser = self._find(who, now)
        if guesser is None or not guesser.takes_turns:
            return 0.0
        self._waiting[client] = guesser
        return guesser.take(client, now) - now

    def has_gone(self, client: int, now: float) -> None:
        """It left: a turn that it did not wait for is free again."""
        guesser = self._waiting.pop(client, None)
        if guesser is not None:
            guesser.has_gone(client, now)

    def _find(self, who: str, now: float) -> _Guesser | None:
        guesser = self._guessers.get(who)
        return guesser if guesser is not None and now - guesser.last < WINDOW_S else None


class _Guesser:
    """An address with a wrong password."""

    def __init__(self) -> None:
        self.last = -math.inf
        self.takes_turns = False
        self._recent: deque[float] = deque(maxlen=FREE_GUESSES + 1)
        self._guesses = 0
        self._last_turn = -math.inf
        self._turns: dict[int, float] = {}

    def has_failed(self, now: float) -> None:
        self.last = now
        self._guesses += 1
        self._recent.append(now)
        if len(self._recent) > FREE_GUESSES and now - self._recent[0] <= WINDOW_S:
            self.takes_turns = True

    def take(self, client: int, now: float) -> float:
        """Return the next free time, or the one that the client has."""
        if client not in self._turns:
            self._turns[client] = min(self._next(now), now + LONGEST_S)
        return max(self._turns[client], now)

    def has_gone(self, client: int, now: float) -> None:
        if self._turns.get(client, -math.inf) > now:
            del self._turns[client]
            self.last = now

    def _next(self, now: float) -> float:
        spacing_s = LONG_SPACING_S if self._guesses > MANY_GUESSES else SPACING_S
        self._forget_past(now)
        turn = max(now, self._last_turn + spacing_s)
        for taken in sorted(self._turns.values()):
            if taken - turn >= spacing_s:
                break
            turn = max(turn, taken + spacing_s)
        return turn

    def _forget_past(self, now: float) -> None:
        past = [client for client, turn in self._turns.items() if turn <= now]
        for client in past:
            self._last_turn = max(self._last_turn, self._turns.pop(client))
