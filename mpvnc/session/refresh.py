"""What was sent with losses and rests now: it is sent once more, exactly.

Theory of operation. The tiles of the screen are in one order, by (epoch, index); a *place* is a number in it. A
tile rests when the frame of its epoch was taken `REST_S` ago. A picture's `settled` is its place: whatever of the
order lies before it is exact there. A client that has everything gets the next slice of tiles that rest and
were sent with losses, and is that much further in the order. So a tile that keeps changing costs nothing here, all
clients of the same place and class share their slices, and nothing is remembered per client and tile.

What was sent with losses is remembered per class of lossless rectangles (`WireClass.with_quality(None)`), which
the rungs of quality of a client have in common: the epoch at which a tile was last encoded so. Text that went
exactly is not sent again, though it stands on what was a photograph once, if the client was at rest in between.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mpvnc.constants import TILE
from mpvnc.damage import Move, TileTable, tiles_of
from mpvnc.encodings.wire import WireClass
from mpvnc.geometry import Rect
from mpvnc.session import planner
from mpvnc.session.picture import PLACE_BITS, Picture, place

REST_S = 0.4
"""How long a tile has not changed when it rests."""

SLICE_PIXELS = 64 * 1024
"""How much is refreshed by one update."""

BYTES_PER_S = 5_000_000
"""How much refreshing may cost one client."""

_LOOK_S = 0.1
_MAX_SLICES = 64
_SHIFT = np.uint64(PLACE_BITS)

Places = npt.NDArray[np.uint64]


class Slice(NamedTuple):
    """The tiles to be refreshed next, and the place reached by that."""

    pieces: list[planner.Piece]
    place: int


class Refresh:
    """What rests of one generation of the screen, and what of it is not exact everywhere. Pure."""

    def __init__(self) -> None:
        self.rested = 0
        """The place before which everything rests."""
        self.look_at = math.inf
        """When something more may rest."""
        self._taken: deque[tuple[int, float]] = deque()
        self._frame = 0
        self._lossy: WeakKeyDictionary[WireClass, Places] = WeakKeyDictionary()
        self._slices: dict[object, Slice] = {}

    def reset(self) -> None:
        """Forget everything, for another generation."""
        self.__init__()  # type: ignore[misc]

    def forget_frame(self) -> None:
        """Note that the tiles have other epochs now."""
        self._slices.clear()

    def look(self, tiles: TileTable, frame: int, now: float) -> bool:
        """Note the frame that the screen is at, and what rests; return whether that is more than before."""
        if frame != self._frame:
            self._frame = frame
            self._taken.append((frame, now))
        ripe = 0
        while self._taken and self._taken[0][1] + REST_S <= now:
            ripe, _ = self._taken.popleft()
        self.look_at = max(self._taken[0][1] + REST_S, now + _LOOK_S) if self._taken else math.inf
        return ripe > 0 and self._raise(tiles, ripe)

    def mark(self, exact: WireClass, tiles: TileTable, rects: Iterable[Rect]) -> None:
        """Note rectangles of the present frame that were encoded with losses, by the class without them."""
        lossy = self._lossy.get(exact)
        if lossy is None:
            lossy = self._lossy[exact] = np.zeros_like(tiles.epoch)
        for rect in rects:
            rows = slice(rect.y // TILE, -(-rect.bottom // TILE))
            columns = slice(rect.x // TILE, -(-rect.right // TILE))
            lossy[rows, columns] = tiles.epoch[rows, columns]
        self._slices.clear()

    def mark_moved(self, exact: WireClass, tiles: TileTable, move: Move) -> None:
        """Note what was copied from tiles that were encoded with losses once."""
        lossy = self._lossy.get(exact)
        if lossy is None:
            return
        rows, columns = (
            _sources(size, -by) for size, by in zip(lossy.shape, (move.dy, move.dx), strict=True)
        )
        was_lossy = lossy > 0
        moved = np.zeros_like(was_lossy)
        for row in rows:
            for column in columns:
                moved |= was_lossy[np.ix_(row, column)]
        moved &= tiles_of([move.target], tiles.width, tiles.height).astype(np.bool_)
        lossy[moved] = tiles.epoch[moved]
        self._slices.clear()

    def next_slice(self, tiles: TileTable, exact: WireClass, picture: Picture) -> Slice:
        """Return what `picture`, which holds the present frame and owes nothing, is to be sent next."""
        key = (exact, picture.settled, picture.settled_frame, picture.is_blurred)
        found = self._slices.get(key)
        if found is None:
            if len(self._slices) >= _MAX_SLICES:
                self._slices.clear()
            found = self._slices[key] = self._cut(tiles, exact, picture)
        return found

    def _raise(self, tiles: TileTable, ripe: int) -> bool:
        """Raise `rested` to the newest tile that rests: a video that goes on raises nothing."""
        newest = int(tiles.epoch[tiles.epoch <= np.uint64(ripe)].max(initial=0))
        before, self.rested = self.rested, max(self.rested, place(newest + 1) - 1)
        if self.rested > before:
            self._slices.clear()
        return self.rested > before

    def _cut(self, tiles: TileTable, exact: WireClass, picture: Picture) -> Slice:
        places = _places(tiles.epoch)
        due = (places > np.uint64(picture.settled)) & (places <= np.uint64(self.rested))
        if not picture.is_blurred:
            due &= self._is_lossy(tiles, exact, picture)
        which = np.flatnonzero(due)
        if not which.size:
            return Slice([], self.rested)
        which = which[np.argsort(places[which])]
        whole = tiles.whole.reshape(-1, 4)[which].astype(np.int64)
        count = int(np.searchsorted(np.cumsum(whole[:, 2] * whole[:, 3]), SLICE_PIXELS, "right")) or 1
        chosen = np.zeros(due.shape, np.bool_)
        chosen[which[:count]] = True
        reached = int(places[which[count - 1]]) if count < which.size else self.rested
        return Slice(planner.whole_tiles(tiles, chosen.reshape(tiles.epoch.shape)), reached)

    def _is_lossy(self, tiles: TileTable, exact: WireClass, picture: Picture) -> npt.NDArray[np.bool_]:
        """Return which tiles may not be exact: all that ever were lossy, but for those whose last change was
        exact and came to a tile that was settled in this picture then.
        """
        marks = self._lossy.get(exact)
        if marks is None:
            return np.zeros(tiles.epoch.size, np.bool_)
        lossy, epoch = marks.ravel(), tiles.epoch.ravel()
        was_exact = _places(tiles.previous) <= np.uint64(picture.settled)
        was_exact &= (epoch > np.uint64(picture.settled_frame)) & (lossy < epoch)
        return (lossy > 0) & ~was_exact


def _sources(size: int, by: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return for each of `size` tiles in a row the two that lie under it when it is moved `by` pixels."""
    first = (np.arange(size) * TILE + by) // TILE
    return np.clip(first, 0, size - 1), np.clip(first + 1, 0, size - 1)


def _places(epochs: Places) -> Places:
    return (epochs.ravel() << _SHIFT) | np.arange(epochs.size, dtype=np.uint64)
