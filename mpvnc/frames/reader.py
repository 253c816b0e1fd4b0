"""The reading end of a frame segment: a private copy of the newest whole frame. One per worker
and generation.

Never writes to the segment, never stops the writer. Copies are accepted only if the slot's stamp is the same
even number before and after; nothing read from the segment is trusted before that, and boxes not even then.
"""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple

import numpy as np

from mpvnc.constants import TILE
from mpvnc.damage import Move, MovedFrame, TileTable
from mpvnc.errors import TornFrame
from mpvnc.frames import layout as at
from mpvnc.frames.store import hold, map_file, read_layout, unmap
from mpvnc.geometry import Rect
from mpvnc.kernels.ordering import require_ordering
from mpvnc.kernels.tiles import Boxes, Tiles, copy_masked, fence
from mpvnc.pixels import Pixels

_TRIES = 50


class _Shared(NamedTuple):
    """Views of a slot in memory that another process writes."""

    pixels: Pixels
    table: TileTable
    residual: Boxes


class FrameReader:
    """A private copy of the newest frame, brought up to date by `refresh`.

    Attributes, all the reader's own and changed by nothing but `refresh`:
        pixels: (height, width), C-contiguous, top bytes 0; zeros at first.
        tiles: the damage that belongs to `pixels`.
        frame: the number of the frame in `pixels`, 0 at first.
        move: what moved from the frame before to this one, if `pixels` held that; None if nothing did.
        identity: a number that no other segment has while this one is held by anybody.
        published_ns: when that frame was published, by the monotonic clock.
        whole: False only after a `refresh` that gave up half way: `pixels` then mixes two frames and must not
            be shown before a `refresh` has returned True.
    The fd stays the caller's and may be closed afterwards.
    """

    def __init__(self, fd: int) -> None:
        """Map the segment read-only; raises SegmentGone if its header cannot be right."""
        require_ordering()
        hold(fd)
        self.identity = os.fstat(fd).st_ino
        layout = read_layout(fd)
        self.width, self.height = layout.width, layout.height
        self.pixels: Pixels = np.zeros((layout.height, layout.width), np.uint32)
        self.tiles = TileTable(layout.width, layout.height)
        self.frame, self.published_ns, self.whole = 0, 0, True
        self.move: MovedFrame | None = None
        self._memory = map_file(fd, layout.size_bytes, writable=False)
        self._words = np.frombuffer(self._memory, np.uint64, at.HEADER_BYTES // 8)
        self.generation = int(self._words[at.W_GENERATION])
        self._slots = [_shared(self._memory, layout, slot) for slot in range(at.SLOTS)]
        self._scratch = TileTable(layout.width, layout.height)
        self._held = np.zeros_like(self.tiles.epoch)

    @property
    def newest(self) -> int:
        """The number of the newest published frame in the segment, 0 if there is none."""
        return int(self._words[at.W_NEWEST]) >> 2

    def refresh(self) -> bool:
        """Copy what changed since `frame`, in the newest frame.

        Returns: True if `frame` advanced. False if there is nothing newer, or if the writer overtook every
        one of 50 tries; the next call goes on where this one ended (see `whole`).
        Raises: SegmentGone if the header names a slot that does not exist.
        """
        for attempt in range(_TRIES):
            slot, newest = at.unpack_newest(int(self._words[at.W_NEWEST]))
            if newest <= self.frame:
                return False
            try:
                self._copy_from(slot, newest, in_one_piece=attempt == 0)
            except TornFrame:
                continue
            return True
        return False

    def close(self) -> None:
        """Unmap the segment. `pixels` and `tiles` stay as they are."""
        self._slots = []
        self._words = np.zeros(at.HEADER_BYTES // 8, np.uint64)
        unmap(self._memory)

    def _copy_from(self, slot: int, newest: int, *, in_one_piece: bool) -> None:
        """Become the frame in `slot`, `newest` or later; raises TornFrame if the writer takes the slot."""
        pixels, table, _ = self._slots[slot]
        stamp = self._begin_reading(slot)
        frame = int(self._words[at.slot_word(slot, at.S_FRAME)])
        published_ns = int(self._words[at.slot_word(slot, at.S_PUBLISHED_NS)])
        self._scratch.assign(table)
        move = self._read_move(slot) if frame == self.frame + 1 else None
        self._check_stamp(slot, stamp)
        if frame < newest:
            raise TornFrame(f"slot {slot} lost its frame {newest}")
        missing = (self._scratch.epoch > self._held).view(np.uint8)
        # After an overtaken try row by row: what came over whole stays, so any writer is caught up with.
        for rows in [slice(None)] if in_one_piece else [slice(row, row + 1) for row in range(len(missing))]:
            self._copy_rows(pixels, missing, rows)
            self._check_stamp(slot, stamp)
            self._held[rows] = frame
        self._scratch.sanitise()
        self.tiles.assign(self._scratch)
        self.move = self._checked(move) if move else None
        self.frame, self.published_ns, self.whole = frame, published_ns, True

    def _read_move(self, slot: int) -> MovedFrame | None:
        to = int(self._words[at.slot_word(slot, at.S_MOVE_TO)])
        if not to:
            return None
        target, source = at.unpack_move(to, int(self._words[at.slot_word(slot, at.S_MOVE_FROM)]))
        move = Move(source, target.x - source.x, target.y - source.y)
        return MovedFrame(self.frame, move, self._slots[slot].residual.copy())

    def _checked(self, moved: MovedFrame) -> MovedFrame | None:
        """Return what was read if it fits the frame: a client must never be sent anything else."""
        frame, move = Rect(0, 0, self.width, self.height), moved.move
        if move.source.is_empty or not (frame.contains(move.source) and frame.contains(move.target)):
            return None
        moved.boxes[self.tiles.clip(moved.boxes)] = 0
        return moved

    def _copy_rows(self, pixels: Pixels, missing: Tiles, rows: slice) -> None:
        tiles = missing[rows]
        if not tiles.any():
            return
        self.whole = False
        if rows.start is None:
            copy_masked(self.pixels, pixels, tiles)
            return
        lines = slice(rows.start * TILE, rows.stop * TILE)
        copy_masked(self.pixels[lines], pixels[lines], tiles)

    def _begin_reading(self, slot: int) -> int:
        stamp = int(self._words[at.slot_word(slot, at.S_STAMP)])
        fence()
        if stamp % 2:
            raise TornFrame(f"slot {slot} is being written")
        return stamp

    def _check_stamp(self, slot: int, stamp: int) -> None:
        fence()
        if int(self._words[at.slot_word(slot, at.S_STAMP)]) != stamp:
            raise TornFrame(f"slot {slot} was written while it was read")


def _shared(memory: mmap.mmap, layout: at.Layout, slot: int) -> _Shared:
    pixels = np.frombuffer(memory, np.uint32, layout.width * layout.height, layout.pixels_offset(slot))
    words = np.frombuffer(memory, np.uint64, layout.table_words, layout.table_offset(slot))
    table = TileTable(layout.width, layout.height, words)
    residual = np.frombuffer(memory, np.uint16, layout.tiles * 4, layout.residual_offset(slot))
    return _Shared(pixels.reshape(layout.height, layout.width), table, residual.reshape(table.box.shape))
