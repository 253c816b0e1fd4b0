"""The shared store of encoded rectangles: an *arena* for each worker, written by it alone, read by all others.

Owns the layout of an arena and the order of reads and writes in it; knows no rectangle and no policy: a chunk
is bytes under a key of bytes, with a number beside it. Must not import numpy: the supervisor makes arenas.

```
page 0      words: layout version, HEAD (bytes ever given to chunks, skipped ones included), COUNT (chunks ever
            finished), WAITS (1 while its worker waits for others), NOTES (how often the interests changed),
            then INTERESTS pairs: a word that its worker is interested in, 0 for none, and how far it is with it
then        ENTRIES entries, taken in turn: stamp, position, length, number, key
then        CAPACITY_BYTES of data, a ring: a chunk at position p lies at p % CAPACITY_BYTES, in one piece
```
The writer moves HEAD before it touches the data, and takes an entry's stamp away before it touches the entry. A
reader copies first and looks then: if the stamp is still that of the chunk it wanted, and HEAD is not so far that
the chunk can have been overwritten, what it copied is whole. So a writer may be killed anywhere, a reader too;
nobody waits for anybody. An arena outlives its writer: a successor goes on behind HEAD and COUNT.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from mpvnc.errors import SegmentGone
from mpvnc.frames.store import map_file, unmap
from mpvnc.kernels.ordering import fence, require_ordering

KEY_BYTES = 64
INTERESTS = 32
ENTRIES = 512
CAPACITY_BYTES = 8 << 20
LARGEST_BYTES = CAPACITY_BYTES // 4
"""A larger chunk is not kept: it would take too much of what others have still to fetch."""

_VERSION = 1
_PAGE_BYTES = 4096
_ENTRY = struct.Struct(f"@QQQQ{KEY_BYTES}s")
_DATA_AT = _PAGE_BYTES + ENTRIES * _ENTRY.size
_W_VERSION, _W_HEAD, _W_COUNT, _W_WAITS, _W_NOTES, _W_INTERESTS = 0, 1, 2, 3, 4, 8


class Chunk(NamedTuple):
    """A private copy of what another worker made."""

    number: int
    data: bytes


def arena_bytes() -> int:
    """Return the size of an arena; a new one is all zeros."""
    return _DATA_AT + CAPACITY_BYTES


class ArenaWriter:
    """One's own arena, behind `fd`, which stays the caller's and may be closed afterwards."""

    def __init__(self, fd: int) -> None:
        """Map it and begin where a predecessor ended, without its interests; raises SegmentGone."""
        require_ordering()
        self._memory = map_file(fd, arena_bytes(), writable=True)
        self._view = memoryview(self._memory)
        self._words = self._view[:_DATA_AT].cast("Q")
        self._words[_W_VERSION] = _VERSION
        self._words[_W_WAITS] = 0
        self.announce({})

    def put(self, key: bytes, number: int, data: bytes) -> bool:
        """Keep a chunk until ENTRIES others, or CAPACITY_BYTES of others, came after it; False if it is too large.

        Args:
            key: KEY_BYTES.
            number: 0 to 2**64 - 1, the caller's own.
        """
        if len(data) > LARGEST_BYTES:
            return False
        words, count = self._words, self._words[_W_COUNT]
        position = self._place(len(data))
        words[_W_HEAD] = position + len(data)
        at = _PAGE_BYTES + count % ENTRIES * _ENTRY.size
        words[at // 8] = 0
        fence()
        start = _DATA_AT + position % CAPACITY_BYTES
        self._view[start : start + len(data)] = data
        _ENTRY.pack_into(self._memory, at, 0, position, len(data), number, key)
        fence()
        words[at // 8] = count + 1
        words[_W_COUNT] = count + 1
        fence()
        return True

    def announce(self, interests: Mapping[int, int]) -> None:
        """Tell the others what its worker is interested in, by words of its own choice but 0, and how far it is.

        At most INTERESTS; the rest is left out.
        """
        wanted = list(interests.items())[:INTERESTS]
        self._places = {word: _W_INTERESTS + 2 * index for index, (word, _) in enumerate(wanted)}
        for index, (word, progress) in enumerate(wanted + [(0, 0)] * (INTERESTS - len(wanted))):
            self._words[_W_INTERESTS + 2 * index] = word
            self._words[_W_INTERESTS + 2 * index + 1] = progress
        fence()
        self._words[_W_NOTES] += 1

    def proceed(self, interest: int, progress: int) -> None:
        """Tell the others how far its worker is with one of its interests."""
        place = self._places.get(interest)
        if place is not None:
            self._words[place + 1] = progress

    def set_waiting(self, waits: bool) -> None:
        """Tell the others whether its worker waits for them. What they put before is seen after this."""
        self._words[_W_WAITS] = waits
        fence()

    def close(self) -> None:
        """Unmap it."""
        self._words.release()
        self._view.release()
        unmap(self._memory)

    def _place(self, size_bytes: int) -> int:
        """Return the position of the next chunk: behind the last, or at the ring's beginning if it would not fit."""
        head = self._words[_W_HEAD]
        left = CAPACITY_BYTES - head % CAPACITY_BYTES
        return head if size_bytes <= left else head + left


class ArenaReader:
    """Another worker's arena, behind `fd`, which stays the caller's and may be closed afterwards."""

    def __init__(self, fd: int) -> None:
        """Map it read-only; raises SegmentGone if the file is too small."""
        require_ordering()
        self._memory = map_file(fd, arena_bytes(), writable=False)
        self._view = memoryview(self._memory)
        self._words = self._view[:_DATA_AT].cast("Q")
        if self._words[_W_VERSION] not in (0, _VERSION):
            self.close()
            raise SegmentGone("the arena is of another version")
        self._seen = 0
        self._entries: dict[bytes, int] = {}
        self._noted = -1
        self._interests: dict[int, int] = {}

    @property
    def count(self) -> int:
        """How many chunks were ever put there."""
        return self._words[_W_COUNT]

    @property
    def waits(self) -> bool:
        """Whether its worker waits for others now."""
        return self._words[_W_WAITS] != 0

    def progress(self, interest: int) -> int | None:
        """Return how far its worker is with an interest; None if it has not announced it."""
        notes = self._words[_W_NOTES]
        if notes != self._noted:
            fence()
            places = range(_W_INTERESTS, _W_INTERESTS + 2 * INTERESTS, 2)
            self._interests = {self._words[place]: place for place in places}
            self._noted = notes
        place = self._interests.get(interest)
        return None if place is None else self._words[place + 1]

    def find(self, key: bytes) -> Chunk | None:
        """Return a copy of the newest chunk under `key`, if there is one that is still whole."""
        if self._words[_W_COUNT] != self._seen:
            self._look()
        stamp = self._entries.get(key)
        if stamp is None:
            return None
        chunk = self._copy(stamp, key)
        if chunk is None:
            del self._entries[key]
        return chunk

    def close(self) -> None:
        """Unmap it."""
        self._words.release()
        self._view.release()
        unmap(self._memory)

    def _look(self) -> None:
        """Note the keys of what was put since the last time, as far as it is still there."""
        count = self._words[_W_COUNT]
        fence()
        if count < self._seen:  # impossible but for a broken writer: believe it, not what was
            self._entries.clear()
            self._seen = 0
        for number in range(max(self._seen, count - ENTRIES), count):
            stamp, _, _, _, key = _ENTRY.unpack_from(self._memory, self._at(number))
            if stamp == number + 1:
                self._entries[key] = stamp
        self._seen = count
        if len(self._entries) > 2 * ENTRIES:
            oldest = count - ENTRIES
            self._entries = {key: stamp for key, stamp in self._entries.items() if stamp > oldest}

    def _copy(self, stamp: int, key: bytes) -> Chunk | None:
        """Copy the chunk of a stamp; None if it was not whole all the time. Nothing read is trusted before."""
        found, position, length, number, its_key = _ENTRY.unpack_from(self._memory, self._at(stamp - 1))
        start = position % CAPACITY_BYTES
        if found != stamp or its_key != key or length > LARGEST_BYTES or start + length > CAPACITY_BYTES:
            return None
        fence()
        data = bytes(self._view[_DATA_AT + start : _DATA_AT + start + length])
        fence()
        is_whole = self._words[self._at(stamp - 1) // 8] == stamp
        if not is_whole or self._words[_W_HEAD] - position > CAPACITY_BYTES:
            return None
        return Chunk(number, data)

    @staticmethod
    def _at(number: int) -> int:
        return _PAGE_BYTES + number % ENTRIES * _ENTRY.size
