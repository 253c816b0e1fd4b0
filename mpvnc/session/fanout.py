"""Encode once, send to all: the cache of encoded rectangles and the updates made of them.

Theory of operation. An encoded rectangle depends on the pixels under it and on the wire class, and the pixels
under it are the same in every frame since the newest epoch of its tiles: its key is (rectangle, epoch, class),
within one generation. An `Update` is a list of such rectangles; clients with the same base, class and opened
streams share it, and get views of the same memory.

Encoding is sliced: `step` encodes one rectangle. Updates for those who watch go before a joiner's full frame and
before the part that one client alone asked for. A new frame may be taken between two slices: what is unfinished
is then planned anew, and the rectangles that did not change meanwhile are found in the cache. So that a busy
screen cannot starve a joiner, one that waits for longer than `PATIENCE_S` holds new frames back until it has its
update (`may_advance`). A refresh goes last and holds nothing.

With a `Sharing` other workers make a part of it: `step` makes one's own part first, then goes on with other
updates while something is waited for, and rests until `awaits_until` when there is nothing else.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from mpvnc.damage import Move
from mpvnc.encodings.base import EncodedRectangle, Stream
from mpvnc.encodings.wire import WireClass
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect, Region
from mpvnc.pixels import Pixels
from mpvnc.rfb.writers import update_header
from mpvnc.session.division import Division
from mpvnc.session.planner import BEYOND, Piece
from mpvnc.session.sharing import Sharing

PATIENCE_S = 0.1
CACHE_BYTES = 64 << 20
ENTRY_BYTES = 700
"""What an entry of the cache takes besides its data: a blinking caret must not fill the memory either."""
SHARED_UPDATES = 16
SHARED_BYTES = 64 << 20
"""How many finished updates of one frame are kept for those who come later, and how large all of them."""

COUNTED_CLASSES = 15
"""So many classes have counters of their own."""

Encode = Callable[[Pixels, Rect, WireClass], EncodedRectangle]
Streams = frozenset[Stream]
Buffers = list[bytes | memoryview]
"""The zlib streams of a connection that have had their header."""


class Counters:
    """What the fan-out did so far."""

    __slots__ = (
        "encoded_bytes", "encoded_pixels", "encodes", "hits", "misses", "pixels", "skipped_frames",
        "taken", "vain_waits",
    )  # fmt: skip

    def __init__(self) -> None:
        self.encodes = 0
        self.hits = 0
        self.misses = 0
        self.encoded_pixels = 0
        self.encoded_bytes = 0
        self.pixels: dict[WireClass | None, int] = {}
        """`encoded_pixels` of each class, of at most `COUNTED_CLASSES`; None: of all others."""
        self.taken = 0
        """Rectangles that another worker had made."""
        self.vain_waits = 0
        """Updates that waited for another worker, and had to be made here after all."""
        self.skipped_frames = 0
        """Frames that passed a client by, summed over the clients."""

    def count(self, encoded: EncodedRectangle, wire: WireClass) -> None:
        """Count what was encoded."""
        area = encoded.rect.area
        self.encodes += 1
        self.encoded_pixels += area
        self.encoded_bytes += len(encoded.data)
        key = wire if wire in self.pixels or len(self.pixels) < COUNTED_CLASSES else None
        self.pixels[key] = self.pixels.get(key, 0) + area


class BrokenUpdate(EncodeError):
    """A rectangle of `update` cannot be encoded: nobody who waits for it will get it."""

    def __init__(self, update: Update, piece: Piece) -> None:
        super().__init__(f"{piece} cannot be encoded")
        self.update = update


class Update:
    """The rectangles of one update, encoded as far as they are; shared by all who wait for it.

    It has a key if others may join it. `owed` is what it leaves owed to the one client of an update without.
    A refresh has the place that it settles a picture to.
    """

    __slots__ = (
        "_encoded", "_message", "_opened", "base", "division", "exact", "key", "lossy", "move", "opens", "owed",
        "payer", "rects", "settles", "since", "todo", "waiting", "wire",
    )  # fmt: skip

    def __init__(self, key: Hashable | None, wire: WireClass, base: int, opened: Streams, now: float) -> None:
        self.key = key
        self.wire = wire
        self.base = base
        self.since = now
        self.owed = Region()
        self.waiting: list[Any] = []
        self.rects: list[Rect] = []
        self.lossy: list[Rect] = []
        """Those of `rects` that were encoded with losses."""
        self.payer = wire
        """The class whose time it takes: that of the sessions which wait for it."""
        self.exact: WireClass | None = None
        """The class that the losses of those who get it are made up for by."""
        self.move: Move | None = None
        """What it copies first."""
        self.settles: int | None = None
        """The place in the refresh that a picture is at after it, if it changes that; 0 for the beginning."""
        self.opens = opened
        """The streams that have had their header once `message` was sent."""
        self.division: Division | None = None
        """Which of its pieces other workers make, if any do."""
        self.todo: list[Piece] = []
        """What is still to be encoded, in reverse order; `add` takes from it."""
        self._opened = opened
        self._encoded: list[EncodedRectangle] = []
        self._message: bytes | None = None

    def plan(self, pieces: list[Piece], first: EncodedRectangle | None = None) -> None:
        """Set the rectangles that it is to have; `first` goes before them."""
        self.rects = [piece.rect for piece in pieces]
        self.todo = pieces[::-1]
        if first is not None:
            self.rects.insert(0, first.rect)
            self._encoded.append(first)

    @property
    def count(self) -> int:
        """How many rectangles it has."""
        return len(self.rects)

    @property
    def is_done(self) -> bool:
        """Whether everything is encoded."""
        return not self.todo

    @property
    def can_wait(self) -> bool:
        """Whether those who watch go first: before a full frame for who holds nothing yet, or one client's part."""
        return self.base == 0 or self.key is None

    @property
    def is_refresh(self) -> bool:
        """Whether it brings nothing new, but what was sent with losses."""
        return bool(self.settles)

    @property
    def size_bytes(self) -> int:
        """The size of what is encoded."""
        return len(self._message or b"") + sum(len(encoded.data) for encoded in self._encoded)

    def message(self) -> bytes:
        """Return the whole FramebufferUpdate; the same object for everybody."""
        if self._message is None:
            forms, self.opens = splice(self._encoded, self._opened)
            self._message = b"".join((update_header(self.count), *forms))
            self._encoded = []
        return self._message

    def body(self) -> memoryview:
        """Return its rectangles alone, for an update that has more than these."""
        return memoryview(self.message())[len(update_header(0)) :]

    def add(self, encoded: EncodedRectangle, index: int = -1) -> None:
        """Take the encoded form of `todo[index]`."""
        del self.todo[index]
        self._encoded.append(encoded)
        if encoded.is_lossy:
            self.lossy.append(encoded.rect)


def splice(encoded: Iterable[EncodedRectangle], opened: Streams) -> tuple[list[bytes], Streams]:
    """Return the bytes of the rectangles for streams opened so far, and the streams opened by them."""
    forms = []
    for rectangle in encoded:
        if rectangle.stream is None or rectangle.stream in opened:
            forms.append(rectangle.data)
        else:
            opened |= {rectangle.stream}
            forms.append(rectangle.first())
    return forms, opened


class Cache:
    """Encoded rectangles by (rectangle, epoch, class); the longest unused go first when it is full."""

    def __init__(self, encode: Encode, counters: Counters, limit_bytes: int = CACHE_BYTES) -> None:
        self._encode = encode
        self._counters = counters
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[Hashable, EncodedRectangle] = OrderedDict()
        self._bytes = 0

    def find(self, piece: Piece, wire: WireClass) -> EncodedRectangle | None:
        """Return it if it is there."""
        key = (piece, wire)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            self._counters.hits += 1
        return entry

    def make(self, piece: Piece, wire: WireClass, pixels: Pixels) -> EncodedRectangle:
        """Encode `piece` from the frame `pixels` and keep the result."""
        encoded = self.encode(_view(pixels, piece), piece.rect, wire)
        self._counters.misses += 1
        self.keep(piece, wire, encoded)
        return encoded

    def keep(self, piece: Piece, wire: WireClass, encoded: EncodedRectangle) -> None:
        """Keep what is not there yet."""
        self._entries[piece, wire] = encoded
        self._bytes += len(encoded.data) + ENTRY_BYTES
        while self._bytes > self._limit_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= len(oldest.data) + ENTRY_BYTES

    def encode(self, pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
        """Encode pixels that nobody else will ask for."""
        encoded = self._encode(pixels, rect, wire)
        self._counters.count(encoded, wire)
        return encoded

    def clear(self) -> None:
        """Forget everything: epochs mean nothing in another generation."""
        self._entries.clear()
        self._bytes = 0


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
        for update in sorted(self._unfinished, key=_urgency):
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
        return all(
            update.is_refresh or (update.can_wait and now - update.since < PATIENCE_S)
            for update in self._unfinished
        )

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


def _urgency(update: Update) -> tuple[bool, bool, float]:
    return update.is_refresh, update.can_wait, update.since


def _view(pixels: Pixels, piece: Piece) -> Pixels:
    rect = piece.rect
    if piece.epoch == BEYOND:
        return np.zeros((rect.height, rect.width), np.uint32)
    return pixels[rect.y : rect.bottom, rect.x : rect.right]
