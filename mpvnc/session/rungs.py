"""The ladder of a session: what it is sent when the network does not carry what it asked for.

The rungs of quality come first, from the client's own level, which is the ceiling, over a few levels that are
everybody's: so each rung is a wire class that others share. Then come those of rate: every second frame, every
fourth. A client that did not agree to losses has only these. One rung down after a second in which a good part of
the frames was missed because of the network; one up after some seconds without, which become more each time that
turns out to have been too early.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SHARED_QUALITIES = (5, 3, 1)
RATES = (2, 4)

MISSED = 0.3
"""So large a part of the frames is a good part."""

FEWEST_FRAMES = 5
"""Of so few frames in a second no part says anything."""

DOWN_S = 2.0
"""A rung has so long to show what it is good for before the next one down."""

UP_S = 5.0
_LONGEST_UP_S = 60.0
_REGRET_S = 10.0


class Rung(NamedTuple):
    """A level of quality (None: no losses), and the part of the frames: every one, every 2nd, every 4th."""

    quality: int | None
    every: int


class Ladder:
    """On which rung one session is. `now` is monotonic seconds."""

    __slots__ = ("_changed_at", "_patience_s", "_raised_at", "_trouble_at", "position", "rungs")

    def __init__(self, quality: int | None = None) -> None:
        self.rungs = ladder(quality)
        self.position = 0
        """From the top, which is 0."""
        self._changed_at = -math.inf
        self._raised_at = -math.inf
        self._trouble_at = -math.inf
        self._patience_s = UP_S

    @property
    def rung(self) -> Rung:
        """Where it is."""
        return self.rungs[self.position]

    def own(self, quality: int | None) -> None:
        """Take another ceiling; the network is no better by that."""
        if self.rungs[0].quality != quality:
            self.rungs = ladder(quality)
            self.position = min(self.position, len(self.rungs) - 1)

    def judge(self, now: float, frames: int, got: int, *, is_network: bool) -> bool:
        """Look at the last second: of `frames` the client `got` some; return whether it changes its rung."""
        missed = 1 - got * self.rung.every / frames if frames >= FEWEST_FRAMES else 0.0
        if missed >= MISSED and is_network:
            self._trouble_at = now
            return self._go_down(now)
        return self._go_up(now)

    def _go_down(self, now: float) -> bool:
        if now - self._changed_at < DOWN_S or self.position == len(self.rungs) - 1:
            return False
        is_regretted = now - self._raised_at < _REGRET_S
        self._patience_s = min(self._patience_s * 2, _LONGEST_UP_S) if is_regretted else UP_S
        self.position += 1
        self._changed_at = now
        return True

    def _go_up(self, now: float) -> bool:
        if not self.position or now - max(self._trouble_at, self._changed_at) < self._patience_s:
            return False
        self.position -= 1
        self._changed_at = self._raised_at = now
        return True


def ladder(quality: int | None) -> tuple[Rung, ...]:
    """Return the rungs below and with a client's own quality."""
    lower = [level for level in SHARED_QUALITIES if quality is not None and level < quality]
    rungs = [Rung(level, 1) for level in (quality, *lower)]
    return (*rungs, *(Rung(rungs[-1].quality, every) for every in RATES))
