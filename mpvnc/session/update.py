"""One update in the making: its rectangles, encoded as far as they are, and the message that they become.

Shared by all who wait for it: clients that hold the same frame, are of one class and have had the headers of the
same zlib streams. Who makes it when is `fanout`'s business.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from mpvnc.damage import Move
from mpvnc.encodings.base import EncodedRectangle, Stream
from mpvnc.encodings.wire import WireClass
from mpvnc.errors import EncodeError
from mpvnc.geometry import Rect, Region
from mpvnc.rfb.writers import update_header
from mpvnc.session.division import Division
from mpvnc.session.planner import Piece

Streams = frozenset[Stream]
"""The zlib streams of a connection that have had their header."""
Buffers = list[bytes | memoryview]
"""What goes on a socket, in order; shared."""


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
        "_encoded", "_message", "_opened", "area", "base", "division", "exact", "key", "lossy", "move", "opens",
        "owed", "payer", "rects", "settles", "since", "todo", "waiting", "wire",
    )  # fmt: skip

    def __init__(self, key: Hashable | None, wire: WireClass, base: int, opened: Streams, now: float) -> None:
        self.key = key
        self.wire = wire
        self.base = base
        self.since = now
        self.owed = Region()
        self.waiting: list[Any] = []
        self.rects: list[Rect] = []
        self.area = 0
        """How many pixels are encoded for it, the cached ones included."""
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
        self.area = sum(rect.area for rect in self.rects)
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
