"""Finding what moved between two frames: a scroll that nobody reported, or a move that somebody did.

Owns the choice of a move, no pixel loop and no segment. Nothing here is trusted for pixels: a move comes with its
residual, which was compared pixel by pixel, so that a wrong guess costs bytes and never a pixel.

How a scroll is found:
1. Rows of a narrow strip that occur once in the old and once in the new frame, at different heights, vote for
   the distance between them. Four strips are looked at, or less: one if the votes are many, two if none.
2. Each row of each column of tiles is weighed: 1 if moving it makes it right, -1 if it makes it wrong.
3. Adjacent rows and columns with the greatest sum of weights are the target of the move.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.damage import Move, tiles_of
from mpvnc.geometry import Rect
from mpvnc.kernels import moves as kernels
from mpvnc.kernels.tiles import Boxes, Tiles
from mpvnc.pixels import Pixels

_ENOUGH_TILES = 16
"""Less changed than this (64 Ki pixels), and less than a 16th of the frame: not searched for moves."""
_PATIENCE, _REST = 8, 8
"""After so many frames in a row without a scroll, only every eighth one is searched."""
_STRIPS = 4
_STRIP = 32
_ENOUGH_VOTES = 6
_MANY_VOTES = 24
_WORTH = 0.75
"""A move is told if its residual is smaller than this part of the plain damage."""


class Search:
    """Looks for scrolls, frame after frame: less often while it finds none, as in a video."""

    def __init__(self) -> None:
        self._misses = 0

    def find(self, new: Pixels, old: Pixels, changed: Tiles, boxes: Boxes) -> Move | None:
        """Return the vertical move that explains most of what changed, if it is looked for and found."""
        if np.count_nonzero(changed) < min(_ENOUGH_TILES, changed.size / 16):
            return None
        if self._misses >= _PATIENCE and self._misses % _REST:
            self._misses += 1
            return None
        move = find_scroll(new, old, changed, boxes)
        self._misses = 0 if move else self._misses + 1
        return move


def choose(
    new: Pixels,
    old: Pixels,
    changed: Tiles,
    boxes: Boxes,
    search: Search,
    *,
    reported: Iterable[Move],
    residual: Boxes,
) -> Move | None:
    """Return the move that says best how `new` follows from `old`, None if plain damage does as well.

    Args:
        changed, boxes: what differs, as `kernels.tiles.compare` gives it.
        search: looks for a vertical move if none is reported.
        reported: moves that the source knows of.
        residual: set to the boxes of what is wrong after the move; of no use if there is none.
    """
    frame = Rect(0, 0, new.shape[1], new.shape[0])
    moves = [move for move in (_clipped(one, frame) for one in reported) if not move.source.is_empty]
    if not moves:
        found = search.find(new, old, changed, boxes)
        if found is None:
            return None
        moves = [found]
    limit = _WORTH * _area(boxes[changed != 0])
    best, trial = None, np.empty_like(residual)
    for move in moves:
        area = _residual(new, old, move, changed, trial)
        if area < limit:
            best, limit = move, area
            residual[...] = trial
    return best


def find_scroll(new: Pixels, old: Pixels, changed: Tiles, boxes: Boxes) -> Move | None:
    """Return the vertical move that explains most of what changed; None if there is none."""
    bounds = _Bounds(changed, boxes)
    dy = _vote(new, old, bounds)
    return _best_target(new, old, bounds, dy) if dy else None


class _Bounds:
    """Where something changed: from row `top` to `bottom`, and the `spans` of the columns of tiles."""

    def __init__(self, changed: Tiles, boxes: Boxes) -> None:
        which = changed != 0
        rows, used = np.flatnonzero(which.any(axis=1)), np.flatnonzero(which.any(axis=0))
        columns = np.arange(used[0], used[-1] + 1)
        self.top = int(rows[0] * TILE + boxes[rows[0], which[rows[0]], 1].min())
        self.bottom = int(rows[-1] * TILE + boxes[rows[-1], which[rows[-1]], 3].max())
        self.counts = which.sum(axis=0)[columns]
        lefts = np.where(which, boxes[..., 0], TILE)[:, columns].min(axis=0)
        rights = np.where(which, boxes[..., 2], 0)[:, columns].max(axis=0)
        idle = self.counts == 0
        lefts[idle], rights[idle] = 0, TILE
        self.spans: kernels.Spans = np.empty((len(columns), 2), np.int32)
        self.spans[:, 0], self.spans[:, 1] = lefts + columns * TILE, rights + columns * TILE

    def strips(self) -> list[int]:
        """Return where strips begin, in the columns in which most changed and well apart."""
        busy = np.flatnonzero(self.counts * 2 >= self.counts.max())
        count = min(_STRIPS, len(busy))
        return [
            int(self.spans[busy[(2 * strip + 1) * len(busy) // (2 * count)], 0]) for strip in range(count)
        ]


def _vote(new: Pixels, old: Pixels, bounds: _Bounds) -> int:
    """Return the distance that most rows seem to have moved, 0 if that is doubtful."""
    rows = bounds.bottom - bounds.top
    votes: kernels.Votes = np.zeros(2 * rows - 1, np.int32)
    best = 0
    for number, left in enumerate(bounds.strips()):
        strip = np.s_[bounds.top : bounds.bottom, left : left + _STRIP]
        kernels.vote(new[strip], old[strip], votes)
        best = int(votes.argmax())
        if votes[best] >= _MANY_VOTES or (number and votes[best] < number):
            break
    return best - (rows - 1) if votes[best] >= _ENOUGH_VOTES else 0


def _best_target(new: Pixels, old: Pixels, bounds: _Bounds, dy: int) -> Move | None:
    """Return the move by `dy` to where it makes most right."""
    height = len(new)
    top, bottom = max(bounds.top, dy), min(bounds.bottom, height + dy)
    gains: kernels.Gains = np.empty((bottom - top, len(bounds.spans)), np.int8)
    kernels.weigh(new, old, top, dy, bounds.spans, gains)
    rows, columns = _best_part(gains)
    if rows.start == rows.stop or columns.start == columns.stop:
        return None
    left, right = int(bounds.spans[columns.start, 0]), int(bounds.spans[columns.stop - 1, 1])
    source = Rect(left, top + rows.start - dy, right - left, rows.stop - rows.start)
    return Move(source, 0, dy)


def _best_part(gains: kernels.Gains) -> tuple[slice, slice]:
    """Return rows and columns with a great sum of gains; empty ones if there is none.

    Beginning with the rows fails where most columns beside the scroll stand still, beginning with the columns
    where most rows above and below do: both are tried.
    """
    rows, columns = _climb(gains)
    other_columns, other_rows = _climb(gains.T)
    if gains[other_rows, other_columns].sum(dtype=np.int64) > gains[rows, columns].sum(dtype=np.int64):
        return other_rows, other_columns
    return rows, columns


def _climb(gains: kernels.Gains) -> tuple[slice, slice]:
    rows, columns = slice(None), slice(None)
    for _ in range(2):
        rows = _best_run(gains[:, columns].sum(axis=1, dtype=np.int64))
        columns = _best_run(gains[rows].sum(axis=0, dtype=np.int64))
    return rows, columns


def _best_run(weights: npt.NDArray[np.int64]) -> slice:
    """Return the adjacent elements with the greatest sum, as few as possible; none if no sum is positive."""
    sums = np.concatenate(([0], weights.cumsum()))
    lows = np.minimum.accumulate(sums)
    stop = int((sums - lows).argmax())
    if sums[stop] == lows[stop]:
        return slice(0, 0)
    start = stop - int((sums[:stop][::-1] == lows[stop]).argmax()) - 1
    return slice(start, stop)


def _residual(new: Pixels, old: Pixels, move: Move, changed: Tiles, boxes: Boxes) -> int:
    touched = changed | tiles_of([move.target], new.shape[1], new.shape[0])
    return kernels.residual(new, old, move.target, move.dx, move.dy, touched, boxes)


def _clipped(move: Move, frame: Rect) -> Move:
    """Return the part of a move that stays inside the frame."""
    inside = Move(move.source.intersect(frame), move.dx, move.dy)
    return inside.into(frame)


def _area(boxes: Boxes) -> int:
    sides = boxes.astype(np.int64)
    return int(((sides[..., 2] - sides[..., 0]) * (sides[..., 3] - sides[..., 1])).sum())
