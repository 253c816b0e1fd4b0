"""ZRLE: RFC 6143 section 7.7.6. One stream per connection."""

from __future__ import annotations

import struct

import numpy as np

from tests.support.decoders.base import DecoderState, Rect, blank, grid, inflate, paint, require
from tests.support.pixelformat import Image, PixelFormat
from tests.support.wire import Parser

TILE = 64
MAX_PALETTE_BYTES = 1 + 127 * 4


class _Tiles:
    """The inflated bytes of a rectangle, read from the front."""

    def __init__(self, data: bytes, fmt: PixelFormat):
        self.data = data
        self.at = 0
        self.format = fmt

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        require(len(piece) == count, "the inflated data end within a tile")
        self.at += count
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def cpixels(self, count: int) -> Image:
        return self.format.cpixels(self.take(count * self.format.cpixel_bytes))

    def run_length(self) -> int:
        """Read 255 255 ... n."""
        length = 1
        while True:
            value = self.byte()
            length += value
            if value != 255:
                return length


def decode(rect: Rect, state: DecoderState) -> Parser[Image]:
    """Read a length and so many bytes, which inflate to exactly the tiles."""
    (length,) = struct.unpack(">I", (yield 4))
    tiles = grid(rect, TILE)
    limit = rect.area * (state.format.cpixel_bytes + 1) + len(tiles) * MAX_PALETTE_BYTES
    require(length <= 2 * limit + 1024, f"{length} bytes of zlib data for {rect}")
    source = _Tiles(inflate(state.zrle, (yield length), limit), state.format)
    image = blank(rect)
    for tile in tiles:
        paint(image, tile, _tile(source, tile))
    left = len(source.data) - source.at
    require(left == 0, f"{left} inflated bytes left over")
    return image


def _tile(source: _Tiles, tile: Rect) -> Image | int:
    subencoding = source.byte()
    if subencoding == 0:
        return source.cpixels(tile.area)
    if subencoding == 1:
        return int(source.cpixels(1)[0])
    if subencoding <= 16:
        return _packed(source, tile, subencoding)
    if subencoding == 128:
        return _plain_rle(source, tile)
    require(subencoding >= 130, f"subencoding {subencoding} in {tile} is not used")
    return _palette_rle(source, tile, subencoding - 128)


def _packed(source: _Tiles, tile: Rect, size: int) -> Image:
    palette = source.cpixels(size)
    bits = 1 if size == 2 else 2 if size <= 4 else 4
    per_row = (tile.width * bits + 7) // 8
    rows = np.frombuffer(source.take(per_row * tile.height), np.uint8).reshape(tile.height, per_row)
    fields = np.unpackbits(rows, axis=1).reshape(tile.height, -1, bits)
    indices = fields @ (1 << np.arange(bits)[::-1])
    indices = indices[:, : tile.width]
    require(int(indices.max()) < size, f"index {indices.max()} into {size} colours in {tile}")
    return palette[indices]


def _plain_rle(source: _Tiles, tile: Rect) -> Image:
    values, lengths, done = [], [], 0
    while done < tile.area:
        values.append(int(source.cpixels(1)[0]))
        lengths.append(source.run_length())
        done += lengths[-1]
    return _runs(values, lengths, tile)


def _palette_rle(source: _Tiles, tile: Rect, size: int) -> Image:
    palette = source.cpixels(size)
    indices, lengths, done = [], [], 0
    while done < tile.area:
        code = source.byte()
        length = source.run_length() if code & 128 else 1
        require(not (code & 128 and length == 1), f"a run of 1 with a length in {tile}")
        require(code & 127 < size, f"index {code & 127} into {size} colours in {tile}")
        indices.append(code & 127)
        lengths.append(length)
        done += length
    return _runs(palette[indices], lengths, tile)


def _runs(values: Image | list[int], lengths: list[int], tile: Rect) -> Image:
    require(sum(lengths) == tile.area, f"runs of {sum(lengths)} pixels in {tile}")
    return np.repeat(np.asarray(values, np.uint32), lengths)
