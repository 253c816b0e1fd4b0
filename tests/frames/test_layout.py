import mmap

import pytest

from mpvnc.errors import FrameError, SegmentGone
from mpvnc.frames import layout
from mpvnc.frames.layout import HEADER_BYTES, SLOTS, Layout

SIDES = [(1, 1), (64, 64), (65, 63), (1366, 768), (3840, 2160), (65535, 1), (1, 65535)]


@pytest.mark.parametrize(("width", "height"), SIDES)
def test_nothing_lies_over_anything_else(width: int, height: int) -> None:
    its = Layout(width, height)
    table_bytes, pixel_bytes = its.table_words * 8, width * height * 4
    parts = [(0, HEADER_BYTES)]
    parts += [(its.table_offset(slot), table_bytes) for slot in range(SLOTS)]
    parts += [(its.pixels_offset(slot), pixel_bytes) for slot in range(SLOTS)]
    for (start, size_bytes), (following, _) in zip(parts, [*parts[1:], (its.size_bytes, 0)], strict=True):
        assert start + size_bytes <= following
    words = [layout.slot_word(slot, word) for slot in range(SLOTS) for word in range(3)]
    assert len({layout.W_NEWEST, *words}) == 1 + len(words)
    assert max(words) * 8 < HEADER_BYTES


@pytest.mark.parametrize(("width", "height"), SIDES)
def test_tables_are_whole_words_and_pixels_whole_pages(width: int, height: int) -> None:
    its = Layout(width, height)
    assert its.tiles == ((width + 63) // 64) * ((height + 63) // 64)
    assert its.table_words == its.tiles * 3  # two epochs of a word each, a box of four 16-bit numbers
    assert all(its.table_offset(slot) % 8 == 0 for slot in range(SLOTS))
    assert all(its.pixels_offset(slot) % mmap.PAGESIZE == 0 for slot in range(SLOTS))


@pytest.mark.parametrize("sides", [(0, 1), (1, 0), (65536, 1), (1, 65536), (-1, 5)])
def test_impossible_sides_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match="sides must be 1 to 65535"):
        layout.segment_bytes(*sides)


def test_slot_and_frame_share_a_word() -> None:
    for slot in range(SLOTS):
        for frame in (1, 2, 2**40):
            assert layout.unpack_newest(layout.pack_newest(slot, frame)) == (slot, frame)
    assert layout.unpack_newest(0) == (0, 0)
    with pytest.raises(SegmentGone, match="slot 3"):
        layout.unpack_newest(layout.pack_newest(3, 7))
