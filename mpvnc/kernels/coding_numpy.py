"""The pixel loops of the encodings in numpy: the specification of `_coding`, and its stand-in.

Whole rectangles at a time where numpy can, else a tile or a subrectangle at a time; never a pixel. Slow (ZRLE
takes about 20 times as long as compiled), but the bytes are the same.

*Units* are pixels as numbers: a (height, width) array of u4, any row stride, at least one pixel, whose low
`size` bytes (1 to 4), the lowest first (or last, if `reverse`), are the bytes that go over the wire. They are
only read. What is returned belongs to the caller.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Units = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]

COMPILED = False
_ZRLE_SIDE = 64
_HEXTILE_SIDE = 16


def colours(units: Units, limit: int) -> Units | None:
    """Return the distinct values in order of first appearance; None if more than `limit` (1 to 256)."""
    first = units[0, 0]
    if limit >= 1 and bool((units == first).all()):
        return np.array([first], np.uint32)
    found, where = np.unique(units, return_index=True)
    return None if len(found) > limit else found[np.argsort(where)]


def indices(units: Units, palette: Units, bits: int) -> bytearray:
    """Return each pixel's place in `palette` (which has all of them), in 1, 2, 4 or 8 bits, rows padded."""
    return bytearray(_packed(_places(units, palette), bits).tobytes())


def pack(units: Units, size: int, reverse: bool) -> bytearray:
    """Return the bytes of all pixels, row by row."""
    return bytearray(_wire_bytes(units, size, reverse).tobytes())


def convert(pixels: Units, tables: Units) -> Units:
    """Return `tables[0][red] | tables[1][green] | tables[2][blue]` of each pixel. `tables`: (3, 256) u4."""
    red, green, blue = tables
    units: Units = red[(pixels >> 16) & 0xFF] | green[(pixels >> 8) & 0xFF] | blue[pixels & 0xFF]
    return units


def zrle(units: Units, size: int, reverse: bool) -> bytearray:
    """Return the 64x64 tiles, each in its smallest form, before compression (RFC 6143 section 7.7.6)."""
    units = _turned(units, size, reverse)
    out = bytearray()
    for y in range(0, units.shape[0], _ZRLE_SIDE):
        for x in range(0, units.shape[1], _ZRLE_SIDE):
            out += _zrle_tile(units[y : y + _ZRLE_SIDE, x : x + _ZRLE_SIDE], size)
    return out


def hextile(units: Units, size: int, reverse: bool) -> bytearray:
    """Return the 16x16 tiles (RFC 6143 section 7.7.4), each as subrectangles unless Raw is shorter."""
    units = _turned(units, size, reverse)
    out = bytearray()
    background = foreground = None
    for y in range(0, units.shape[0], _HEXTILE_SIDE):
        for x in range(0, units.shape[1], _HEXTILE_SIDE):
            tile = units[y : y + _HEXTILE_SIDE, x : x + _HEXTILE_SIDE]
            data, background, foreground = _hextile_tile(tile, size, background, foreground)
            out += data
    return out


def rre(units: Units, size: int, reverse: bool) -> bytearray | None:
    """Return background and subrectangles (RFC 6143 section 7.7.3); None if not shorter than Raw."""
    plane = _turned(units, size, reverse)
    background, _ = _most_frequent(plane)
    out = bytearray(4) + _colour_bytes(background, size)
    count = 0
    for colour, *box in _subrects(plane, background):
        if len(out) + size + 8 >= plane.size * size:
            return None
        out += _colour_bytes(colour, size) + struct.pack(">HHHH", *box)
        count += 1
    out[:4] = struct.pack(">I", count)
    return out if len(out) < plane.size * size else None


def _hextile_tile(
    tile: Units, size: int, background: int | None, foreground: int | None
) -> tuple[bytes, int | None, int | None]:
    """Return a tile, and the background and foreground that the viewer knows after it."""
    raw = b"\x01" + _wire_bytes(tile, size, False).tobytes()
    most, found = _most_frequent(tile)
    flags, body = 0, b""
    if most != background:
        flags, body = 2, _colour_bytes(most, size)
    if len(found) == 1:
        return bytes([flags]) + body, most, foreground
    coloured = len(found) > 2
    other = None if coloured else next(colour for colour in found if colour != most)
    if coloured and len(body) + 2 + (len(found) - 1) * (size + 2) > len(raw):
        return raw, None, None
    flags |= 24 if coloured else 8
    if other is not None and other != foreground:
        flags |= 4
        body += _colour_bytes(other, size)
    rects = bytearray()
    count = 0
    for colour, x, y, width, height in _subrects(tile, most):
        rects += _colour_bytes(colour, size) if coloured else b""
        rects += bytes([x << 4 | y, (width - 1) << 4 | (height - 1)])
        count += 1
        if len(body) + len(rects) + 2 > len(raw):
            break
    if len(body) + len(rects) + 2 > len(raw):
        return raw, None, None
    return bytes([flags]) + body + bytes([count]) + rects, most, other


def _most_frequent(plane: Units) -> tuple[int, list[int]]:
    """Return the most frequent of the first 256 colours, of equal ones the earliest; and those colours."""
    found, where, counts = np.unique(plane, return_index=True, return_counts=True)
    order = np.argsort(where)[:256]
    return int(found[order][np.argmax(counts[order])]), found[order].tolist()


def _subrects(plane: Units, background: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Take what is not background apart: colour, x, y, width, height of rectangles, by their first pixels."""
    plane = plane.copy()
    for y, row in enumerate(plane):
        while (x := int(np.argmax(row != background))) or row[0] != background:
            width, height = _grown(plane[y:, x:])
            yield int(row[x]), x, y, width, height
            plane[y : y + height, x : x + width] = background


def _grown(plane: Units) -> tuple[int, int]:
    """Return the box of the corner's colour: first right then down, or the other way, if that is larger."""
    wide, tall = _leading(plane[0] == plane[0, 0]), _leading(plane[:, 0] == plane[0, 0])
    same = plane[:tall, :wide] == plane[0, 0]
    high, narrow = _leading(same.all(axis=1)), _leading(same.all(axis=0))
    return (narrow, tall) if narrow * tall > wide * high else (wide, high)


def _leading(flags: npt.NDArray[np.bool_]) -> int:
    return len(flags) if flags.all() else int(np.argmin(flags))


def _colour_bytes(colour: int, size: int) -> bytes:
    return colour.to_bytes(4, "little")[:size]


def _zrle_tile(tile: Units, size: int) -> bytes:
    """Return the smallest form; of equal ones the first of raw, packed, plain runs, palette runs."""
    palette = colours(tile, 127)
    if palette is not None and len(palette) == 1:
        return b"\x01" + pack(palette[np.newaxis], size, False)
    forms = [b"\x00" + _wire_bytes(tile, size, False).tobytes()]
    values, lengths = _runs(tile)
    heads = _wire_bytes(values[np.newaxis], size, False).reshape(-1, size)
    plain = b"\x80" + _run_bytes(heads, lengths, lengths > 0)
    if palette is None:
        return min([*forms, plain], key=len)
    listed = bytes(pack(palette[np.newaxis], size, False))
    places = _places(values, palette)
    if len(palette) <= 16:
        bits = 1 if len(palette) == 2 else 2 if len(palette) <= 4 else 4
        forms.append(bytes([len(palette)]) + listed + _packed(_places(tile, palette), bits).tobytes())
    several = lengths > 1
    heads = (places | (several << 7)).astype(np.uint8).reshape(-1, 1)
    palette_runs = bytes([128 + len(palette)]) + listed + _run_bytes(heads, lengths, several)
    return min([*forms, plain, palette_runs], key=len)


def _runs(tile: Units) -> tuple[Units, npt.NDArray[np.intp]]:
    """Return value and length of the runs of equal pixels, across rows."""
    flat = tile.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    return flat[starts], np.diff(starts, append=len(flat))


def _run_bytes(heads: _Bytes, lengths: npt.NDArray[np.intp], with_length: npt.NDArray[np.bool_]) -> bytes:
    """Return runs as head (a row of bytes each) and, where wanted, length - 1 as 255, ..., rest."""
    size = heads.shape[1]
    totals = size + np.where(with_length, 1 + (lengths - 1) // 255, 0)
    ends = np.cumsum(totals)
    starts = ends - totals
    out = np.full(int(ends[-1]), 255, np.uint8)
    for byte in range(size):
        out[starts + byte] = heads[:, byte]
    out[ends[with_length] - 1] = (lengths[with_length] - 1) % 255
    return out.tobytes()


def _turned(units: Units, size: int, reverse: bool) -> Units:
    """Return the pixels with the byte that is sent first lowest, and nothing above the last."""
    if reverse:
        return units.byteswap() >> np.uint32(32 - 8 * size)
    return units & np.uint32((1 << 8 * size) - 1)


def _wire_bytes(units: Units, size: int, reverse: bool) -> _Bytes:
    """Return a (height, width * size) array of the bytes of all pixels."""
    height, width = units.shape
    turned = np.ascontiguousarray(_turned(units, size, reverse), dtype="<u4")
    return turned.view(np.uint8).reshape(height, width, 4)[..., :size].reshape(height, width * size)


def _places(units: Units, palette: Units) -> _Bytes:
    order = np.argsort(palette)
    return order[np.searchsorted(palette, units, sorter=order)].astype(np.uint8)


def _packed(places: _Bytes, bits: int) -> _Bytes:
    """Pack numbers of `bits` bits into bytes, the first highest, rows padded with zeros to bytes."""
    height, width = places.shape
    per_byte = 8 // bits
    padded = np.zeros((height, -(-width // per_byte) * per_byte), np.uint8)
    padded[:, :width] = places
    packed = np.zeros((height, padded.shape[1] // per_byte), np.uint8)
    for position in range(per_byte):
        packed |= padded[:, position::per_byte] << np.uint8(8 - bits * (position + 1))
    return packed
