"""The writing end of a frame segment: three slots in turn, stamps, what changed. One writer per segment.

Knows no source: X11 capture lets the X server draw into a slot, an animator's surface is handed over whole.
Never waits for a reader. Everything that was copied into a slot is compared with the newest frame, areas
brought over included, and exactly what differs gets the new epoch. What moved since that frame is told besides.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mpvnc.constants import TILE
from mpvnc.damage import Move, TileTable, rects_of, tiles_of
from mpvnc.errors import FrameError
from mpvnc.frames import layout as at
from mpvnc.frames import moves as motion
from mpvnc.frames.store import hold, map_file, unmap
from mpvnc.geometry import Rect
from mpvnc.kernels.ordering import require_ordering
from mpvnc.kernels.tiles import Boxes, Tiles, compare, copy, fence, follow
from mpvnc.pixels import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A frame in the making, valid until it is published or abandoned.

    Attributes:
        index: which of the three.
        pixels: (height, width), shared and writable; any top byte is fine.
        offset: where its pixels begin in the segment, in bytes (rows are width * 4 bytes).
        stale: tile-aligned disjoint areas where it is older than the newest frame; all of it if
            it holds no frame.
    """

    index: int
    pixels: Pixels
    offset: int
    stale: list[Rect]


class FrameWriter:
    """Writes frames of one size into a fresh segment; raises FrameError if it already had a writer.

    `frame` is the number of the newest published frame, 0 before the first. The fd stays the caller's and may
    be closed afterwards. Not for use by several threads.
    """

    def __init__(self, fd: int, generation: int, width: int, height: int, first_frame: int) -> None:
        """Lay out the segment; its first frame will have the number `first_frame`, at least 1."""
        require_ordering()
        if first_frame < 1:
            raise FrameError(f"first frame {first_frame}, expected at least 1")
        layout = at.Layout(width, height)
        hold(fd)
        self.width, self.height, self.frame = width, height, 0
        self._first_frame = first_frame
        self._memory = map_file(fd, layout.size_bytes, writable=True)
        self._words = np.frombuffer(self._memory, np.uint64, at.HEADER_BYTES // 8)
        self._tables = [_table(self._memory, layout, slot) for slot in range(at.SLOTS)]
        self._slots = [_slot(self._memory, layout, slot) for slot in range(at.SLOTS)]
        self._residuals = [_residual(self._memory, layout, slot) for slot in range(at.SLOTS)]
        self._newest = at.SLOTS - 1
        self._held = [0] * at.SLOTS
        self._open: Slot | None = None
        self._search = motion.Search()
        self._changed: Tiles = np.zeros(self._tables[0].epoch.shape, np.uint8)
        self._stale = np.zeros_like(self._changed)
        self._boxes = np.zeros_like(self._tables[0].box)
        self._count = 0
        self._write_header(layout, generation)

    @property
    def pixels(self) -> Pixels | None:
        """The newest published frame, None before the first. Shared: others read it."""
        return self._slots[self._newest].pixels if self.frame else None

    def begin(self) -> Slot:
        """Open the next slot for writing.

        Raises: FrameError if the one before was neither published nor abandoned.
        """
        slot = self._open_next()
        stale = rects_of(self._stale_tiles(slot.index), self.width, self.height)
        self._open = replace(slot, stale=stale)
        return self._open

    def bring_over(self, slot: Slot) -> None:
        """Copy `slot.stale` from the newest frame; to be done before anything is drawn into the slot."""
        self._check_open(slot)
        if self.frame:
            copy(slot.pixels, self._slots[self._newest].pixels, self._stale_tiles(slot.index))

    def publish(self, slot: Slot, touched: Iterable[Rect], moves: Iterable[Move] = ()) -> int | None:
        """Make the slot the newest frame if it differs from the one before.

        Args:
            touched: everything that was written to the slot, `slot.stale` included, which must be up to date
                now: drawn again, or brought over before the rest was drawn. Clipped to the frame. Compared
                by whole tiles. In the first frame of a segment all tiles count as changed.
            moves: what the source knows to have moved since the newest frame: a hint, any of it may be wrong;
                none: scrolling is looked for.
        Returns: its number; None if nothing differs. The slot is closed either way.
        Raises: FrameError if `touched` leaves out stale tiles; the slot is still open then.
        """
        self._check_open(slot)
        touched_tiles = tiles_of(touched, self.width, self.height)
        if (touched_tiles < self._stale_tiles(slot.index)).any():
            raise FrameError("what was touched leaves out stale areas of the slot")
        if self._compare(slot.pixels, touched_tiles):
            return self._commit(slot, moves)
        self._held[slot.index] = self.frame
        self._close_slot(slot)
        return None

    def publish_pixels(
        self, pixels: Pixels, damage: Iterable[Rect] | None = None, moves: Iterable[Move] = ()
    ) -> int | None:
        """Publish a frame from memory of the caller's: one comparison, and a copy of what changed.

        Args:
            pixels: (height, width), any row stride; all 32 bits are compared and copied.
            damage: where it may differ from the newest frame (rounded to tiles), None for everywhere.
            moves: as in `publish`.
        Returns: its number; None if nothing differs, and then no slot was touched.
        Raises: FrameError if a slot is being written or the shape is wrong.
        """
        self._check_closed()
        if pixels.shape != (self.height, self.width):
            raise FrameError(f"pixels of shape {pixels.shape}, expected {(self.height, self.width)}")
        everywhere = [Rect(0, 0, self.width, self.height)]
        drawn = everywhere if damage is None or not self.frame else damage
        if not self._compare(pixels, tiles_of(drawn, self.width, self.height)):
            return None
        slot = self._open_next()
        newest, epoch = self._slots[self._newest].pixels, self._tables[self._newest].epoch
        follow(slot.pixels, newest, pixels, self._changed, self._stale, epoch, self._held[slot.index])
        return self._commit(slot, moves)

    def abandon(self, slot: Slot) -> None:
        """Close the slot without a frame. What it holds is unknown now: it will be stale everywhere."""
        self._check_open(slot)
        self._held[slot.index] = 0
        self._close_slot(slot)

    def close(self) -> None:
        """Unmap the segment; the frames in it stay readable. An open slot is lost."""
        self._open = None
        self._slots, self._tables, self._residuals = [], [], []
        self._words = np.zeros(0, np.uint64)
        unmap(self._memory)

    def _open_next(self) -> Slot:
        self._check_closed()
        index = (self._newest + 1) % at.SLOTS
        self._stamp(index, odd=True)
        self._words[at.slot_word(index, at.S_FRAME)] = 0
        self._open = self._slots[index]
        return self._open

    def _compare(self, pixels: Pixels, tiles: Tiles) -> int:
        """Set `_changed` and `_boxes`, and `_count` the changed; in the first frame everything is changed."""
        if self.frame:
            newest = self._slots[self._newest].pixels
            self._count = compare(pixels, newest, tiles, self._changed, self._boxes)
            return self._count
        self._changed[...] = 1
        self._boxes[...] = self._tables[0].whole
        self._count = self._changed.size
        return self._count

    def _commit(self, slot: Slot, moves: Iterable[Move]) -> int:
        self._tell_move(slot, moves)
        frame = self.frame + 1 if self.frame else self._first_frame
        table = self._tables[slot.index]
        table.assign(self._tables[self._newest])
        table.advance(frame, self._changed, self._boxes)
        self._words[at.slot_word(slot.index, at.S_FRAME)] = frame
        self._words[at.slot_word(slot.index, at.S_PUBLISHED_NS)] = time.monotonic_ns()
        self._close_slot(slot)
        self._words[at.W_NEWEST] = at.pack_newest(slot.index, frame)
        self._held[slot.index] = self.frame = frame
        self._newest = slot.index
        return frame

    def _tell_move(self, slot: Slot, moves: Iterable[Move]) -> None:
        """Write what moved from the newest frame to this one, with all that is wrong after it."""
        to, source = 0, 0
        moves = tuple(moves)
        if self.frame and (moves or motion.is_enough(self._count, self._changed.size)):
            old, residual = self._slots[self._newest].pixels, self._residuals[slot.index]
            move = motion.choose(
                slot.pixels, old, self._changed, self._boxes, self._search, reported=moves, residual=residual
            )
            if move is not None:
                to, source = at.pack_move(move.target, move.source)
        self._words[at.slot_word(slot.index, at.S_MOVE_TO)] = to
        self._words[at.slot_word(slot.index, at.S_MOVE_FROM)] = source

    def _stale_tiles(self, index: int) -> Tiles:
        held = self._held[index]
        if not held:
            return np.ones(self._changed.shape, np.uint8)
        return self._tables[self._newest].changed_since(held).view(np.uint8)

    def _stamp(self, index: int, *, odd: bool) -> None:
        word = at.slot_word(index, at.S_STAMP)
        fence()
        stamp = int(self._words[word]) + 1
        self._words[word] = stamp if stamp % 2 == odd else stamp + 1
        fence()

    def _close_slot(self, slot: Slot) -> None:
        self._stamp(slot.index, odd=False)
        self._open = None

    def _check_closed(self) -> None:
        if self._open is not None:
            raise FrameError("a slot is already being written; publish or abandon it first")

    def _check_open(self, slot: Slot) -> None:
        if slot is not self._open:
            raise FrameError("the slot is not being written: it was published or abandoned")

    def _write_header(self, layout: at.Layout, generation: int) -> None:
        words = self._words
        if words[at.W_MAGIC]:
            self.close()
            raise FrameError("the segment has had a writer; a new writer needs a new segment")
        words[at.W_VERSION], words[at.W_GENERATION] = at.VERSION, generation
        words[at.W_WIDTH], words[at.W_HEIGHT], words[at.W_STRIDE] = layout.width, layout.height, layout.stride
        words[at.W_FIRST_FRAME] = self._first_frame
        fence()
        words[at.W_MAGIC] = at.MAGIC


def _table(memory: mmap.mmap, layout: at.Layout, slot: int) -> TileTable:
    words = np.frombuffer(memory, np.uint64, layout.table_words, layout.table_offset(slot))
    return TileTable(layout.width, layout.height, words)


def _residual(memory: mmap.mmap, layout: at.Layout, slot: int) -> Boxes:
    boxes = np.frombuffer(memory, np.uint16, layout.tiles * 4, layout.residual_offset(slot))
    return boxes.reshape(-(-layout.height // TILE), -(-layout.width // TILE), 4)


def _slot(memory: mmap.mmap, layout: at.Layout, slot: int) -> Slot:
    offset = layout.pixels_offset(slot)
    pixels = np.frombuffer(memory, np.uint32, layout.width * layout.height, offset)
    return Slot(slot, pixels.reshape(layout.height, layout.width), offset, [])
