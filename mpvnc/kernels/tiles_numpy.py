"""Tile comparison and tile copies in numpy: the oracle of the compiled kernels and their fallback.

Frames are arrays (height, width) of u4 with contiguous rows and any row stride; tiles are arrays
(ceil(height / 64), ceil(width / 64)) of u1, 0 or 1. All functions raise ValueError when shapes do not fit.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.pixels import Pixels

Tiles = npt.NDArray[np.uint8]
"""(rows, columns), 1 where a tile is meant."""

Boxes = npt.NDArray[np.uint16]
"""(rows, columns, 4), x0, y0, x1, y1 in pixels from the tile's top left corner, C-contiguous."""


Epochs = npt.NDArray[np.uint64]
"""(rows, columns), frame numbers, C-contiguous."""


def compare(new: Pixels, old: Pixels, candidates: Tiles, changed: Tiles, boxes: Boxes) -> int:
    """Compare the candidate tiles of two frames, all 32 bits of each pixel.

    Sets `changed` to 1 where a candidate differs and to 0 everywhere else; sets `boxes` of the changed tiles
    to the smallest box that holds all differing pixels, and leaves the others alone.
    Returns: the number of changed tiles.
    """
    _check(new, old, candidates)
    if changed.shape != candidates.shape or boxes.shape != (*candidates.shape, 4):
        raise ValueError("changed and boxes are not shaped like the candidates")
    changed[...] = 0
    for row, first, last in runs(candidates):
        top, left = row * TILE, first * TILE
        area = np.s_[top : top + TILE, left : last * TILE]
        differs = new[area] != old[area]
        if not differs.any():
            continue
        for column in range(first, last):
            tile = differs[:, column * TILE - left : (column + 1) * TILE - left]
            xs, ys = np.flatnonzero(tile.any(axis=0)), np.flatnonzero(tile.any(axis=1))
            if xs.size:
                changed[row, column] = 1
                boxes[row, column] = xs[0], ys[0], xs[-1] + 1, ys[-1] + 1
    return int(np.count_nonzero(changed))


def copy(target: Pixels, source: Pixels, tiles: Tiles) -> None:
    """Copy the given tiles of `source` to the same place in `target`."""
    _check(target, source, tiles)
    for row, first, last in runs(tiles):
        area = np.s_[row * TILE : (row + 1) * TILE, first * TILE : last * TILE]
        target[area] = source[area]


def copy_masked(target: Pixels, source: Pixels, tiles: Tiles) -> None:
    """Copy the given tiles of `source` to the same place in `target`, with the top byte of each pixel 0."""
    _check(target, source, tiles)
    for row, first, last in runs(tiles):
        area = np.s_[row * TILE : (row + 1) * TILE, first * TILE : last * TILE]
        np.bitwise_and(source[area], np.uint32(0x00FFFFFF), out=target[area])


def follow(
    target: Pixels, newest: Pixels, pixels: Pixels, changed: Tiles, stale: Tiles, epoch: Epochs, held: int
) -> None:
    """Make `target`, which holds frame `held`, the frame after `newest`.

    Copies the `changed` tiles from `pixels`, and from `newest` the others that are younger than `held` by their
    `epoch`; sets `stale` to 1 for those, and to 0 everywhere else.
    """
    stale[...] = (epoch > np.uint64(held)) & (changed == 0)
    copy(target, newest, stale)
    copy(target, pixels, changed)


def mark(epoch: Epochs, previous: Epochs, box: Boxes, changed: Tiles, boxes: Boxes, frame: int) -> None:
    """Note that the `changed` tiles differ in `frame`, within `boxes`, in a table of tiles (mpvnc.damage)."""
    which = changed != 0
    previous[which] = epoch[which]
    epoch[which] = frame
    box[which] = boxes[which]


def runs(tiles: Tiles) -> list[tuple[int, int, int]]:
    """Return the runs of adjacent set tiles as (row, first column, column behind the last), row by row."""
    rows, columns = tiles.shape
    padded = np.zeros((rows, columns + 2), np.int8)
    padded[:, 1:-1] = tiles != 0
    edges = np.diff(padded, axis=1)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    return list(zip(row.tolist(), first.tolist(), last.tolist(), strict=True))


def missing(
    epoch: Epochs, previous: Epochs, box: Boxes, whole: Boxes, base: int, span: int
) -> list[tuple[int, int, int, int, int, int, int]]:
    """Return what a holder of frame `base` misses, as runs of tiles, row by row.

    A run ends at every column of tiles that is a multiple of `span`. Of each: its row, its first column, the
    column behind its last, and x0, y0, x1, y1 in the frame around what is missed of its tiles: of a tile that
    changed once its box, of one that changed more often the whole.
    """
    is_missing = epoch > np.uint64(base)
    boxes = np.where((previous > np.uint64(base))[..., None], whole, box).astype(np.int64)
    boxes[..., 0::2] += np.arange(epoch.shape[1])[:, None] * TILE
    boxes[..., 1::2] += np.arange(epoch.shape[0])[:, None, None] * TILE
    found = []
    for row, begin, end in runs(is_missing.view(np.uint8)):
        cuts = [begin, *range(begin - begin % span + span, end, span), end]
        for first, last in pairwise(cuts):
            run = boxes[row, first:last]
            low, high = run[:, :2].min(axis=0).tolist(), run[:, 2:].max(axis=0).tolist()
            found.append((row, first, last, *low, *high))
    return found


def _check(one: Pixels, other: Pixels, tiles: Tiles) -> None:
    if one.shape != other.shape:
        raise ValueError("the frames differ in shape")
    if one.strides[1] != 4 or other.strides[1] != 4:
        raise ValueError("the pixels of a row are not contiguous")
    if tiles.shape != tuple(-(-side // TILE) for side in one.shape):
        raise ValueError("the tiles do not fit the frame")
