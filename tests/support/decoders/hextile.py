"""Hextile: RFC 6143 section 7.7.4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.decoders.base import DecoderState, Rect, blank, grid, paint, require
from tests.support.pixelformat import Image, PixelFormat
from tests.support.wire import Parser

RAW, BACKGROUND, FOREGROUND, SUBRECTS, COLOURED = 1, 2, 4, 8, 16
TILE = 16


@dataclass
class _Carried:
    """The colours that a tile may take over from the tile before; None: it may not."""

    background: int | None = None
    foreground: int | None = None


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read the tiles, 16x16, from left to right, top to bottom."""
    image = blank(rect)
    carried = _Carried()
    for tile in grid(rect, TILE):
        (mask,) = yield 1
        if mask & RAW:
            pixels = state.format.pixels((yield tile.area * state.format.pixel_bytes))
            paint(image, tile, pixels)
            carried.background = carried.foreground = None
        else:
            require(mask < 32, f"subencoding {mask:#04x} in {tile} has unknown bits")
            yield from _tile(image, tile, mask, carried, state.format)
    return image


def _tile(image: Image, tile: Rect, mask: int, carried: _Carried, fmt: PixelFormat) -> Parser[None]:
    coloured = bool(mask & COLOURED)
    require(not (coloured and mask & FOREGROUND), f"{tile}: a foreground and coloured subrectangles")
    if mask & BACKGROUND:
        carried.background = int(fmt.pixels((yield fmt.pixel_bytes))[0])
    require(carried.background is not None, f"{tile}: no background to carry over")
    if mask & FOREGROUND:
        carried.foreground = int(fmt.pixels((yield fmt.pixel_bytes))[0])
    paint(image, tile, carried.background or 0)
    if mask & SUBRECTS:
        require(coloured or carried.foreground is not None, f"{tile}: no foreground to carry over")
        yield from _subrects(image, tile, None if coloured else carried.foreground, fmt)
    if coloured:
        carried.foreground = None


def _subrects(image: Image, tile: Rect, colour: int | None, fmt: PixelFormat) -> Parser[None]:
    """Read and paint subrectangles, each with its own colour if `colour` is None."""
    (count,) = yield 1
    size = fmt.pixel_bytes if colour is None else 0
    table = np.frombuffer((yield count * (size + 2)), np.uint8).reshape(count, size + 2)
    values = fmt.pixels(table[:, :size].tobytes()).tolist() if colour is None else [colour] * count
    for value, (xy, wh) in zip(values, table[:, size:].tolist(), strict=True):
        area = Rect(xy >> 4, xy & 15, (wh >> 4) + 1, (wh & 15) + 1)
        require(area.within(tile.width, tile.height), f"subrectangle {area} is not within {tile}")
        paint(image, area._replace(x=tile.x + area.x, y=tile.y + area.y), value)
