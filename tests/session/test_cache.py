"""The cache of encoded rectangles: what it keeps, and how much."""

from __future__ import annotations

from mpvnc.constants import Encoding
from mpvnc.encodings import encode
from mpvnc.encodings.wire import wire_class
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.session.cache import COUNTED_CLASSES, ENTRY_BYTES, Cache, Counters
from mpvnc.session.planner import Piece
from tests.session.stage import noise

RAW = wire_class(NATIVE, [Encoding.RAW])
PIXELS = noise(256, 64)


def piece(x: int) -> Piece:
    return Piece(Rect(x, 0, 64, 64), 1)


def test_the_cache_forgets_what_was_unused_for_longest():
    cache = Cache(encode, Counters(), limit_bytes=3 * (64 * 64 * 4 + ENTRY_BYTES + 100))
    for x in (0, 64, 128):
        cache.make(piece(x), RAW, PIXELS)
    assert cache.find(piece(0), RAW) is not None
    cache.make(piece(192), RAW, PIXELS)
    assert cache.find(piece(64), RAW) is None
    assert all(cache.find(piece(x), RAW) for x in (0, 128, 192))


def test_many_small_entries_fill_the_cache_too():
    limit = 100 * ENTRY_BYTES
    cache = Cache(encode, Counters(), limit_bytes=limit)
    for x in range(250):
        for y in range(4):
            cache.make(Piece(Rect(x, y, 1, 1), 1), RAW, PIXELS)
    assert len(cache._entries) <= 100
    cache.clear()
    assert cache._bytes == 0


def test_only_the_newest_epoch_of_a_rectangle_is_kept():
    cache = Cache(encode, Counters())
    for epoch in range(1, 1000):
        cache.make(Piece(Rect(0, 0, 64, 64), epoch), RAW, PIXELS)
    assert cache._bytes < 2 * 64 * 64 * 4, "a video that plays for a year"
    assert cache.find(Piece(Rect(0, 0, 64, 64), 999), RAW) is not None
    assert cache.find(Piece(Rect(0, 0, 64, 64), 998), RAW) is None


def test_few_classes_are_counted_one_by_one():
    counters = Counters()
    for level in range(10):
        for encoding in (Encoding.TIGHT, Encoding.JPEG):
            wire = wire_class(NATIVE, [encoding, Encoding.JPEG_QUALITY_LEVEL_0 + level])
            counters.count(encode(PIXELS[:, :64], Rect(0, 0, 64, 64), wire), wire)
    assert len(counters.pixels) == COUNTED_CLASSES + 1
    assert sum(counters.pixels.values()) == counters.encoded_pixels == 20 * 64 * 64
