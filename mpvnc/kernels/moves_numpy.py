"""The search for moved pixels in numpy: the oracle of the compiled kernels and their fallback.

Frames and tiles are as in `tiles_numpy`; `new` is the frame after `old`. A vertical move is told by `dy`: the
pixel at (x, y) in `new` comes from (x, y - dy) in `old`. All functions raise ValueError when shapes do not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.kernels.tiles_numpy import Boxes, Tiles, runs
from mpvnc.pixels import Pixels

Votes = npt.NDArray[np.int32]
"""(2 * rows - 1,), the votes for each `dy` from -(rows - 1) to rows - 1."""

Spans = npt.NDArray[np.int32]
"""(columns, 2), the x where each starts and ends, C-contiguous."""

Gains = npt.NDArray[np.int8]
"""(rows, columns), 1, 0 or -1, C-contiguous."""


def vote(new: Pixels, old: Pixels, votes: Votes) -> None:
    """Add a vote for each row of a strip that can only have moved: it occurs once in both, elsewhere.

    Args:
        new, old: a strip of each frame, (rows, width), the same place.
        votes: added to, at [dy + rows - 1].
    """
    rows = len(new)
    if new.shape != old.shape or votes.shape != (2 * rows - 1,):
        raise ValueError("the strips differ in shape, or the votes do not fit them")
    before, after = _single_rows(old), _single_rows(new)
    for row, y in after.items():
        if row in before and before[row] != y:
            votes[y - before[row] + rows - 1] += 1


def weigh(new: Pixels, old: Pixels, top: int, dy: int, spans: Spans, gains: Gains) -> None:
    """Weigh what a vertical move would bring, for each row and span of columns from row `top` on.

    Sets `gains` to 1 where the frames differ and the moved pixels are right, to -1 where the frames are equal
    and the moved pixels are wrong, to 0 elsewhere.
    """
    rows, columns = gains.shape
    _check_rows(new, old, top, dy, rows)
    if spans.shape != (columns, 2) or (spans < 0).any() or (spans > new.shape[1]).any():
        raise ValueError("the spans do not fit")
    after, before, moved = new[top : top + rows], old[top : top + rows], old[top - dy : top - dy + rows]
    for column, (left, right) in enumerate(spans.tolist()):
        wrong = (after[:, left:right] != before[:, left:right]).any(axis=1)
        right_moved = (after[:, left:right] == moved[:, left:right]).all(axis=1)
        gains[:, column] = (wrong & right_moved).astype(np.int8) - (~wrong & ~right_moved)


def residual(
    new: Pixels,
    old: Pixels,
    target: Sequence[int],
    dx: int,
    dy: int,
    candidates: Tiles,
    boxes: Boxes,
) -> int:
    """Find what a move leaves wrong: compare the candidate tiles of `new` with `old` after the move.

    Args:
        target: x, y, width, height of the moved pixels in `new`; they come from (x - dx, y - dy) in `old`.
            Both places lie inside the frame.
        boxes: set to the smallest box that holds all differing pixels of a candidate, to zeros elsewhere.
    Returns: the area of the boxes in pixels.
    """
    if new.shape != old.shape or candidates.shape != tuple(-(-side // TILE) for side in new.shape):
        raise ValueError("the frames differ in shape, or the tiles do not fit them")
    if boxes.shape != (*candidates.shape, 4):
        raise ValueError("boxes are not shaped like the candidates")
    x, y, width, height = target
    _check_inside(new, target)
    _check_inside(new, (x - dx, y - dy, width, height))
    moved = old.copy()
    moved[y : y + height, x : x + width] = old[y - dy : y - dy + height, x - dx : x - dx + width]
    boxes[...] = 0
    for row, first, last in runs(candidates):
        for column in range(first, last):
            tile = np.s_[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
            ys, xs = np.nonzero(new[tile] != moved[tile])
            if xs.size:
                boxes[row, column] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    sides = boxes.astype(np.int64)
    return int(((sides[..., 2] - sides[..., 0]) * (sides[..., 3] - sides[..., 1])).sum())


def _single_rows(strip: Pixels) -> dict[bytes, int]:
    """Return where each row that occurs only once is."""
    places: dict[bytes, int] = {}
    for y, row in enumerate(strip):
        key = row.tobytes()
        places[key] = -1 if key in places else y
    return {key: y for key, y in places.items() if y >= 0}


def _check_rows(new: Pixels, old: Pixels, top: int, dy: int, rows: int) -> None:
    height = new.shape[0]
    if new.shape != old.shape:
        raise ValueError("the frames differ in shape")
    if not (top >= 0 and top + rows <= height and top - dy >= 0 and top - dy + rows <= height):
        raise ValueError("the rows are not inside the frame")


def _check_inside(frame: Pixels, rect: Sequence[int]) -> None:
    x, y, width, height = rect
    if min(rect) < 0 or x + width > frame.shape[1] or y + height > frame.shape[0]:
        raise ValueError("the move is not inside the frame")
