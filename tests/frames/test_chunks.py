"""The arena: what is found is what was put, whole, whoever is killed or overtaken wherever."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpvnc.errors import SegmentGone
from mpvnc.frames import chunks
from mpvnc.frames.chunks import KEY_BYTES, ArenaReader, ArenaWriter, Chunk, arena_bytes

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
puts = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 200)), max_size=40)


class Killed(Exception):
    """Ends a writer in the middle."""


@pytest.fixture
def small(monkeypatch) -> None:
    """An arena of eight entries and 600 bytes; at most 200 in one chunk."""
    monkeypatch.setattr(chunks, "ENTRIES", 8)
    monkeypatch.setattr(chunks, "CAPACITY_BYTES", 600)
    monkeypatch.setattr(chunks, "LARGEST_BYTES", 200)


@pytest.fixture
def at_fence(monkeypatch) -> Iterator[Callable[[int, Callable[[], object]], None]]:
    """Have something happen at the n-th fence from now on, where other processes may be seen to act."""

    def plan(n: int, happens: Callable[[], object]) -> None:
        left = n

        def fence() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                happens()

        monkeypatch.setattr(chunks, "fence", fence)

    yield plan


class Arena:
    """An arena, its writer, and what was put in it last under each key."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("arena", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, arena_bytes())
        self.writer = ArenaWriter(self.fd)
        self.reader = ArenaReader(self.fd)
        self.put_so_far: dict[bytes, list[Chunk]] = {}
        self.serial = 0

    def put(self, name: int, size: int) -> bytes:
        self.serial += 1
        one = key(name)
        chunk = Chunk(self.serial, bytes((self.serial + index) % 251 for index in range(size)))
        self.put_so_far.setdefault(one, []).append(chunk)
        assert self.writer.put(one, *chunk)
        return one

    def check(self, reader: ArenaReader) -> None:
        """Whatever is found was put once, as it is."""
        for one, known in self.put_so_far.items():
            found = reader.find(one)
            assert found is None or found in known

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
        os.close(self.fd)


@pytest.fixture
def arena() -> Iterator[Arena]:
    made = Arena()
    yield made
    made.close()


def key(name: int) -> bytes:
    return bytes([name]) * KEY_BYTES


def test_what_is_put_is_found_once_it_is_there(arena):
    assert arena.reader.find(key(1)) is None and arena.reader.count == 0
    arena.put(1, 1000)
    assert arena.reader.find(key(1)) == arena.put_so_far[key(1)][0]
    assert arena.reader.count == 1 and arena.reader.find(key(2)) is None
    arena.put(1, 10)
    assert arena.reader.find(key(1)) == arena.put_so_far[key(1)][1], "the newest of a key"


def test_a_reader_remembers_no_more_than_there_can_be(small, arena):
    for name in range(100):
        one = arena.put(name, 20)
        assert arena.reader.find(one) == arena.put_so_far[one][-1]
        assert len(arena.reader._entries) <= 2 * chunks.ENTRIES
    arena.check(arena.reader)
    found = [name for name in range(100) if arena.reader.find(key(name))]
    assert found == list(range(100 - chunks.ENTRIES, 100))


def test_a_copy_is_ones_own(arena):
    arena.put(1, 100)
    found = arena.reader.find(key(1))
    for size in range(5):
        arena.put(1, size)
    assert found == arena.put_so_far[key(1)][0]


def test_what_is_too_large_is_not_kept(arena):
    assert not arena.writer.put(key(1), 0, bytes(chunks.LARGEST_BYTES + 1))
    assert arena.reader.count == 0
    assert arena.writer.put(key(1), 0, bytes(chunks.LARGEST_BYTES))


@quick
@given(puts)
def test_the_last_is_always_found_and_nothing_else_than_was_put(small, sequence):
    arena, late = Arena(), None
    for name, size in sequence:
        one = arena.put(name, size)
        assert arena.reader.find(one) == arena.put_so_far[one][-1]
        arena.check(arena.reader)
    late = ArenaReader(arena.fd)
    arena.check(late)
    late.close()
    arena.close()


@quick
@given(puts, puts, st.integers(1, 3))
def test_a_writer_killed_anywhere_leaves_nothing_torn(small, at_fence, before, after, fence):
    arena = Arena()

    def kill() -> None:
        raise Killed

    for name, size in before:
        arena.put(name, size)
    at_fence(fence, kill)
    with pytest.raises(Killed):
        arena.put(1, 150)
    arena.check(arena.reader)
    arena.writer.close()
    arena.writer = ArenaWriter(arena.fd)
    for name, size in after:
        one = arena.put(name, size)
        assert arena.reader.find(one) == arena.put_so_far[one][-1]
        arena.check(arena.reader)
    arena.close()


@quick
@given(puts, puts, st.integers(1, 3))
def test_a_reader_that_is_overtaken_finds_nothing_torn(small, at_fence, before, meanwhile, fence):
    arena = Arena()
    for name, size in [*before, (1, 150)]:
        arena.put(name, size)

    def overtake() -> None:
        for name, size in meanwhile:
            arena.put(name, size)

    at_fence(fence, overtake)
    found = arena.reader.find(key(1))
    assert found is None or found in arena.put_so_far[key(1)]
    arena.check(arena.reader)
    arena.close()


def test_an_entry_that_is_torn_while_it_is_read_is_no_chunk(small, arena, monkeypatch):
    """Its first half of before, its second half of after another chunk took its place."""
    arena.put(1, 100)
    arena.put(2, 50)
    arena.reader.find(key(1))
    entry = chunks._ENTRY

    class Torn:
        size = entry.size
        pack_into = staticmethod(entry.pack_into)

        @staticmethod
        def unpack_from(memory, at):
            monkeypatch.setattr(chunks, "_ENTRY", entry)
            old = entry.unpack_from(memory, at)
            for size in range(8):
                arena.put(3, size)
            new = entry.unpack_from(memory, at)
            return old[0], *new[1:4], old[4]

    monkeypatch.setattr(chunks, "_ENTRY", Torn)
    assert arena.reader.find(key(1)) is None


@pytest.mark.parametrize("word, value", [(1, 1 << 63), (2, 1 << 40), (2, 0), (0, 5)])
def test_nonsense_in_the_page_is_no_chunk(arena, word, value):
    arena.put(1, 100)
    arena.reader.find(key(1))
    arena.writer._words[word] = value
    found = arena.reader.find(key(1))
    assert found is None or found in arena.put_so_far[key(1)]


@quick
@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=4, max_size=4))
def test_nonsense_in_an_entry_is_no_chunk(small, words):
    arena = Arena()
    arena.put(1, 100)
    arena.reader.find(key(1))
    at = chunks._PAGE_BYTES // 8
    for index, word in enumerate(words):
        arena.writer._words[at + index] = word
    found = arena.reader.find(key(1))
    assert found is None or len(found.data) <= chunks.LARGEST_BYTES
    arena.close()


def test_interests_and_progress_are_told(arena):
    assert arena.reader.progress(7) is None
    arena.writer.announce({7: 1, 9: 0})
    assert (arena.reader.progress(7), arena.reader.progress(9), arena.reader.progress(8)) == (1, 0, None)
    arena.writer.proceed(7, 5)
    arena.writer.proceed(8, 5)
    assert arena.reader.progress(7) == 5 and arena.reader.progress(8) is None
    arena.writer.announce({9: 2})
    assert arena.reader.progress(7) is None and arena.reader.progress(9) == 2
    arena.writer.announce({word: 0 for word in range(1, 2 * chunks.INTERESTS)})
    assert arena.reader.progress(chunks.INTERESTS) == 0
    assert arena.reader.progress(chunks.INTERESTS + 1) is None


def test_a_successor_has_no_interests_yet_and_waits_for_nobody(arena):
    arena.writer.announce({7: 1})
    arena.writer.set_waiting(True)
    arena.put(1, 10)
    assert arena.reader.waits
    arena.writer.close()
    arena.writer = ArenaWriter(arena.fd)
    assert not arena.reader.waits and arena.reader.progress(7) is None
    assert arena.reader.find(key(1)) == arena.put_so_far[key(1)][0]


def test_others_cannot_write(arena):
    with pytest.raises(TypeError):
        arena.reader._words[0] = 1


def test_a_file_that_is_too_small_or_of_another_version_is_refused(arena):
    arena.writer._words[0] = 99
    with pytest.raises(SegmentGone):
        ArenaReader(arena.fd)
    os.ftruncate(arena.fd, 4096)
    with pytest.raises(SegmentGone):
        ArenaReader(arena.fd)
    os.ftruncate(arena.fd, arena_bytes())
