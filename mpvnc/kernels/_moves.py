"""The search for moved pixels, compiled by Cython from plain Python syntax.

Owns the loops over pixels; knows nothing of segments or of which move is worth while. Never run uncompiled:
`mpvnc.kernels.moves` falls back to `moves_numpy`, whose functions do the same and have the docstrings.
"""

# mypy: disable-error-code="untyped-decorator, valid-type, no-any-return"

from collections.abc import Sequence

import cython
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcmp

COMPILED: bool = cython.compiled

_TILE = cython.declare(cython.Py_ssize_t, 64)

Row = cython.struct(
    key=cython.ulonglong, old=cython.int, new=cython.int, old_count=cython.int, new_count=cython.int
)
"""An entry of the hash table: the hash of a row, odd if used; where it was last seen in each strip, how often."""


def vote(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    votes: cython.int[::1],
) -> None:
    """See `moves_numpy.vote`."""
    rows: cython.Py_ssize_t = new.shape[0]
    if old.shape[0] != rows or old.shape[1] != new.shape[1] or votes.shape[0] != 2 * rows - 1:
        raise ValueError("the strips differ in shape, or the votes do not fit them")
    if new.strides[1] != 4 or old.strides[1] != 4:
        raise ValueError("the pixels of a row are not contiguous")
    slots: cython.Py_ssize_t = 4
    while slots < 3 * rows:
        slots *= 2
    table: cython.pointer[Row] = cython.cast(cython.pointer[Row], calloc(slots, cython.sizeof(Row)))
    if table == cython.NULL:
        raise MemoryError
    with cython.nogil:
        _vote(new, old, votes, table, slots)
        free(table)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _vote(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    votes: cython.int[::1],
    table: cython.pointer[Row],
    slots: cython.Py_ssize_t,
) -> cython.void:
    rows: cython.Py_ssize_t = new.shape[0]
    width: cython.Py_ssize_t = new.shape[1]
    y: cython.Py_ssize_t
    index: cython.Py_ssize_t
    for y in range(rows):
        index = _find(table, slots, _hash(cython.address(old[y, 0]), width))
        table[index].old = y
        table[index].old_count += 1
    for y in range(rows):
        index = _find(table, slots, _hash(cython.address(new[y, 0]), width))
        table[index].new = y
        table[index].new_count += 1
    for index in range(slots):
        if table[index].old_count == 1 and table[index].new_count == 1:
            y = table[index].new - table[index].old
            if y != 0:
                votes[y + rows - 1] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _find(table: cython.pointer[Row], slots: cython.Py_ssize_t, key: cython.ulonglong) -> cython.Py_ssize_t:
    """Return the index of the entry with this key, which is made if need be; `slots` is a power of two."""
    index: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, (key >> 20) & (slots - 1))
    while table[index].key != key:
        if table[index].key == 0:
            table[index].key = key
            break
        index = (index + 1) & (slots - 1)
    return index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _hash(pixels: cython.pointer[cython.const[cython.uint]], width: cython.Py_ssize_t) -> cython.ulonglong:
    """Return an odd hash of a row; four sums side by side, since one would wait for each multiplication."""
    factor: cython.ulonglong = 0x9E3779B97F4A7C15
    a: cython.ulonglong = 1
    b: cython.ulonglong = 2
    c: cython.ulonglong = 3
    d: cython.ulonglong = 4
    x: cython.Py_ssize_t = 0
    while x + 4 <= width:
        a = (a ^ pixels[x]) * factor
        b = (b ^ pixels[x + 1]) * factor
        c = (c ^ pixels[x + 2]) * factor
        d = (d ^ pixels[x + 3]) * factor
        a ^= a >> 32
        b ^= b >> 32
        c ^= c >> 32
        d ^= d >> 32
        x += 4
    while x < width:
        a = (a ^ pixels[x]) * factor
        a ^= a >> 32
        x += 1
    a = (a ^ (b * 3)) * factor
    a = (a ^ (a >> 29) ^ c) * factor
    a = (a ^ (a >> 29) ^ d) * factor
    return a | 1


@cython.boundscheck(False)
@cython.wraparound(False)
def weigh(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    top: cython.Py_ssize_t,
    dy: cython.Py_ssize_t,
    spans: cython.const[cython.int][:, ::1],
    gains: cython.schar[:, ::1],
) -> None:
    """See `moves_numpy.weigh`."""
    rows: cython.Py_ssize_t = gains.shape[0]
    columns: cython.Py_ssize_t = gains.shape[1]
    _check_frames(new, old)
    if not (0 <= top <= top + rows <= new.shape[0] and 0 <= top - dy <= top - dy + rows <= new.shape[0]):
        raise ValueError("the rows are not inside the frame")
    _check_spans(spans, columns, new.shape[1])
    y: cython.Py_ssize_t
    column: cython.Py_ssize_t
    left: cython.Py_ssize_t
    size: cython.Py_ssize_t
    changed: cython.bint
    moved: cython.bint
    with cython.nogil:
        for y in range(rows):
            for column in range(columns):
                left = spans[column, 0]
                size = (spans[column, 1] - left) * 4
                if size <= 0:
                    gains[y, column] = 0
                    continue
                changed = _differs(new, old, left, top + y, top + y, size)
                moved = not _differs(new, old, left, top + y, top + y - dy, size)
                gains[y, column] = (changed and moved) - (not changed and not moved)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _differs(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    x: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    old_y: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
) -> cython.bint:
    return memcmp(cython.address(new[y, x]), cython.address(old[old_y, x]), size) != 0


@cython.boundscheck(False)
@cython.wraparound(False)
def residual(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    target: Sequence[int],
    dx: cython.Py_ssize_t,
    dy: cython.Py_ssize_t,
    candidates: cython.const[cython.uchar][:, :],
    boxes: cython.ushort[:, :, ::1],
) -> int:
    """See `moves_numpy.residual`."""
    x: cython.Py_ssize_t = target[0]
    y: cython.Py_ssize_t = target[1]
    right: cython.Py_ssize_t = x + target[2]
    bottom: cython.Py_ssize_t = y + target[3]
    _check_frames(new, old)
    _check_tiles(new.shape, candidates.shape, boxes.shape)
    if not (0 <= x <= right <= new.shape[1] and 0 <= y <= bottom <= new.shape[0]):
        raise ValueError("the move is not inside the frame")
    if not (x - dx >= 0 and right - dx <= new.shape[1] and y - dy >= 0 and bottom - dy <= new.shape[0]):
        raise ValueError("the move is not inside the frame")
    area: cython.Py_ssize_t = 0
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    with cython.nogil:
        for row in range(candidates.shape[0]):
            for column in range(candidates.shape[1]):
                _begin(cython.address(boxes[row, column, 0]), candidates[row, column])
            _compare_row(new, old, row, x, y, right, bottom, dx, dy, candidates, boxes)
            for column in range(candidates.shape[1]):
                area += _end(cython.address(boxes[row, column, 0]))
    return area


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _begin(box: cython.pointer[cython.ushort], is_candidate: cython.bint) -> cython.void:
    box[0] = box[1] = _TILE if is_candidate else 0
    box[2] = box[3] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _end(box: cython.pointer[cython.ushort]) -> cython.Py_ssize_t:
    """Return the area of a finished box; one that nothing has widened becomes empty."""
    if box[2] == 0:
        box[0] = box[1] = 0
    width: cython.Py_ssize_t = box[2] - box[0]
    height: cython.Py_ssize_t = box[3] - box[1]
    return width * height


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _compare_row(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    row: cython.Py_ssize_t,
    left: cython.Py_ssize_t,
    top: cython.Py_ssize_t,
    right: cython.Py_ssize_t,
    bottom: cython.Py_ssize_t,
    dx: cython.Py_ssize_t,
    dy: cython.Py_ssize_t,
    candidates: cython.const[cython.uchar][:, :],
    boxes: cython.ushort[:, :, ::1],
) -> cython.void:
    """Widen the boxes of a row of tiles, line by line; of each tile, what lies in the target has moved."""
    first: cython.Py_ssize_t = row * _TILE
    column: cython.Py_ssize_t
    y: cython.Py_ssize_t
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    box: cython.pointer[cython.ushort]
    for y in range(first, min(first + _TILE, new.shape[0])):
        for column in range(candidates.shape[1]):
            if not candidates[row, column]:
                continue
            start = column * _TILE
            end = min(start + _TILE, new.shape[1])
            a = b = end
            if top <= y < bottom:
                a = min(max(left, start), end)
                b = min(max(right, a), end)
            box = cython.address(boxes[row, column, 0])
            if a > start:
                _widen(new, old, start, a, y, start, y, box)
            if b > a:
                _widen(new, old, a, b, y, a - dx, y - dy, box)
            if end > b:
                _widen(new, old, b, end, y, b, y, box)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _widen(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    start: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    old_start: cython.Py_ssize_t,
    old_y: cython.Py_ssize_t,
    box: cython.pointer[cython.ushort],
) -> cython.void:
    """Widen the box of the tile around line y, so that it holds all pixels from start to end that differ."""
    after: cython.pointer[cython.const[cython.uint]] = cython.address(new[y, start])
    before: cython.pointer[cython.const[cython.uint]] = cython.address(old[old_y, old_start])
    count: cython.Py_ssize_t = end - start
    offset: cython.Py_ssize_t = start % _TILE
    line: cython.Py_ssize_t = y % _TILE
    x: cython.Py_ssize_t = 0
    if memcmp(after, before, count * 4) == 0:
        return
    while after[x] == before[x]:
        x += 1
    box[0] = min(cython.cast(cython.Py_ssize_t, box[0]), offset + x)
    x = count
    while after[x - 1] == before[x - 1]:
        x -= 1
    box[2] = max(cython.cast(cython.Py_ssize_t, box[2]), offset + x)
    box[1] = min(cython.cast(cython.Py_ssize_t, box[1]), line)
    box[3] = line + 1


@cython.cfunc
@cython.boundscheck(False)
@cython.wraparound(False)
def _check_spans(
    spans: cython.const[cython.int][:, ::1], columns: cython.Py_ssize_t, width: cython.Py_ssize_t
) -> None:
    column: cython.Py_ssize_t
    if spans.shape[0] != columns or spans.shape[1] != 2:
        raise ValueError("the spans do not fit")
    for column in range(columns):
        if not (0 <= spans[column, 0] <= width and 0 <= spans[column, 1] <= width):
            raise ValueError("the spans do not fit")


@cython.cfunc
def _check_frames(new: cython.const[cython.uint][:, :], old: cython.const[cython.uint][:, :]) -> None:
    if new.shape[0] != old.shape[0] or new.shape[1] != old.shape[1]:
        raise ValueError("the frames differ in shape")
    if new.strides[1] != 4 or old.strides[1] != 4:
        raise ValueError("the pixels of a row are not contiguous")


@cython.cfunc
def _check_tiles(
    frame: cython.pointer[cython.Py_ssize_t],
    tiles: cython.pointer[cython.Py_ssize_t],
    boxes: cython.pointer[cython.Py_ssize_t],
) -> None:
    if tiles[0] != (frame[0] + _TILE - 1) // _TILE or tiles[1] != (frame[1] + _TILE - 1) // _TILE:
        raise ValueError("the tiles do not fit the frame")
    if boxes[0] != tiles[0] or boxes[1] != tiles[1] or boxes[2] != 4:
        raise ValueError("boxes are not shaped like the candidates")
