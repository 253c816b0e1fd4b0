"""The layout of a frame segment in memory: where each thing lies. Must not import numpy.

```
page 0              header: 64-bit words in the machine's order, indices below
then                three tile tables: epochs u8, previous epochs u8, boxes 4 u2 (`mpvnc.damage.TileTable`)
then                three residuals: boxes 4 u2, of use if the slot has a move (`mpvnc.damage.MovedFrame`)
page aligned, x3    pixels of a slot: height rows of width * 4 bytes, no padding (a shared X pixmap has none)
```
A slot's stamp is odd while it is written and even afterwards, and never goes back; its frame number is 0
while it holds no published frame. Each word is written by one store; NEWEST holds slot and frame in one.
The words MOVE_TO and MOVE_FROM tell what moved since the frame before it, MOVE_TO is 0 if nothing did.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass

from mpvnc.constants import TILE
from mpvnc.errors import FrameError, SegmentGone
from mpvnc.geometry import Rect

MAGIC = int.from_bytes(b"mpvncfrm", "little")
VERSION = 2
SLOTS = 3
HEADER_BYTES = 4096
MAX_SIDE = 65535
"""The widest and highest frame: RFC 6143 section 7.3.2 has 16 bits for it."""

W_MAGIC, W_VERSION, W_GENERATION, W_WIDTH, W_HEIGHT, W_STRIDE, W_FIRST_FRAME, W_NEWEST = range(8)
_W_SLOTS = 16
_WORDS_PER_SLOT = 8
S_STAMP, S_FRAME, S_PUBLISHED_NS, S_MOVE_TO, S_MOVE_FROM = range(5)

_TILE_BYTES = 24
_RESIDUAL_BYTES = 8
_U16 = 0xFFFF


def slot_word(slot: int, word: int) -> int:
    """Return the index of a word of a slot; S_PUBLISHED_NS is of the monotonic clock."""
    return _W_SLOTS + slot * _WORDS_PER_SLOT + word


def pack_newest(slot: int, frame: int) -> int:
    """Return the word NEWEST for a frame number (from 1) and its slot."""
    return frame << 2 | slot


def unpack_newest(word: int) -> tuple[int, int]:
    """Return (slot, frame number) of the word NEWEST; (0, 0) if nothing was published.

    Raises: SegmentGone if the slot is none of ours.
    """
    slot, frame = word & 3, word >> 2
    if slot >= SLOTS:
        raise SegmentGone(f"frame segment: newest frame {frame} in slot {slot}, expected 0 to {SLOTS - 1}")
    return slot, frame


def pack_move(target: Rect, source: Rect) -> tuple[int, int]:
    """Return the words MOVE_TO and MOVE_FROM for a move from `source` to `target`, inside a frame."""
    x, y, width, height = target
    return x | y << 16 | width << 32 | height << 48, source.x | source.y << 16


def unpack_move(to: int, source: int) -> tuple[Rect, Rect]:
    """Return (target, source) of the words MOVE_TO and MOVE_FROM; they may lie outside of any frame."""
    x, y, width, height = (to >> shift & _U16 for shift in (0, 16, 32, 48))
    return Rect(x, y, width, height), Rect(source & _U16, source >> 16 & _U16, width, height)


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets and sizes, in bytes, of a segment for frames of width x height pixels.

    Raises: FrameError if a side is not 1 to 65535.
    """

    width: int
    height: int

    def __post_init__(self) -> None:
        if not (1 <= self.width <= MAX_SIDE and 1 <= self.height <= MAX_SIDE):
            raise FrameError(f"a frame of {self.width}x{self.height}: sides must be 1 to {MAX_SIDE}")

    @property
    def tiles(self) -> int:
        """The number of tiles of a frame."""
        return -(-self.width // TILE) * -(-self.height // TILE)

    @property
    def stride(self) -> int:
        """From one row to the next."""
        return self.width * 4

    @property
    def table_words(self) -> int:
        """The 64-bit words of a slot's tile table."""
        return self.tiles * _TILE_BYTES // 8

    def table_offset(self, slot: int) -> int:
        """Where a slot's tile table begins."""
        return HEADER_BYTES + slot * self.tiles * _TILE_BYTES

    def residual_offset(self, slot: int) -> int:
        """Where a slot's residual begins."""
        return self.table_offset(SLOTS) + slot * self.tiles * _RESIDUAL_BYTES

    def pixels_offset(self, slot: int) -> int:
        """Where a slot's pixels begin: at a page."""
        return _whole_pages(self.residual_offset(SLOTS)) + slot * _whole_pages(self.stride * self.height)

    @property
    def size_bytes(self) -> int:
        """The whole segment."""
        return self.pixels_offset(SLOTS)


def segment_bytes(width: int, height: int) -> int:
    """Return the size of a segment for frames of width x height; raises FrameError for impossible sides."""
    return Layout(width, height).size_bytes


def check_header(words: memoryview, size_bytes: int) -> Layout:
    """Return the layout of the segment whose header `words` (cast to "Q") are, of a file of `size_bytes`.

    Raises: SegmentGone if it is no frame segment of this version, or its sizes contradict each other.
    """
    if words[W_MAGIC] != MAGIC:
        raise SegmentGone("frame segment: no frame was ever written to it, or it is something else")
    if words[W_VERSION] != VERSION:
        raise SegmentGone(f"frame segment: layout version {words[W_VERSION]}, expected {VERSION}")
    width, height, stride = words[W_WIDTH], words[W_HEIGHT], words[W_STRIDE]
    try:
        layout = Layout(width, height)
    except FrameError as error:
        raise SegmentGone(f"frame segment: {error}") from None
    if stride != layout.stride or size_bytes < layout.size_bytes:
        raise SegmentGone(
            f"frame segment: {size_bytes} bytes with a stride of {stride} for {width}x{height}, "
            f"expected {layout.size_bytes} with {layout.stride}"
        )
    return layout


def _whole_pages(size_bytes: int) -> int:
    return -(-size_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
