"""One encode for all workers of a machine: who makes a rectangle, who waits for it, and for how long.

Theory of operation. What is encoded depends on the pixels and the wire class alone, and the pixels under a
rectangle are the same in every frame of a generation since the newest epoch of its tiles. So (segment,
generation, rectangle, epoch, class) is a key that means the same bytes in every worker, whichever frames each of
them took or passed by. Each worker puts what it makes where the others can copy it from, if one of them is
interested, and looks there before it makes anything.

That two do not make the same thing at the same time, they divide it (see `division`): of the workers that have
viewers of a class, the hash of (rectangle, class) picks the maker. How long one waits for another, and when one
does not, is decided there and by what is known of it (see `reliance`).

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
from mpvnc.session.division import Division, pick
from mpvnc.session.planner import BEYOND, Piece
from mpvnc.session.reliance import Reliance

MIN_AREA = 8 * 1024
"""Smaller rectangles are made by everybody: that costs about as much as handing them over."""
_KEY = struct.Struct("<QQQHHHH")
_CLASS = struct.Struct("<iibB16s6x")
_MASK = (1 << 64) - 1
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
        self.reliance = Reliance()
        self._is_waiting = False

    def begin(self, segment: int, generation: int) -> None:
        """Share what belongs to another segment from now on.

        Args:
            segment: a number that no other segment has which any worker may still show.
        """
        self._prefix = segment & _MASK, generation
        self._classes.clear()
        self.reliance = Reliance()
        self._announce()

    def end(self) -> None:
        """Be interested in nothing any more."""
        self._classes.clear()
        self._announce()
        self.resume()

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
        makers = [self.slot, *(slot for slot in others if self.reliance.counts_on(slot, wire, now))]
        by_piece = {piece: pick(self._place(piece, one), makers) for piece in pieces if _is_shared(piece)}
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

    # -- what is known of the others

    def has_begun(self, slot: int, wire: WireClass, epoch: int) -> bool:
        """Whether a worker has begun an update of exactly that epoch in a class."""
        return self._progress(slot, wire) == epoch

    def has_passed(self, slot: int, wire: WireClass, epoch: int) -> bool:
        """Whether a worker has begun with something newer, so that it will hardly make anything of `epoch`."""
        progress = self._progress(slot, wire)
        return progress is None or progress > epoch

    def _progress(self, slot: int, wire: WireClass) -> int | None:
        return self._store.others[slot].progress(self._class(wire).interest)

    # -- names that mean the same in every worker

    def _key(self, piece: Piece, wire: WireClass) -> bytes:
        return _KEY.pack(*self._prefix, piece.epoch, *piece.rect) + self._class(wire).key

    @staticmethod
    def _place(piece: Piece, one: _Class) -> int:
        """Return what decides who makes it: the same for a place in every frame."""
        return _hash(_KEY.pack(0, 0, 0, *piece.rect) + one.key)

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


def _is_shared(piece: Piece) -> bool:
    return piece.rect.area >= MIN_AREA and piece.epoch != BEYOND


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
