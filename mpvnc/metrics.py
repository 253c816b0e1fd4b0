"""Counters, heartbeats and held input in one page that all processes of a server share.

Owns the layout of the status page: 64-bit words in a memfd that the supervisor makes and every child maps.
Every word has one writer; an aligned 64-bit store is never torn, so there are no locks, and what a killed
process counted stays. Must not load numpy.

```
word 0        layout version
word 8 ..     HELD_WORDS words: the input that the consumer (injector, animator) holds down
then          per slot SLOT_WORDS words, one for each `Counter`
then          per slot CLASSES times CLASS_WORDS words: pixels encoded of a wire class, and its name
```
Slots: encoder i has slot i, then come the writer, the consumer and the supervisor (`slot_count`).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from enum import IntEnum

_VERSION = 1
_HEADER_WORDS = 8
HELD_WORDS = 1024
"""How many keys and buttons can be remembered as held."""
SLOT_WORDS = 32
CLASSES = 16
CLASS_WORDS = 8
OTHERS = "others"
"""What all wire classes are called for which there is no room."""
_WORD = 8
_MASK = (1 << 64) - 1


class Counter(IntEnum):
    """The words of a slot. All count upwards, but for those said to be a level."""

    HEARTBEAT = 0
    CLIENTS = 1
    """Level: sessions now."""
    FRAMES = 2
    """Frames published (writer) or taken over (encoder)."""
    UPDATES_SENT = 3
    BYTES_SENT = 4
    BYTES_RECEIVED = 5
    ENCODES = 6
    CACHE_HITS = 7
    AUTH_FAILURES = 8
    PROTOCOL_ERRORS = 9
    INPUT_EVENTS = 10
    INPUT_DROPPED = 11
    SESSIONS = 12
    """Sessions ever."""
    STALLED_DROPPED = 13
    """Sessions ended because they stalled."""
    LOG_DROPPED = 14
    KERNELS_COMPILED = 15
    """Level: 1 if the compiled kernels run, 2 if numpy stands in, 0 unknown."""
    RECTANGLES_SENT = 16
    TORN_RETRIES = 17
    CACHE_MISSES = 18
    """Rectangles that had to be encoded because nobody had needed them before."""
    BYTES_ENCODED = 19
    PIXELS_ENCODED = 20
    FRAMES_SKIPPED = 21
    """Frames that passed a client by because it was not ready for them; summed over the clients."""
    VIEWERS = 22
    """Level: sessions that see the picture; `CLIENTS` has those too that are about to."""
    SHOWN = 23
    """Level: the newest frame that one of them was sent, and how many were (frames/audience.py)."""
    RECTANGLES_TAKEN = 24
    """Rectangles that another encoder had made."""
    WAITS_IN_VAIN = 25
    """Updates that waited for another encoder, and were made without it."""
    ENCODE_US = 26
    """CPU time spent on encoding rectangles, in microseconds."""


_INTERNAL = (Counter.HEARTBEAT, Counter.SHOWN)


def slot_count(workers: int) -> int:
    """Slots of a page for so many encoders: theirs, then writer, consumer, supervisor."""
    return workers + 3


class SlotCounters:
    """The counters of one slot; only its own process writes them."""

    __slots__ = ("_words",)

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def add(self, counter: Counter, n: int = 1) -> None:
        """Count `n` more."""
        self._words[counter] = (self._words[counter] + n) & _MASK

    def set(self, counter: Counter, value: int) -> None:
        """Set a level."""
        self._words[counter] = value

    def get(self, counter: Counter) -> int:
        """Return its value now."""
        return int(self._words[counter])

    def heartbeat(self) -> None:
        """Say that this process's loop turns; about once a second."""
        self.add(Counter.HEARTBEAT)

    def as_dict(self) -> dict[str, int]:
        """Return every counter that a number says something of, by lower-case name."""
        return {counter.name.lower(): self.get(counter) for counter in Counter if counter not in _INTERNAL}

    def _release(self) -> None:
        self._words.release()


class ClassCounters:
    """Pixels encoded, by the name of the wire class; only the slot's own process writes them."""

    __slots__ = ("_bytes", "_places", "_words")

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._bytes = words.cast("B")
        self._places: dict[str, int] = {}

    def set(self, pixels: Mapping[str, int]) -> None:
        """Set the counts of some classes; those that find no room count as `OTHERS`, in the last place."""
        others = pixels.get(OTHERS, 0)
        for name, count in pixels.items():
            place = self._places.get(name)
            if place is None and name != OTHERS and len(self._places) < CLASSES - 1:
                place = self._places[name] = len(self._places)
                self._name(place, name)
            if place is not None:
                self._words[place * CLASS_WORDS] = count
            elif name != OTHERS:
                others += count
        if others:
            self._name(CLASSES - 1, OTHERS)
            self._words[(CLASSES - 1) * CLASS_WORDS] = others

    def as_dict(self) -> dict[str, int]:
        """Return the counts that are not 0, by name."""
        found = {}
        for first in range(0, CLASSES * CLASS_WORDS, CLASS_WORDS):
            if self._words[first]:
                name = bytes(self._bytes[(first + 1) * _WORD : (first + CLASS_WORDS) * _WORD])
                found[name.rstrip(b"\0").decode(errors="replace")] = int(self._words[first])
        return found

    def _name(self, place: int, name: str) -> None:
        start, room = (place * CLASS_WORDS + 1) * _WORD, (CLASS_WORDS - 1) * _WORD
        self._words[place * CLASS_WORDS] = 0
        self._bytes[start : start + room] = name.encode()[:room].ljust(room, b"\0")

    def _release(self) -> None:
        self._bytes.release()
        self._words.release()


class HeldInput:
    """What the consumer holds down, so that its successor can release it. A set of non-zero words.

    Its only writer is the consumer; one hold or release is one store, so a kill leaves it whole.
    """

    __slots__ = ("_index", "_words")

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._index = {word: position for position, word in enumerate(words) if word}

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._index))

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, word: int) -> bool:
        return word in self._index

    def add(self, word: int) -> bool:
        """Remember `word` (1 to 2**64-1); False if there is no room, and then it must not be pressed."""
        if word in self._index:
            return True
        if len(self._index) >= HELD_WORDS:
            return False
        position = next(i for i, held in enumerate(self._words) if not held)
        self._index[word] = position
        self._words[position] = word
        return True

    def discard(self, word: int) -> None:
        """Forget `word`, if it is held; after it has been released."""
        position = self._index.pop(word, None)
        if position is not None:
            self._words[position] = 0

    def _release(self) -> None:
        self._words.release()


class StatusPage:
    """A mapping of the status page.

    Args:
        fd: the page's memfd; it stays the caller's and may be closed afterwards.
        slots: `slot_count(workers)`, the same in every process.
    """

    def __init__(self, fd: int, slots: int) -> None:
        self.slots = slots
        self._map = mmap.mmap(fd, status_page_bytes(slots))
        self._words = memoryview(self._map).cast("Q")
        self._words[0] = _VERSION
        first = _HEADER_WORDS + HELD_WORDS
        self._counters = [
            SlotCounters(self._words[start : start + SLOT_WORDS])
            for start in range(first, first + slots * SLOT_WORDS, SLOT_WORDS)
        ]
        first, size = first + slots * SLOT_WORDS, CLASSES * CLASS_WORDS
        self._classes = [
            ClassCounters(self._words[start : start + size])
            for start in range(first, first + slots * size, size)
        ]
        self._held: HeldInput | None = None

    def slot(self, index: int) -> SlotCounters:
        """Return the counters of a slot."""
        return self._counters[index]

    def classes(self, index: int) -> ClassCounters:
        """Return what a slot counts by wire class."""
        return self._classes[index]

    @property
    def held(self) -> HeldInput:
        """The held input as it is in the page; one object per mapping."""
        if self._held is None:
            self._held = HeldInput(self._words[_HEADER_WORDS : _HEADER_WORDS + HELD_WORDS])
        return self._held

    def close(self) -> None:
        """Unmap it; counters and held input taken from it are dead afterwards."""
        if self._held is not None:
            self._held._release()
        parts: tuple[SlotCounters | ClassCounters, ...] = (*self._counters, *self._classes)
        for counters in parts:
            counters._release()
        self._words.release()
        self._map.close()


def status_page_bytes(slots: int) -> int:
    """Size of a page with so many slots."""
    return (_HEADER_WORDS + HELD_WORDS + slots * (SLOT_WORDS + CLASSES * CLASS_WORDS)) * _WORD


def create_status_page(slots: int) -> int:
    """Return the descriptor of a new zeroed page (a memfd, close-on-exec)."""
    fd = os.memfd_create("mpvnc-status", os.MFD_CLOEXEC)
    os.ftruncate(fd, status_page_bytes(slots))
    return fd
