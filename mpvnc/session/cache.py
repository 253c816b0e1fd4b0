"""Encoded rectangles, kept for whoever asks for the same, and the count of what that saved.

The pixels under a rectangle are the same in every frame since the newest epoch of its tiles, so within one
generation (rectangle, epoch, class) never means two things. Epochs only grow: once something changed under a
rectangle, nobody will ask for its older epochs again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mpvnc.encodings.base import EncodedRectangle
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.pixels import Pixels
from mpvnc.session.planner import BEYOND, Piece

CACHE_BYTES = 64 << 20
ENTRY_BYTES = 700
"""What an entry takes besides its data: a blinking caret must not fill the memory either."""
COUNTED_CLASSES = 15
"""So many classes have counters of their own."""

Encode = Callable[[Pixels, Rect, WireClass], EncodedRectangle]


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


class _Entry(NamedTuple):
    epoch: int
    encoded: EncodedRectangle

    @property
    def size_bytes(self) -> int:
        return len(self.encoded.data) + ENTRY_BYTES


class Cache:
    """Encoded rectangles, of each (rectangle, class) the newest; the longest unused go first when it is full."""

    def __init__(self, encode: Encode, counters: Counters, limit_bytes: int = CACHE_BYTES) -> None:
        self._encode = encode
        self._counters = counters
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[tuple[Rect, WireClass], _Entry] = OrderedDict()
        self._bytes = 0

    def find(self, piece: Piece, wire: WireClass) -> EncodedRectangle | None:
        """Return it if it is there."""
        key = piece.rect, wire
        entry = self._entries.get(key)
        if entry is None or entry.epoch != piece.epoch:
            return None
        self._entries.move_to_end(key)
        self._counters.hits += 1
        return entry.encoded

    def make(self, piece: Piece, wire: WireClass, pixels: Pixels) -> EncodedRectangle:
        """Encode `piece` from the frame `pixels` and keep the result."""
        encoded = self.encode(_view(pixels, piece), piece.rect, wire)
        self._counters.misses += 1
        self.keep(piece, wire, encoded)
        return encoded

    def keep(self, piece: Piece, wire: WireClass, encoded: EncodedRectangle) -> None:
        """Keep what is not there yet, instead of what it was before."""
        key, entry = (piece.rect, wire), _Entry(piece.epoch, encoded)
        before = self._entries.pop(key, None)
        self._entries[key] = entry
        self._bytes += entry.size_bytes - (before.size_bytes if before else 0)
        while self._bytes > self._limit_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.size_bytes

    def encode(self, pixels: Pixels, rect: Rect, wire: WireClass) -> EncodedRectangle:
        """Encode pixels that nobody else will ask for."""
        encoded = self._encode(pixels, rect, wire)
        self._counters.count(encoded, wire)
        return encoded

    def clear(self) -> None:
        """Forget everything: epochs mean nothing in another generation."""
        self._entries.clear()
        self._bytes = 0


def _view(pixels: Pixels, piece: Piece) -> Pixels:
    rect = piece.rect
    if piece.epoch == BEYOND:
        return np.zeros((rect.height, rect.width), np.uint32)
    return pixels[rect.y : rect.bottom, rect.x : rect.right]
