"""Encode once, send to all: which rectangle of which update is made next.

Theory of operation. An encoded rectangle depends on the pixels under it and on the wire class (see `cache`). An
`Update` is a list of such rectangles; clients with the same base, class and opened streams share it, and get views
of the same memory.

Encoding is sliced: `step` encodes one rectangle. What is small goes first, whoever it is for: it delays the others
by little. Whoever waits becomes more urgent, so a stream of small things starves nobody. Updates for those who watch
go before a joiner's full frame and before a large part that one client alone asked for. A new frame may be taken
between two slices: what is unfinished is then planned anew, and the rectangles that did not change meanwhile are
found in the cache. So that nothing can starve a joiner, one that waits for longer than `PATIENCE_S` stands back no
more, and holds new frames back until it has its update (`may_advance`). A refresh goes last and holds nothing.

With a `Sharing` other workers make a part of it: `step` makes one's own part first, then goes on with other
updates while something is waited for, and rests until `awaits_until` when there is nothing else.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable

from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.pixels import Pixels
from mpvnc.session.cache import Cache, Counters, Encode
from mpvnc.session.division import Division
from mpvnc.session.planner import Piece
from mpvnc.session.sharing import Sharing
from mpvnc.session.update import BrokenUpdate, Update

PATIENCE_S = 0.1
"""How long a joiner, or a large part for one client alone, stands back."""
SMALL_AREA = 4096
"""An update of so few pixels never has to stand back for those who watch."""
HEAD_START_S = 1e-7
"""How long an update of one pixel less goes first."""
SHARED_UPDATES = 16
SHARED_BYTES = 64 << 20
"""How many finished updates of one frame are kept for those who come later, and how large all of them."""


class Fanout:
    """The updates that are being made, and the latest finished ones of this frame."""

    def __init__(self, encode: Encode) -> None:
        self.counters = Counters()
        self.cache = Cache(encode, self.counters)
        self.sharing: Sharing | None = None
        self.payer: WireClass | None = None
        """The class whose time the last `step` took."""
        self.awaits_until = -math.inf
        """Nothing but what other workers make is left to be done before that; they may be done earlier (`arrived`)."""
        self._made: tuple[WireClass, int] | None = None
        self._shared: OrderedDict[Hashable, Update] = OrderedDict()
        self._unfinished: list[Update] = []

    @property
    def is_busy(self) -> bool:
        """Whether an update is unfinished."""
        return bool(self._unfinished)

    def find(self, key: Hashable) -> Update | None:
        """Return the update with this key, done or not."""
        return self._shared.get(key)

    def start(self, update: Update, pieces: list[Piece], first: EncodedRectangle | None = None) -> None:
        """Begin an update of `first`, if given, and `pieces`; take what the cache has of them at once."""
        update.plan(pieces, first)
        if update.key is not None:
            self._shared[update.key] = update
        self._take_cached(update)
        if update.is_done:
            self._limit_finished()
            return
        if self.sharing is not None:
            may_wait = not update.can_wait
            update.division = self.sharing.divide(update.wire, update.todo, update.since, may_wait=may_wait)
        self._unfinished.append(update)
        self.arrived()

    def step(self, pixels: Pixels, now: float = 0.0) -> Update | None:
        """Encode one rectangle of the most urgent update that has one to encode here; return it if it is done now.

        If all is waited for, nothing happens and `awaits_until` tells how long that may take.

        Raises: BrokenUpdate if that cannot be; the update is dropped, the others go on.
        """
        self._made = self.payer = None
        seen = self.sharing.count if self.sharing is not None else 0
        for update in sorted(self._unfinished, key=lambda update: _urgency(update, now)):
            self.payer = update.payer
            self._take_cached(update)
            if update.division is not None and self.sharing is not None:
                self._take_given(update, update.division, self.sharing, seen)
            if update.is_done or self._make_next(update, pixels, now):
                return self._finished(update)
        self.payer = None
        self._rest(seen)
        return None

    def arrived(self) -> None:
        """Note that there may be something to do: another worker has made something, or has had its time."""
        self.awaits_until = -math.inf
        if self.sharing is not None and not self._unfinished:
            self.sharing.resume()

    def spent(self, seconds: float) -> None:
        """Note what the last `step` took."""
        if self.sharing is not None and self._made is not None:
            self.sharing.reliance.learn(*self._made, seconds)

    def may_advance(self, now: float) -> bool:
        """Whether a newer frame may be taken: not while watchers wait for this one, or a joiner for long."""
        return all(update.is_refresh or _has_time(update, now) for update in self._unfinished)

    def advance(self) -> None:
        """Forget the updates of the last frame; what was encoded of unfinished ones is in the cache."""
        self._unfinished.clear()
        self._shared.clear()
        self.arrived()

    def reset(self) -> None:
        """Forget everything, for another generation."""
        self.advance()
        self.cache.clear()

    def drop(self, update: Update) -> None:
        """Stop making an update that nobody waits for."""
        self._unfinished.remove(update)
        if update.key is not None:
            del self._shared[update.key]

    def _make_next(self, update: Update, pixels: Pixels, now: float) -> bool:
        """Encode what is next of an update; False if all of it is waited for."""
        index = -1
        if update.division is not None and self.sharing is not None:
            chosen = update.division.choose(update.todo, now)
            if chosen is None:
                self.sharing.ring()
                return False
            self.counters.vain_waits += update.division.give_up(update.todo, now)
            index = chosen
        piece = update.todo[index]
        encoded = self.cache.find(piece, update.wire)
        if encoded is None:
            try:
                encoded = self._make(piece, update.wire, pixels)
            except Exception as error:
                self.drop(update)
                raise BrokenUpdate(update, piece) from error
        update.add(encoded, index)
        self._take_cached(update)
        return True

    def _make(self, piece: Piece, wire: WireClass, pixels: Pixels) -> EncodedRectangle:
        encoded = self.cache.make(piece, wire, pixels)
        self._made = wire, piece.rect.area
        if self.sharing is not None:
            self.sharing.give(piece, wire, encoded)
        return encoded

    def _take_given(self, update: Update, division: Division, sharing: Sharing, seen: int) -> None:
        """Take what others have made of an update; `seen` counts what they had put when it was begun to look."""
        if division.seen == seen:
            return
        division.seen = seen
        for index in range(len(update.todo) - 1, -1, -1):
            piece = update.todo[index]
            if not division.is_shared(piece):
                continue
            encoded = self.cache.find(piece, update.wire)
            if encoded is None:
                given = sharing.find(piece, update.wire)
                if given is None:
                    continue
                slot, encoded = given
                self.cache.keep(piece, update.wire, encoded)
                self.counters.taken += 1
                division.came(piece, slot)
            update.add(encoded, index)

    def _rest(self, seen: int) -> None:
        """Wait for other workers, if they have not put anything meanwhile."""
        divisions = [update.division for update in self._unfinished if update.division is not None]
        if self.sharing is not None and divisions and self.sharing.wait(seen):
            self.awaits_until = min(division.until for division in divisions)

    def _finished(self, update: Update) -> Update | None:
        if self.sharing is not None:
            self.sharing.resume()
        if not update.is_done:
            return None
        if self.sharing is not None:
            self.sharing.ring()
        self._unfinished.remove(update)
        self._limit_finished()
        return update

    def _take_cached(self, update: Update) -> None:
        while not update.is_done:
            encoded = self.cache.find(update.todo[-1], update.wire)
            if encoded is None:
                return
            update.add(encoded)

    def _limit_finished(self) -> None:
        """Forget the oldest finished updates: a client may ask in ever new classes."""
        size_bytes = 0
        for later, (key, update) in enumerate(reversed(list(self._shared.items()))):
            size_bytes += update.size_bytes
            if update.is_done and later and (later >= SHARED_UPDATES or size_bytes > SHARED_BYTES):
                del self._shared[key]


def _urgency(update: Update, now: float) -> tuple[bool, bool, float]:
    stands_back = update.area > SMALL_AREA and _has_time(update, now)
    return update.is_refresh, stands_back, update.since + update.area * HEAD_START_S


def _has_time(update: Update, now: float) -> bool:
    """Whether those who watch, and newer frames, may still go before an update."""
    return update.can_wait and now - update.since < PATIENCE_S
