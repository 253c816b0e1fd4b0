"""From damage to rectangles.

Theory of operation. Rectangles follow from the frame and the base alone, never from a client: clients with the
same base share all of them, clients with different bases most. Damaged tiles that lie side by side make a run,
trimmed to the boxes of what changed; runs of the same columns that lie on each other make one rectangle, if that
adds little. What is larger than `MAX_AREA` is cut into equal slices, each one slice of encoding: large enough
that a picture's own tables and an empty history cost little, small enough to be done in about 2 ms.

1. `changes` gives the rectangles that bring a base frame up to date, each with the newest epoch in it: the
   pixels under a rectangle are the same in every frame since that epoch.
2. `pieces` cuts any rectangle in the same way, for what a client is owed apart from changes.
3. `partial` is for a client that asked for a part: it splits what is due into what is sent and what is owed.
4. `copied` and `partial_copied` are the same for a client that holds the frame before the screen's own, and
   copies what moved since then itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.damage import Move, MovedFrame, TileTable, tiles_of
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect, Region
from mpvnc.kernels.tiles import Boxes, missing
from mpvnc.session.picture import Picture
from mpvnc.session.screen import Screen, area

MAX_AREA = 64 * 1024
LOSSY_AREA = 128 * 1024
"""JPEG is ten times as fast as deflate, and has tables of its own in each rectangle."""
MAX_WIDTH = 2048
"""A Tight rectangle may be no wider (rfbproto "Tight Encoding")."""

_SPAN = MAX_WIDTH // TILE
_SLACK = 1.1
"""How much larger than its parts a rectangle made of several may be."""

BEYOND = 0
"""The epoch of what lies beyond the screen; frames count from 1."""


class Piece(NamedTuple):
    """A rectangle of an update and the newest epoch of the tiles under it."""

    rect: Rect
    epoch: int


class Split(NamedTuple):
    """What a partial request gets now, after the move if there is one, and what it leaves owed."""

    pieces: list[Piece]
    owed: Region
    move: Move | None = None


def slice_area(wire: WireClass) -> int:
    """Return the area, in pixels, of the largest rectangle for a wire class."""
    return MAX_AREA if wire.quality is None else LOSSY_AREA


def changes(tiles: TileTable, base: int, max_area: int = MAX_AREA) -> list[Piece]:
    """Return what must be sent to a client that holds frame `base` (0: nothing); row by row, disjoint."""
    spans = [
        _Span(row, first, last, Rect(x0, y0, x1 - x0, y1 - y0))
        for row, first, last, x0, y0, x1, y1 in missing(
            tiles.epoch, tiles.previous, tiles.box, tiles.whole, base, _SPAN
        )
    ]
    return _sliced(tiles, spans, max_area)


def copied(tiles: TileTable, moved: MovedFrame, wrong: Rect, *, is_lossy: bool) -> list[Piece]:
    """Return what must be sent to a client that holds frame `moved.base`, after it has copied what moved.

    Args:
        wrong: where it copied a drawn pointer to; may be empty.
        is_lossy: what it copies may be coarse. Where a tile stays as it was, it may have held something finer,
            which nothing else would ever bring back: it is sent again.
    """
    boxes = moved.boxes
    if is_lossy:
        unchanged = tiles_of([moved.move.target], tiles.width, tiles.height).astype(bool)
        unchanged &= ~tiles.changed_since(moved.base)
        boxes = np.where(unchanged[..., None], tiles.whole, boxes)
    again = [Piece(piece, newest_epoch(tiles, piece)) for piece in pieces(wrong)]
    return _sliced(tiles, _spans(boxes[..., 2] != 0, boxes), LOSSY_AREA if is_lossy else MAX_AREA) + again


def pieces(rect: Rect, max_area: int = MAX_AREA) -> Iterator[Rect]:
    """Cut `rect` at fixed columns, then into slices of nearly the same height."""
    for left in range(rect.x - rect.x % MAX_WIDTH, rect.right, MAX_WIDTH):
        column = rect.intersect(Rect(left, rect.y, MAX_WIDTH, rect.height))
        if column.is_empty:
            continue
        height = -(-column.height // -(-column.area // max_area))
        for top in range(column.y, column.bottom, height):
            yield Rect(column.x, top, column.width, min(height, column.bottom - top))


def partial(screen: Screen, picture: Picture, requested: Region) -> Split:
    """Split what is due to `picture` (changes since its base, and what it is owed) by what was requested.

    What lies beyond the screen, in a framebuffer that could not be made smaller, is black.
    """
    changed = changes(screen.tiles, picture.base) if picture.base < screen.frame else []
    new = Region.of_disjoint(piece.rect for piece in changed).subtract(picture.owed)
    due = Region.of_disjoint((*picture.owed, *new)).intersect([picture.area])
    sent, visible = due.intersect(requested), [area(screen)]
    now = [Piece(one, newest_epoch(screen.tiles, one)) for one in pieces_of(sent.intersect(visible))]
    black = [Piece(one, BEYOND) for one in pieces_of(sent.subtract(visible))]
    return Split(now + black, due.subtract(requested))


def partial_copied(
    plain: Split, pieces: list[Piece], move: Move, requested: Region, tiles: TileTable
) -> Split:
    """Return what serves a partial request with fewer pixels: `plain`, or a part of a move and of its `pieces`.

    The picture must hold the frame before the move, and owe nothing. A request of several rectangles gets
    `plain`: one might be copied from another.
    """
    if len(requested.rects) != 1:
        return plain
    (asked,) = requested.rects
    part = move.into(asked)
    if part.source.is_empty:
        return plain
    rects = [rect for piece in pieces if not (rect := piece.rect.intersect(asked)).is_empty]
    if sum(rect.area for rect in rects) >= sum(piece.rect.area for piece in plain.pieces):
        return plain
    return Split([Piece(rect, newest_epoch(tiles, rect)) for rect in rects], plain.owed, part)


def pieces_of(region: Region) -> list[Rect]:
    """Cut every rectangle of `region`."""
    return [piece for rect in region for piece in pieces(rect)]


def whole_tiles(tiles: TileTable, which: npt.NDArray[np.bool_]) -> list[Piece]:
    """Return the tiles (rows, columns) that are set, whole, in runs along the bands."""
    return _sliced(tiles, _spans(which, tiles.whole), MAX_AREA)


def newest_epoch(tiles: TileTable, rect: Rect) -> int:
    """Return the newest epoch of the tiles under `rect`, which lies inside the frame."""
    rows = slice(rect.y // TILE, (rect.bottom - 1) // TILE + 1)
    columns = slice(rect.x // TILE, (rect.right - 1) // TILE + 1)
    return int(tiles.epoch[rows, columns].max())


def oldest_epoch(tiles: TileTable, rects: Iterable[Rect]) -> int:
    """Return the oldest epoch of the tiles under any of `rects`."""
    touched = tiles_of(rects, tiles.width, tiles.height).astype(np.bool_)
    return int(tiles.epoch[touched].min())


class _Span(NamedTuple):
    """A run of tiles in a row, and the rectangle around what is meant of it."""

    row: int
    first: int
    last: int
    rect: Rect


def _spans(changed: npt.NDArray[np.bool_], boxes: Boxes) -> Iterator[_Span]:
    for row in np.flatnonzero(changed.any(axis=1)):
        for run in _runs(changed[row]):
            yield _Span(int(row), int(run[0]), int(run[-1]) + 1, _bounds(boxes, int(row), run))


def _sliced(tiles: TileTable, spans: Iterable[_Span], max_area: int) -> list[Piece]:
    return [
        Piece(rect, newest_epoch(tiles, rect)) for block in _blocks(spans) for rect in pieces(block, max_area)
    ]


def _blocks(spans: Iterable[_Span]) -> list[Rect]:
    """Return the rectangles of the runs, those that lie on each other made one where that is cheap."""
    blocks: list[Rect] = []
    last_above: dict[tuple[int, int], tuple[int, int]] = {}
    for row, first, last, rect in spans:
        above, index = last_above.get((first, last), (-2, 0))
        joined = _joined(blocks[index], rect) if above == row - 1 else None
        if joined is not None:
            blocks[index] = joined
        else:
            index = len(blocks)
            blocks.append(rect)
        last_above[first, last] = row, index
    return blocks


def _joined(block: Rect, rect: Rect) -> Rect | None:
    """Return the rectangle around both, None if it is much larger than they are."""
    joined = block.bounding(rect)
    return joined if joined.area <= _SLACK * (block.area + rect.area) else None


def _runs(changed: npt.NDArray[np.bool_]) -> Iterable[npt.NDArray[np.intp]]:
    columns = np.flatnonzero(changed)
    breaks = (np.diff(columns) != 1) | (columns[1:] % _SPAN == 0)
    return np.split(columns, np.flatnonzero(breaks) + 1)


def _bounds(boxes: Boxes, row: int, run: npt.NDArray[np.intp]) -> Rect:
    """Return the rectangle in the frame around the boxes, within their tiles, of a run of tiles in a row."""
    own, left = boxes[row, run], run * TILE
    x, right = int((own[:, 0] + left).min()), int((own[:, 2] + left).max())
    y, bottom = int(own[:, 1].min()), int(own[:, 3].max())
    return Rect(x, row * TILE + y, right - x, bottom - y)
