"""Damage: which tile of 64x64 pixels changed in which frame, and where in it. Pure; no clock, no segment.

Per tile: the *epoch* (the frame in which it last changed), the epoch before that, and the box of the last
change. That is enough for every client, however far behind: a client that misses the last change of a tile
only needs its box, one that misses more gets the whole tile. Nothing is kept per client.

A frame may be told as a *move* as well: a part of the frame before lies elsewhere in it, and boxes of tiles, the
*residual*, hold every pixel that is wrong after that part was copied. It says the same pixels with fewer bytes,
to those alone who hold the frame before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.geometry import Rect
from mpvnc.kernels.tiles import Boxes, Tiles, mark, runs

TABLE_BYTES_PER_TILE = 24
"""Epoch u8, previous epoch u8, box 4 u2."""


class Move(NamedTuple):
    """What was in `source` in one frame is `dx` further right and `dy` further down in the next."""

    source: Rect
    dx: int
    dy: int

    @property
    def target(self) -> Rect:
        """Where it is now."""
        x, y, width, height = self.source
        return Rect(x + self.dx, y + self.dy, width, height)

    def into(self, area: Rect) -> Move:
        """Return the part of the move that ends in `area`; its source is empty if there is none."""
        x, y, width, height = self.target.intersect(area)
        return Move(Rect(x - self.dx, y - self.dy, width, height), self.dx, self.dy)


class MovedFrame(NamedTuple):
    """A frame as the one before, `base`, changed by a move and by what is drawn in `boxes` then.

    `boxes` are (rows, columns, 4) u2 like `TileTable.box`; empty ones (x1 is 0) where nothing is to be drawn.
    """

    base: int
    move: Move
    boxes: Boxes


class TileTable:
    """The damage of one frame of `width` x `height` pixels.

    Attributes (arrays over one block of memory, not to be modified but through the methods):
        epoch: (rows, columns) u8, the frame in which the tile last changed; 0 for never.
        previous: (rows, columns) u8, the epoch before that.
        box: (rows, columns, 4) u2, x0, y0, x1, y1 of the last change from the tile's top left corner.
        whole: (rows, columns, 4) u2, read-only: the box of all pixels that the tile has.
    """

    __slots__ = ("_edges", "_words", "box", "epoch", "height", "previous", "whole", "width")

    def __init__(self, width: int, height: int, memory: npt.NDArray[np.uint64] | None = None) -> None:
        """Lie over `memory` (3 words of u8 per tile, kept as it is), else over zeros of its own."""
        rows, columns = shape = -(-height // TILE), -(-width // TILE)
        tiles = rows * columns
        self.width, self.height = width, height
        self._words = np.zeros(3 * tiles, np.uint64) if memory is None else memory
        self.epoch = self._words[:tiles].reshape(shape)
        self.previous = self._words[tiles : 2 * tiles].reshape(shape)
        self.box: Boxes = self._words[2 * tiles :].view(np.uint16).reshape(*shape, 4)
        self.whole: Boxes = _whole_boxes(width, height)
        self._edges = np.tile(self.whole[..., 2:], 2)

    def changed_since(self, base: int) -> npt.NDArray[np.bool_]:
        """Return (rows, columns), True for the tiles that a holder of frame `base` misses (0: all drawn)."""
        return self.epoch > np.uint64(base)

    def boxes_since(self, base: int) -> Boxes:
        """Return (rows, columns, 4), like `box`: what a holder of frame `base` misses of each tile.

        That is the box of the last change if it is all that is missed, else the whole tile; zeros where
        nothing is missed.
        """
        boxes = np.where((self.previous > np.uint64(base))[..., None], self.whole, self.box)
        boxes[~self.changed_since(base)] = 0
        return boxes

    def damaged(self, base: int) -> list[tuple[int, int, Rect]]:
        """Return (row, column, rectangle in the frame) for each tile that a holder of `base` misses."""
        which = np.nonzero(self.changed_since(base))
        rows, columns = (axis.tolist() for axis in which)
        boxes = self.boxes_since(base)[which].tolist()
        return [
            (row, column, Rect(column * TILE + x0, row * TILE + y0, x1 - x0, y1 - y0))
            for row, column, (x0, y0, x1, y1) in zip(rows, columns, boxes, strict=True)
        ]

    def advance(self, frame: int, changed: Tiles, boxes: Boxes) -> None:
        """Note that the `changed` tiles differ in `frame`, within `boxes`."""
        mark(self.epoch, self.previous, self.box, changed, boxes, frame)

    def assign(self, other: TileTable) -> None:
        """Become equal to `other`, a table of the same size."""
        self._words[...] = other._words

    def sanitise(self) -> None:
        """Cut boxes off at the frame's edges; one that then is empty becomes the whole tile."""
        empty = self.clip(self.box)
        self.box[empty] = self.whole[empty]

    def clip(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        """Cut any boxes off at the frame's edges; return which of them are empty then."""
        np.minimum(boxes, self._edges, out=boxes)
        return (boxes[..., 0] >= boxes[..., 2]) | (boxes[..., 1] >= boxes[..., 3])


def tiles_of(rects: Iterable[Rect], width: int, height: int) -> Tiles:
    """Return the tiles of a frame that `rects`, clipped to it, touch."""
    tiles = np.zeros((-(-height // TILE), -(-width // TILE)), np.uint8)
    for x, y, rect_width, rect_height in rects:
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + rect_width, width), min(y + rect_height, height)
        if left < right and top < bottom:
            tiles[top // TILE : -(-bottom // TILE), left // TILE : -(-right // TILE)] = 1
    return tiles


def rects_of(tiles: Tiles, width: int, height: int) -> list[Rect]:
    """Return disjoint rectangles, clipped to the frame, that cover exactly the set tiles.

    Runs of tiles that lie under each other with the same columns become one rectangle.
    """
    spans: list[tuple[int, int, int, int]] = []
    growing: dict[tuple[int, int], int] = {}
    for row, first, last in runs(tiles):
        index = growing.get((first, last))
        if index is not None and spans[index][1] == row:
            spans[index] = (spans[index][0], row + 1, first, last)
        else:
            growing[first, last] = len(spans)
            spans.append((row, row + 1, first, last))
    frame = Rect(0, 0, width, height)
    return [
        frame.intersect(Rect(first * TILE, top * TILE, (last - first) * TILE, (bottom - top) * TILE))
        for top, bottom, first, last in spans
    ]


def _whole_boxes(width: int, height: int) -> Boxes:
    rows, columns = -(-height // TILE), -(-width // TILE)
    boxes = np.zeros((rows, columns, 4), np.uint16)
    boxes[..., 2] = np.minimum(width - np.arange(columns) * TILE, TILE)
    boxes[..., 3] = np.minimum(height - np.arange(rows) * TILE, TILE)[:, None]
    boxes.flags.writeable = False
    return boxes
