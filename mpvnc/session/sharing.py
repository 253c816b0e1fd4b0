"""One encode for all workers of a machine: who makes a rectangle, who waits for it, and for how long.

Theory of operation. What is encoded depends on the pixels and the wire class alone, and the pixels under a
rectangle are the same in every frame of a generation since the newest epoch of its tiles. So (segment,
generation, rectangle, epoch, class) is a key that means the same bytes in every worker, whichever frames each of
them took or passed by. Each worker puts what it makes where the others can copy it from, if one of them is
interested, and looks there before it makes anything.

That two do not make the same thing at the same time, they divide it: of the workers that have viewers of a class,
the hash of (rectangle, class) picks the maker. Everybody makes its own part first. Then it waits for the rest, at
most `PATIENCE_S` longer than it would have taken to make it all alone; what has not come by then it makes itself,
last things first, since the maker begins with the first. A maker that let others wait in vain is not counted on
for a while, which doubles each time: one that hangs delays a few updates, not all. Nothing is waited for where the
others need not be at it: a full frame for who joins, one client's part.

Small rectangles are made by everybody; so is what costs no more to make than to copy.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

from mpvnc.constants import Encoding
from mpvnc.encodings.base import HEADER_BYTES, EncodedRectangle, Stream, read_header
from mpvnc.encodings.wire import PIXEL_ENCODINGS, WireClass
from mpvnc.session.planner import BEYOND, Piece

PATIENCE_S = 0.004
"""With the millisecond that a timer may be late this is the 5 ms that another worker may cost an update."""
MIN_AREA = 8 * 1024
"""Smaller rectangles are made by everybody: that costs about as much as handing them over."""
LATE_TIMES = 3
"""So often in a row a worker may be late with what it is at."""
DISTRUST_S = 0.05
"""How long a worker is not counted on, at first; then twice as long each time."""
DISTRUST_MAX_S = 2.0

_KEY = struct.Struct("<QQQHHHH")
_CLASS = struct.Struct("<iibB16s6x")
_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
_PACE_S = 5e-9
_KNOWN_PACES = 64
_STREAMS = (None, Stream.ZLIB, Stream.ZRLE)
_LOSSY = 1 << 8


class Other(Protocol):
    """What another worker put, and what it says of itself; see `mpvnc.frames.chunks.ArenaReader`."""

    @property
    def count(self) -> int:
        """How much it ever put."""

    def progress(self, interest: int) -> int | None:
        """Return the newest epoch that it has begun an update of in a class; None if it has no viewers of it."""

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        """Return a private copy of what it put under `key`, if that is still whole."""


class Store(Protocol):
    """The shared memory of the workers, as one of them sees it."""

    @property
    def slot(self) -> int:
        """Its own number among them."""

    @property
    def others(self) -> Mapping[int, Other]:
        """All others by number."""

    def put(self, key: bytes, number: int, data: bytes) -> None:
        """Show others what it made."""

    def ring(self) -> None:
        """Wake those that wait, if something was put since the last time."""

    def announce(self, who: object, interests: Mapping[int, int]) -> None:
        """Tell the others what `who`, a part of this worker, has viewers of now, and its progress with each."""

    def proceed(self, interest: int, progress: int) -> None:
        """Tell the others of progress with one interest."""

    def set_waiting(self, who: object, waits: bool) -> None:
        """Have the others wake this worker, while any part of it waits, when they put something."""


class Sharing:
    """What one fan-out shares with those of other workers that show the same segment."""

    def __init__(self, store: Store) -> None:
        self.slot = store.slot
        self._store = store
        self._prefix = (0, 0)
        self._classes: dict[WireClass, _Class] = {}
        self._misses: dict[tuple[int, WireClass], tuple[int, float]] = {}
        self._paces: dict[WireClass, float] = {}
        self._is_waiting = False

    def begin(self, segment: int, generation: int) -> None:
        """Share what belongs to another segment from now on.

        Args:
            segment: a number that no other segment has which any worker may still show.
        """
        self._prefix = segment & _MASK, generation
        self._classes.clear()
        self._misses.clear()
        self._announce()

    def keep(self, wires: Collection[WireClass]) -> None:
        """Be interested in these classes alone: those of the viewers there are."""
        if self._classes.keys() != set(wires):
            self._classes = {wire: self._classes.get(wire) or self._named(wire) for wire in wires}
            self._announce()

    @property
    def count(self) -> int:
        """A number that changes when others have put something."""
        return sum(other.count for other in self._store.others.values())

    def divide(
        self, wire: WireClass, pieces: Sequence[Piece], now: float, *, may_wait: bool
    ) -> Division | None:
        """Divide the pieces of an update among the workers; None if nobody else can want or have any."""
        if wire.encoding is Encoding.RAW or not any(map(_is_shared, pieces)):
            return None
        one = self._class(wire)
        epoch = max(piece.epoch for piece in pieces)
        if may_wait and epoch > one.progress:
            one.progress = epoch
            self._store.proceed(one.interest, epoch)
        others = [slot for slot in self._store.others if self._progress(slot, wire) is not None]
        if not others:
            return None
        makers = [self.slot, *(slot for slot in others if self._is_counted_on(slot, wire, now))]
        by_piece = {piece: _pick(piece, one.key, makers) for piece in pieces if _is_shared(piece)}
        return Division(self, wire, by_piece, epoch, may_wait=may_wait)

    def find(self, piece: Piece, wire: WireClass) -> tuple[int, EncodedRectangle] | None:
        """Return what another worker made of `piece`, and its slot; None if none has it, or not whole."""
        key = self._key(piece, wire)
        for slot, other in self._store.others.items():
            chunk = other.find(key)
            if chunk is not None:
                encoded = _checked(piece, *chunk)
                if encoded is not None:
                    return slot, encoded
        return None

    def give(self, piece: Piece, wire: WireClass, encoded: EncodedRectangle) -> None:
        """Let others have what was made here, if one of them has viewers for it."""
        if wire.encoding is Encoding.RAW or not _is_shared(piece):
            return
        if any(self._progress(slot, wire) is not None for slot in self._store.others):
            number = _STREAMS.index(encoded.stream) | (_LOSSY if encoded.is_lossy else 0)
            self._store.put(self._key(piece, wire), number, encoded.data)

    def ring(self) -> None:
        """Wake those that wait for what was given: best called when there is no more to come for a while."""
        self._store.ring()

    def wait(self, count: int) -> bool:
        """Have others wake this worker; False if they have put something since `count` was looked at."""
        if not self._is_waiting:
            self._is_waiting = True
            self._store.set_waiting(self, True)
        return self.count == count

    def resume(self) -> None:
        """Wait for nothing any more."""
        if self._is_waiting:
            self._is_waiting = False
            self._store.set_waiting(self, False)

    # -- what is known of the others, and of oneself

    def learn(self, wire: WireClass, area: int, seconds: float) -> None:
        """Note what it took to make `area` pixels here."""
        if len(self._paces) >= _KNOWN_PACES:
            self._paces.clear()
        pace = seconds / area
        self._paces[wire] = (7 * self._paces.get(wire, pace) + pace) / 8

    def saved_s(self, wire: WireClass, area: int) -> float:
        """Return what it would have taken to make `area` pixels here."""
        return self._paces.get(wire, _PACE_S) * area

    def waited_in_vain(self, slot: int, wire: WireClass, epoch: int, now: float) -> None:
        """Do not count on a worker for a class, for a while; not if it is just late with `epoch`, for once."""
        misses, _ = self._misses.get((slot, wire), (0, 0.0))
        if len(self._misses) >= _KNOWN_PACES:
            self._misses.clear()
        is_at_it = self._progress(slot, wire) == epoch
        lasts_s = 0.0 if is_at_it and misses < LATE_TIMES else min(DISTRUST_S * 2**misses, DISTRUST_MAX_S)
        self._misses[slot, wire] = misses + 1, now + lasts_s

    def came(self, slot: int, wire: WireClass) -> None:
        """Note that a worker made what it was to make in time."""
        misses, until = self._misses.pop((slot, wire), (0, 0.0))
        if misses > 1:
            self._misses[slot, wire] = misses - 1, until

    def has_passed(self, slot: int, wire: WireClass, epoch: int) -> bool:
        """Whether a worker has begun with something newer, so that it will hardly make anything of `epoch`."""
        progress = self._progress(slot, wire)
        return progress is None or progress > epoch

    def _progress(self, slot: int, wire: WireClass) -> int | None:
        return self._store.others[slot].progress(self._class(wire).interest)

    def _is_counted_on(self, slot: int, wire: WireClass, now: float) -> bool:
        _, until = self._misses.get((slot, wire), (0, 0.0))
        return now >= until

    # -- names that mean the same in every worker

    def _key(self, piece: Piece, wire: WireClass) -> bytes:
        return _KEY.pack(*self._prefix, piece.epoch, *piece.rect) + self._class(wire).key

    def _class(self, wire: WireClass) -> _Class:
        found = self._classes.get(wire)
        if found is None:
            found = self._classes[wire] = self._named(wire)
            self._announce()
        return found

    def _named(self, wire: WireClass) -> _Class:
        quality = -1 if wire.quality is None else wire.quality
        key = _CLASS.pack(wire.encoding, wire.fallback, quality, wire.compression, wire.format.to_bytes())
        return _Class(key, _hash(_KEY.pack(*self._prefix, 0, 0, 0, 0, 0) + key) | 1)

    def _announce(self) -> None:
        self._store.announce(self, {one.interest: one.progress for one in self._classes.values()})


class _Class:
    """A wire class as others know it: a part of keys, an interest, and the newest epoch begun in it here."""

    __slots__ = ("interest", "key", "progress")

    def __init__(self, key: bytes, interest: int) -> None:
        self.key = key
        self.interest = interest
        self.progress = 0


class Division:
    """Who makes which piece of one update, and until when the others are waited for."""

    __slots__ = ("_epoch", "_has_given_up", "_makers", "_sharing", "_wire", "seen", "until")

    def __init__(
        self, sharing: Sharing, wire: WireClass, makers: dict[Piece, int], epoch: int, *, may_wait: bool
    ) -> None:
        self.until = 0.0
        """When the waiting ends; 0 before it has begun."""
        self.seen = -1
        """`Sharing.count` when this update took last what others had made."""
        self._sharing = sharing
        self._wire = wire
        self._makers = makers
        self._epoch = epoch
        self._has_given_up = not may_wait

    def choose(self, todo: Sequence[Piece], now: float) -> int | None:
        """Return which of the pieces to make now (they are in reverse order); None: wait, but not after `until`."""
        own = self._sharing.slot
        makers = [self._makers.get(piece, own) for piece in todo]
        latest_first = range(len(todo) - 1, -1, -1)
        for index in latest_first:
            if makers[index] == own:
                return index
        for index in latest_first:
            if self._sharing.has_passed(makers[index], self._wire, self._epoch):
                return index
        if not self.until:
            self.until = now + PATIENCE_S
        return None if now < self.until and not self._has_given_up else 0

    def give_up(self, todo: Sequence[Piece], now: float) -> bool:
        """Note that what is left is made here, if it was waited for; return whether that is new."""
        if self._has_given_up or now < self.until or not self.until:
            return False
        self._has_given_up = True
        for slot in {self._makers[piece] for piece in todo if piece in self._makers} - {self._sharing.slot}:
            self._sharing.waited_in_vain(slot, self._wire, self._epoch, now)
        return True

    def is_shared(self, piece: Piece) -> bool:
        """Whether another worker may have it."""
        return piece in self._makers

    def came(self, piece: Piece, slot: int) -> None:
        """Note that another worker had a piece made: what that saved may be waited for what is left."""
        if not self._has_given_up and self._makers[piece] == slot:
            self._sharing.came(slot, self._wire)
        if self.until:
            self.until += self._sharing.saved_s(self._wire, piece.rect.area)


def _is_shared(piece: Piece) -> bool:
    return piece.rect.area >= MIN_AREA and piece.epoch != BEYOND


def _pick(piece: Piece, class_key: bytes, makers: Sequence[int]) -> int:
    """Return the maker by the highest hash of (rectangle, class, maker): without one, the others' parts stay."""
    if len(makers) == 1:
        return makers[0]
    name = _hash(_KEY.pack(0, 0, 0, *piece.rect) + class_key)
    return max(makers, key=lambda slot: _mixed(name ^ (slot * _ODD & _MASK)))


def _mixed(word: int) -> int:
    """Return a word of which every bit depends on every bit of `word`."""
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & _MASK
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return word ^ word >> 33


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _checked(piece: Piece, number: int, data: bytes) -> EncodedRectangle | None:
    """Return the rectangle that another worker put, if it is one of this piece."""
    stream, lossy = number & 0xFF, number & ~0xFF
    if len(data) < HEADER_BYTES or stream >= len(_STREAMS) or lossy not in (0, _LOSSY):
        return None
    rect, encoding = read_header(data)
    if rect != piece.rect or encoding not in PIXEL_ENCODINGS:
        return None
    return EncodedRectangle(rect, Encoding(encoding), data, _STREAMS[stream], is_lossy=bool(lossy))
