"""Who makes which part of one update, and how long a worker waits for the others' parts.

Theory of operation. Everybody makes its own part first. Then it waits for the rest, at most `PATIENCE_S` longer
than it would have taken to make it all alone: what comes extends the wait by what making it would have cost, what
it makes itself meanwhile by the time that took. As long as the wait is over it makes things itself, last things
first, since the maker begins with the first. Who has begun something newer is not waited for. Nor does anybody
wait where the others need not be at it: for a full frame for who joins, or one client's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mpvnc.encodings.wire import WireClass
from mpvnc.session.planner import Piece
from mpvnc.session.reliance import Reliance

PATIENCE_S = 0.004
"""With the millisecond that a timer may be late this is the 5 ms that another worker may cost an update."""

_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15


class Colleagues(Protocol):
    """The workers that divide something."""

    slot: int
    reliance: Reliance

    def has_begun(self, slot: int, wire: WireClass, epoch: int) -> bool:
        """Whether a worker has begun an update of exactly that epoch in a class."""

    def has_passed(self, slot: int, wire: WireClass, epoch: int) -> bool:
        """Whether a worker has begun something newer in a class, or has no viewers of it any more."""


class Division:
    """One update in a class, the newest change in which is `epoch`. `makers` has the pieces that are shared."""

    __slots__ = (
        "_began", "_colleagues", "_epoch", "_has_given_up", "_makers", "_may_wait", "_wire", "seen", "until",
    )  # fmt: skip

    def __init__(
        self, colleagues: Colleagues, wire: WireClass, makers: dict[Piece, int], epoch: int, *, may_wait: bool
    ) -> None:
        self.until = 0.0
        """When the waiting ends; 0 before it has begun."""
        self.seen = -1
        """What the fan-out had seen of what others put when it looked last for this update."""
        self._colleagues = colleagues
        self._wire = wire
        self._makers = makers
        self._epoch = epoch
        self._may_wait = may_wait
        self._has_given_up = False
        self._began: tuple[float, float] | None = None
        """When it began to make something during a wait, and what that is known to cost."""

    def choose(self, todo: Sequence[Piece], now: float) -> int | None:
        """Return which of the pieces to make now (they are in reverse order); None: wait, but not after `until`."""
        if self._began is not None:
            since, cost_s = self._began
            self.until += min(now - since, cost_s)
            self._began = None
        index = self._choose(todo, now)
        if index is not None and self.until:
            area = todo[index].rect.area
            self._began = now, self._colleagues.reliance.saved_s(self._wire, area)
        return index

    def _choose(self, todo: Sequence[Piece], now: float) -> int | None:
        own = self._colleagues.slot
        makers = [self._makers.get(piece, own) for piece in todo]
        indexes = range(len(todo) - 1, -1, -1)
        for index in indexes:
            if makers[index] == own:
                return index
        for index in indexes:
            if self._colleagues.has_passed(makers[index], self._wire, self._epoch):
                return index
        if self._may_wait and not self.until:
            self.until = now + PATIENCE_S
        return None if now < self.until else 0

    def give_up(self, todo: Sequence[Piece], now: float) -> bool:
        """Note that what is left was waited for in vain, if it was for long enough; return whether that is new."""
        if self._has_given_up or now < self.until or not self.until:
            return False
        self._has_given_up = True
        for slot in {self._makers[piece] for piece in todo if piece in self._makers} - {
            self._colleagues.slot
        }:
            is_at_it = self._colleagues.has_begun(slot, self._wire, self._epoch)
            self._colleagues.reliance.waited_in_vain(slot, self._wire, now, is_at_it=is_at_it)
        return True

    def is_shared(self, piece: Piece) -> bool:
        """Whether another worker may have it."""
        return piece in self._makers

    def came(self, piece: Piece, slot: int) -> None:
        """Note that another worker had a piece made: what that saved may be waited for what is left."""
        reliance = self._colleagues.reliance
        if not self._has_given_up and self._makers[piece] == slot:
            reliance.came(slot, self._wire)
        if self.until:
            self.until += reliance.saved_s(self._wire, piece.rect.area)


def pick(name: int, makers: Sequence[int]) -> int:
    """Return who makes what has this hash: the highest of all makers' mixed with it.

    So the others keep their parts when one of them comes or goes.
    """
    if len(makers) == 1:
        return makers[0]
    return max(makers, key=lambda slot: _mixed(name ^ (slot * _ODD & _MASK)))


def _mixed(word: int) -> int:
    """Return a word of which every bit depends on every bit of `word`."""
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & _MASK
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return word ^ word >> 33
