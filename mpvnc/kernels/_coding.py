# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
# ruff: noqa: SIM110
"""The pixel loops of the encodings, in Cython's pure-Python mode. Use them through `mpvnc.kernels.coding`.

They know pixels and bytes, nothing of rectangles, headers or compression. What each one takes and returns is
documented once, on its twin in `coding_numpy`, which is the specification: both return the same bytes.

*Units* are pixels as numbers: a (height, width) array of u4 whose low `size` bytes, the lowest first (or
last, if `reverse`), are the bytes that go over the wire. Little-endian machines only.
"""

import cython
import numpy as np

if cython.compiled:
    from cython.cimports.libc.string import memcpy

COMPILED = cython.compiled

Size = cython.typedef(cython.Py_ssize_t)
Colour = cython.typedef(cython.uint)
Source = cython.typedef(cython.pointer[cython.const[cython.uint]])
Colours = cython.typedef(cython.pointer[cython.uint])
Bytes = cython.typedef(cython.pointer[cython.uchar])

SLOTS = cython.declare(cython.int, 1024)
NOTHING = cython.declare(cython.longlong, -1)

Table = cython.struct(slot=cython.ushort[1024], colour=cython.uint[257], count=cython.int)
"""The colours seen so far, in order of appearance, with a hash index: slot holds a place + 1, 0 is a hole."""

Tile = cython.struct(
    width=cython.Py_ssize_t,
    height=cython.Py_ssize_t,
    size=cython.int,
    pixel=cython.uint[4096],
    colour=cython.uint[4096],
    length=cython.ushort[4096],
    index=cython.uchar[4096],
    runs=cython.Py_ssize_t,
    plain_bytes=cython.Py_ssize_t,
    palette_bytes=cython.Py_ssize_t,
    palette=Table,
)
"""A ZRLE tile: its pixels; its runs of equal pixels, and what the two run-length forms of them would take."""

Plane = cython.struct(
    pixel=cython.pointer[cython.uint],
    width=cython.Py_ssize_t,
    height=cython.Py_ssize_t,
    colour=cython.uint,
    across=cython.Py_ssize_t,
    down=cython.Py_ssize_t,
)
"""Pixels from which subrectangles are taken one by one, and the one last found."""

Hextile = cython.struct(
    pixel=cython.uint[256],
    scratch=cython.uint[256],
    plane=Plane,
    size=cython.int,
    end=cython.Py_ssize_t,
    background=cython.longlong,
    foreground=cython.longlong,
    table=Table,
)
"""A Hextile tile; its plane is the scratch copy. end: where its raw form would end. background, foreground:
what a viewer remembers from the tile before."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _clear(table: cython.pointer[Table]) -> cython.void:
    slot: cython.int
    table.count = 0
    for slot in range(SLOTS):
        table.slot[slot] = 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _place(table: cython.pointer[Table], colour: Colour, limit: cython.int) -> cython.int:
    """The place of a colour, entered if it is new; `limit` if it is new and there are as many already."""
    slot: cython.uint = cython.cast(cython.uint, colour * cython.cast(cython.uint, 2654435761)) >> 22
    while table.slot[slot] != 0:
        if table.colour[table.slot[slot] - 1] == colour:
            return table.slot[slot] - 1
        slot = (slot + 1) & (SLOTS - 1)
    if table.count >= limit:
        return limit
    table.colour[table.count] = colour
    table.count += 1
    table.slot[slot] = table.count
    return table.count - 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _reversed(colour: Colour, size: cython.int) -> Colour:
    turned: Colour = (colour >> 24) | ((colour >> 8) & 0xFF00) | ((colour & 0xFF00) << 8) | (colour << 24)
    return turned >> (32 - 8 * size)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(out: Bytes, at: Size, colour: Colour, size: cython.int) -> Size:
    out[at] = colour & 0xFF
    if size > 1:
        out[at + 1] = (colour >> 8) & 0xFF
    if size > 2:
        out[at + 2] = (colour >> 16) & 0xFF
    if size > 3:
        out[at + 3] = colour >> 24
    return at + size


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _load(source: Source, to: Colours, count: Size, size: cython.int, reverse: cython.bint) -> cython.void:
    """Copy pixels of a row, turned round if need be, without the bytes that are not sent."""
    i: Size
    mask: Colour = cython.cast(cython.uint, 0xFFFFFFFF) >> (32 - 8 * size)
    if reverse:
        for i in range(count):
            to[i] = _reversed(source[i], size)
    else:
        for i in range(count):
            to[i] = source[i] & mask


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count_row(table: cython.pointer[Table], row: Source, width: Size, limit: cython.int) -> cython.bint:
    x: Size = 1
    if _place(table, row[0], limit) == limit:
        return False
    for x in range(1, width):
        if row[x] != row[x - 1] and _place(table, row[x], limit) == limit:
            return False
    return True


def colours(units: cython.const[cython.uint][:, :], limit: cython.int) -> object:
    """See coding_numpy."""
    table = cython.declare(Table)
    y: Size
    few: cython.bint = True
    with cython.nogil:
        _clear(cython.address(table))
        for y in range(units.shape[0]):
            few = _count_row(cython.address(table), cython.address(units[y, 0]), units.shape[1], limit)
            if not few:
                break
    if not few:
        return None
    found = np.empty(table.count, np.uint32)
    view: cython.uint[::1] = found
    for y in range(table.count):
        view[y] = table.colour[y]
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _index_row(
    table: cython.pointer[Table], row: Source, width: Size, bits: cython.int, out: Bytes
) -> cython.void:
    x: Size
    place: cython.int = _place(table, row[0], 256)
    packed: cython.int = 0
    used: cython.int = 0
    if bits == 8:
        out[0] = place
        for x in range(1, width):
            if row[x] != row[x - 1]:
                place = _place(table, row[x], 256)
            out[x] = place
        return
    for x in range(width):
        if x and row[x] != row[x - 1]:
            place = _place(table, row[x], 256)
        packed = (packed << bits) | place
        used += bits
        if used == 8:
            out[0] = packed
            out += 1
            packed = 0
            used = 0
    if used:
        out[0] = packed << (8 - used)


def indices(
    units: cython.const[cython.uint][:, :], palette: cython.const[cython.uint][::1], bits: cython.int
) -> bytearray:
    """See coding_numpy."""
    table = cython.declare(Table)
    y: Size
    stride: Size = (units.shape[1] * bits + 7) // 8
    result = bytearray(units.shape[0] * stride)
    out: cython.uchar[::1] = result
    with cython.nogil:
        _clear(cython.address(table))
        for y in range(palette.shape[0]):
            _place(cython.address(table), palette[y], 256)
        for y in range(units.shape[0]):
            _index_row(
                cython.address(table),
                cython.address(units[y, 0]),
                units.shape[1],
                bits,
                cython.address(out[y * stride]),
            )
    return result


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _pack_row(row: Source, width: Size, size: cython.int, reverse: cython.bint, out: Bytes) -> cython.void:
    """Write a row's bytes: four at a time, of which the next pixel overwrites what is too much."""
    x: Size
    four: Colour
    if size == 4 and not reverse:
        memcpy(out, row, 4 * width)
        return
    if size > 1:
        for x in range(width - 1):
            four = _reversed(row[x], size) if reverse else row[x]
            memcpy(out, cython.address(four), 4)
            out += size
        _put(out, 0, _reversed(row[width - 1], size) if reverse else row[width - 1], size)
        return
    for x in range(width):
        out[x] = row[x] & 0xFF


def pack(units: cython.const[cython.uint][:, :], size: cython.int, reverse: cython.bint) -> bytearray:
    """See coding_numpy."""
    y: Size
    stride: Size = units.shape[1] * size
    result = bytearray(units.shape[0] * stride)
    out: cython.uchar[::1] = result
    with cython.nogil:
        for y in range(units.shape[0]):
            _pack_row(
                cython.address(units[y, 0]), units.shape[1], size, reverse, cython.address(out[y * stride])
            )
    return result


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _convert_row(row: Source, width: Size, tables: Source, to: Colours) -> cython.void:
    x: Size
    for x in range(width):
        to[x] = (
            tables[(row[x] >> 16) & 0xFF]
            | tables[256 + ((row[x] >> 8) & 0xFF)]
            | tables[512 + (row[x] & 0xFF)]
        )


def convert(pixels: cython.const[cython.uint][:, :], tables: cython.const[cython.uint][:, ::1]) -> object:
    """See coding_numpy."""
    y: Size
    units = np.empty((pixels.shape[0], pixels.shape[1]), np.uint32)
    out: cython.uint[:, ::1] = units
    with cython.nogil:
        for y in range(pixels.shape[0]):
            _convert_row(
                cython.address(pixels[y, 0]),
                pixels.shape[1],
                cython.address(tables[0, 0]),
                cython.address(out[y, 0]),
            )
    return units


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _end_run(tile: cython.pointer[Tile], colour: Colour, length: Size) -> cython.void:
    """Note a run, and what it takes as `colour, length` and as `place, length` (RFC 6143 section 7.7.6)."""
    extra: Size = 1 + (length - 1) // 255
    tile.colour[tile.runs] = colour
    tile.length[tile.runs] = length
    if tile.palette.count <= 127:
        place: cython.int = _place(cython.address(tile.palette), colour, 128)
        tile.index[tile.runs] = place
    tile.runs += 1
    tile.plain_bytes += tile.size + extra
    tile.palette_bytes += 1 if length == 1 else 1 + extra


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _changes(pixel: Colours, count: Size) -> Size:
    """Return how many pixels differ from the one before. A loop of its own, so that it is vectorised."""
    i: Size
    changes: cython.uint = 0
    for i in range(1, count):
        changes += pixel[i] != pixel[i - 1]
    return changes


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _find_runs(tile: cython.pointer[Tile]) -> cython.bint:
    """Cut a tile into runs; False as soon as neither palette nor runs can beat its raw form."""
    i: Size
    start: Size = 0
    hopeful: cython.bint = False
    count: Size = tile.width * tile.height
    pixel: Colours = tile.pixel
    tile.runs = tile.plain_bytes = tile.palette_bytes = 0
    _clear(cython.address(tile.palette))
    for i in range(1, count):
        if pixel[i] != pixel[i - 1]:
            _end_run(tile, pixel[i - 1], i - start)
            start = i
            if tile.palette.count > 127 and not hopeful:
                if (1 + _changes(pixel, count)) * (tile.size + 1) >= count * tile.size:
                    return False
                hopeful = True
    _end_run(tile, pixel[count - 1], count - start)
    return True


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put_length(out: Bytes, at: Size, length: Size) -> Size:
    length -= 1
    while length >= 255:
        out[at] = 255
        at += 1
        length -= 255
    out[at] = length
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_palette(tile: cython.pointer[Tile], out: Bytes, at: Size) -> Size:
    i: cython.int
    for i in range(tile.palette.count):
        at = _put(out, at, tile.palette.colour[i], tile.size)
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_packed(tile: cython.pointer[Tile], out: Bytes, at: Size, bits: cython.int) -> Size:
    """Write the places of all pixels, `bits` each, rows padded to bytes."""
    run: Size
    _i: Size
    x: Size = 0
    packed: cython.int = 0
    used: cython.int = 0
    for run in range(tile.runs):
        for _i in range(tile.length[run]):
            packed = (packed << bits) | tile.index[run]
            used += bits
            x += 1
            if x == tile.width:
                packed <<= 8 - used
                used = 8
                x = 0
            if used == 8:
                out[at] = packed
                at += 1
                packed = used = 0
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_palette_runs(tile: cython.pointer[Tile], out: Bytes, at: Size) -> Size:
    run: Size
    for run in range(tile.runs):
        if tile.length[run] == 1:
            out[at] = tile.index[run]
            at += 1
        else:
            out[at] = tile.index[run] | 128
            at = _put_length(out, at + 1, tile.length[run])
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_runs(tile: cython.pointer[Tile], out: Bytes, at: Size) -> Size:
    run: Size
    for run in range(tile.runs):
        at = _put(out, at, tile.colour[run], tile.size)
        at = _put_length(out, at, tile.length[run])
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_raw(pixel: Colours, count: Size, size: cython.int, out: Bytes, at: Size) -> Size:
    _pack_row(cython.cast(Source, pixel), count, size, False, out + at)
    return at + count * size


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _bits(count: cython.int) -> cython.int:
    return 1 if count == 2 else 2 if count <= 4 else 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _zrle_form(tile: cython.pointer[Tile]) -> cython.int:
    """Return the smallest subencoding; of equal ones the first of raw, packed, plain runs, palette runs."""
    count: cython.int = tile.palette.count
    listed: Size = count * tile.size
    packed: Size = listed + tile.height * ((tile.width * _bits(count) + 7) // 8)
    best: Size = tile.width * tile.height * tile.size
    form: cython.int = 0
    if count == 1:
        return 1
    if count <= 16 and packed < best:
        form = count
        best = packed
    if tile.plain_bytes < best:
        form = 128
        best = tile.plain_bytes
    if count <= 127 and listed + tile.palette_bytes < best:
        form = 128 + count
    return form


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_zrle_tile(tile: cython.pointer[Tile], out: Bytes, at: Size) -> Size:
    form: cython.int = _zrle_form(tile) if _find_runs(tile) else 0
    out[at] = form
    at += 1
    if form == 0:
        return _put_raw(tile.pixel, tile.width * tile.height, tile.size, out, at)
    if form == 128:
        return _put_runs(tile, out, at)
    at = _put_palette(tile, out, at)
    if form == 1:
        return at
    if form < 128:
        return _put_packed(tile, out, at, _bits(form))
    return _put_palette_runs(tile, out, at)


def zrle(units: cython.const[cython.uint][:, :], size: cython.int, reverse: cython.bint) -> bytearray:
    """See coding_numpy."""
    tile = cython.declare(Tile)
    x: Size
    y: Size
    row: Size
    at: Size = 0
    tiles: Size = ((units.shape[0] + 63) // 64) * ((units.shape[1] + 63) // 64)
    result = bytearray(tiles + units.shape[0] * units.shape[1] * size)
    out: cython.uchar[::1] = result
    with cython.nogil:
        tile.size = size
        for y in range(0, units.shape[0], 64):
            tile.height = min(units.shape[0] - y, 64)
            for x in range(0, units.shape[1], 64):
                tile.width = min(units.shape[1] - x, 64)
                for row in range(tile.height):
                    to: Colours = cython.address(tile.pixel[row * tile.width])
                    _load(cython.address(units[y + row, x]), to, tile.width, size, reverse)
                at = _put_zrle_tile(cython.address(tile), cython.address(out[0]), at)
    del out
    del result[at:]
    return result


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _most_frequent(table: cython.pointer[Table], pixel: Colours, count: Size) -> Colour:
    """Return the most frequent of the first 256 colours, of equal ones the earliest; fills `table`."""
    i: Size
    best: cython.int = 0
    place: cython.int
    counts = cython.declare(cython.Py_ssize_t[257])
    _clear(table)
    for place in range(257):
        counts[place] = 0
    place = _place(table, pixel[0], 256)
    for i in range(count):
        if i and pixel[i] != pixel[i - 1]:
            place = _place(table, pixel[i], 256)
        counts[place] += 1
    for place in range(table.count):
        if counts[place] > counts[best]:
            best = place
    return table.colour[best]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _across(plane: cython.pointer[Plane], x: Size, y: Size, limit: Size) -> Size:
    """Return how many pixels from x, y to the right have the colour of the corner, up to `limit`."""
    row: Colours = plane.pixel + y * plane.width
    count: Size = 0
    while count < limit and row[x + count] == plane.colour:
        count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _grow(plane: cython.pointer[Plane], x: Size, y: Size) -> cython.void:
    """Find the box of one colour at x, y: first right then down, or the other way if larger."""
    wide: Size
    high: Size = 1
    narrow: Size
    tall: Size = 1
    plane.colour = plane.pixel[y * plane.width + x]
    wide = _across(plane, x, y, plane.width - x)
    while y + high < plane.height and _across(plane, x, y + high, wide) == wide:
        high += 1
    narrow = wide
    while y + tall < plane.height and _across(plane, x, y + tall, 1) == 1:
        narrow = _across(plane, x, y + tall, narrow)
        tall += 1
    if narrow * tall > wide * high:
        plane.across = narrow
        plane.down = tall
    else:
        plane.across = wide
        plane.down = high


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _erase(plane: cython.pointer[Plane], x: Size, y: Size, background: Colour) -> cython.void:
    row: Size
    column: Size
    for row in range(y, y + plane.down):
        for column in range(x, x + plane.across):
            plane.pixel[row * plane.width + column] = background


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_rre(
    plane: cython.pointer[Plane], background: Colour, size: cython.int, out: Bytes, end: Size
) -> Size:
    """Write background and subrectangles of 16-bit coordinates; 0 if they do not fit before `end`."""
    x: Size
    y: Size
    at: Size = 4
    count: Size = 0
    if at + size >= end:
        return 0
    at = _put(out, at, background, size)
    for y in range(plane.height):
        for x in range(plane.width):
            if plane.pixel[y * plane.width + x] == background:
                continue
            if at + size + 8 >= end:
                return 0
            _grow(plane, x, y)
            at = _put(out, at, plane.colour, size)
            at = _put_pair(out, at, x, y)
            at = _put_pair(out, at, plane.across, plane.down)
            _erase(plane, x, y, background)
            count += 1
    _put_pair(out, 0, count >> 16, count & 0xFFFF)
    return at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put_pair(out: Bytes, at: Size, one: Size, other: Size) -> Size:
    out[at] = (one >> 8) & 0xFF
    out[at + 1] = one & 0xFF
    out[at + 2] = (other >> 8) & 0xFF
    out[at + 3] = other & 0xFF
    return at + 4


def rre(units: cython.const[cython.uint][:, :], size: cython.int, reverse: cython.bint) -> object:
    """See coding_numpy."""
    table = cython.declare(Table)
    plane = cython.declare(Plane)
    y: Size
    at: Size = 0
    scratch: cython.uint[:, ::1] = np.empty((units.shape[0], units.shape[1]), np.uint32)
    result = bytearray(units.shape[0] * units.shape[1] * size)
    out: cython.uchar[::1] = result
    with cython.nogil:
        plane.pixel = cython.address(scratch[0, 0])
        plane.width = units.shape[1]
        plane.height = units.shape[0]
        for y in range(units.shape[0]):
            _load(cython.address(units[y, 0]), cython.address(scratch[y, 0]), units.shape[1], size, reverse)
        background: Colour = _most_frequent(cython.address(table), plane.pixel, plane.width * plane.height)
        at = _put_rre(cython.address(plane), background, size, cython.address(out[0]), out.shape[0])
    del out
    del result[at:]
    return result if at else None


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_subrects(tile: cython.pointer[Hextile], coloured: cython.bint, out: Bytes, at: Size) -> Size:
    """Write the number and the subrectangles of all that is not background; 0 once Raw would be shorter."""
    x: Size
    y: Size
    count_at: Size = at
    out[at] = 0
    at += 1
    for y in range(tile.plane.height):
        for x in range(tile.plane.width):
            if tile.plane.pixel[y * tile.plane.width + x] == tile.background:
                continue
            if at + 2 + (tile.size if coloured else 0) > tile.end:
                return 0
            _grow(cython.address(tile.plane), x, y)
            if coloured:
                at = _put(out, at, tile.plane.colour, tile.size)
            out[at] = x << 4 | y
            out[at + 1] = (tile.plane.across - 1) << 4 | (tile.plane.down - 1)
            at += 2
            _erase(cython.address(tile.plane), x, y, tile.background)
            out[count_at] += 1
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_hextile_tile(tile: cython.pointer[Hextile], out: Bytes, at: Size) -> Size:
    """Write a tile of subrectangles (RFC 6143 section 7.7.4); 0 if Raw would be shorter."""
    flags_at: Size = at
    colour: Colour
    at += 1
    colour = _most_frequent(
        cython.address(tile.table), tile.plane.pixel, tile.plane.width * tile.plane.height
    )
    out[flags_at] = 0
    if colour != tile.background:
        out[flags_at] = 2
        at = _put(out, at, colour, tile.size)
        tile.background = colour
    if tile.table.count == 1:
        return at
    if tile.table.count > 2:
        if at + 1 + (tile.table.count - 1) * (tile.size + 2) > tile.end:
            return 0
        out[flags_at] |= 8 | 16
        tile.foreground = NOTHING
        return _put_subrects(tile, True, out, at)
    out[flags_at] |= 8
    colour = tile.table.colour[1 if tile.table.colour[0] == colour else 0]
    if colour != tile.foreground:
        out[flags_at] |= 4
        at = _put(out, at, colour, tile.size)
        tile.foreground = colour
    return _put_subrects(tile, False, out, at)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_hextile_or_raw(tile: cython.pointer[Hextile], out: Bytes, at: Size) -> Size:
    """Write a tile in its shorter form. Nothing that a viewer remembers outlives a raw tile."""
    count: Size = tile.plane.width * tile.plane.height
    after: Size
    memcpy(tile.scratch, tile.pixel, 4 * count)
    tile.plane.pixel = tile.scratch
    tile.end = at + 1 + count * tile.size
    after = _put_hextile_tile(tile, out, at)
    if after != 0 and after <= tile.end:
        return after
    tile.background = tile.foreground = NOTHING
    out[at] = 1
    return _put_raw(tile.pixel, count, tile.size, out, at + 1)


def hextile(units: cython.const[cython.uint][:, :], size: cython.int, reverse: cython.bint) -> bytearray:
    """See coding_numpy."""
    tile = cython.declare(Hextile)
    x: Size
    y: Size
    row: Size
    width: Size
    at: Size = 0
    tiles: Size = ((units.shape[0] + 15) // 16) * ((units.shape[1] + 15) // 16)
    overrun: Size = 16
    result = bytearray(tiles + units.shape[0] * units.shape[1] * size + overrun)
    out: cython.uchar[::1] = result
    with cython.nogil:
        tile.size = size
        tile.background = tile.foreground = NOTHING
        for y in range(0, units.shape[0], 16):
            tile.plane.height = min(units.shape[0] - y, 16)
            for x in range(0, units.shape[1], 16):
                tile.plane.width = width = min(units.shape[1] - x, 16)
                for row in range(tile.plane.height):
                    to: Colours = cython.address(tile.pixel[row * width])
                    _load(cython.address(units[y + row, x]), to, width, size, reverse)
                at = _put_hextile_or_raw(cython.address(tile), cython.address(out[0]), at)
    del out
    del result[at:]
    return result
