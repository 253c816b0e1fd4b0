"""Tile comparison, tile copies and the memory fence, compiled by Cython from plain Python syntax.

Owns the loops over pixels; knows nothing of segments, slots or frame numbers. Never run uncompiled:
`mpvnc.kernels.tiles` falls back to `tiles_numpy`, whose functions do the same and have the docstrings.
A row of adjacent tiles is read line by line, so that memory is walked in its own order.
"""

# mypy: disable-error-code="untyped-decorator, valid-type, no-any-return"

import cython
from cython.cimports.libc.string import memcmp, memcpy
from cython.cimports.mpvnc.kernels.memory import full_fence

COMPILED: bool = cython.compiled

_TILE = cython.declare(cython.Py_ssize_t, 64)


def fence() -> None:
    """Order all reads and writes before it against all after it."""
    full_fence()


@cython.boundscheck(False)
@cython.wraparound(False)
def compare(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    candidates: cython.const[cython.uchar][:, :],
    changed: cython.uchar[:, :],
    boxes: cython.ushort[:, :, ::1],
) -> int:
    """See `tiles_numpy.compare`."""
    _check(new.shape, new.strides, old.shape, old.strides, candidates.shape)
    _check_results(candidates.shape, changed.shape, boxes.shape)
    count: cython.Py_ssize_t = 0
    row: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    columns: cython.Py_ssize_t = candidates.shape[1]
    with cython.nogil:
        for row in range(candidates.shape[0]):
            for first in range(columns):
                changed[row, first] = 0
            last = 0
            while True:
                first = last
                while first < columns and not candidates[row, first]:
                    first += 1
                if first == columns:
                    break
                last = first
                while last < columns and candidates[row, last]:
                    last += 1
                count += _compare_run(new, old, changed, boxes, row, first, last)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _compare_run(
    new: cython.const[cython.uint][:, :],
    old: cython.const[cython.uint][:, :],
    changed: cython.uchar[:, :],
    boxes: cython.ushort[:, :, ::1],
    row: cython.Py_ssize_t,
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Compare the tiles first <= column < last of a tile row; return how many differ."""
    top: cython.Py_ssize_t = row * _TILE
    left: cython.Py_ssize_t = first * _TILE
    right: cython.Py_ssize_t = min(last * _TILE, new.shape[1])
    bottom: cython.Py_ssize_t = min(top + _TILE, new.shape[0])
    count: cython.Py_ssize_t = 0
    narrow: cython.Py_ssize_t = last - first
    column: cython.Py_ssize_t
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    width: cython.Py_ssize_t
    for y in range(top, bottom):
        if narrow == 0:
            break
        if memcmp(cython.address(new[y, left]), cython.address(old[y, left]), (right - left) * 4) == 0:
            continue
        for column in range(first, last):
            x = column * _TILE
            width = min(_TILE, right - x)
            if changed[row, column] and _is_wide(cython.address(boxes[row, column, 0]), width):
                continue
            if memcmp(cython.address(new[y, x]), cython.address(old[y, x]), width * 4) == 0:
                continue
            if not changed[row, column]:
                changed[row, column] = 1
                count += 1
                boxes[row, column, 0] = width
                boxes[row, column, 1] = y - top
                boxes[row, column, 2] = 0
            boxes[row, column, 3] = y - top + 1
            _widen(
                cython.address(new[y, x]),
                cython.address(old[y, x]),
                width,
                cython.address(boxes[row, column, 0]),
            )
            narrow -= _is_wide(cython.address(boxes[row, column, 0]), width)
    for column in range(first, last):
        x = column * _TILE
        width = min(_TILE, right - x)
        if changed[row, column] and _is_wide(cython.address(boxes[row, column, 0]), width):
            # As wide as it can be: only its last line is not known, and is found soonest from below.
            y = bottom - 1
            while memcmp(cython.address(new[y, x]), cython.address(old[y, x]), width * 4) == 0:
                y -= 1
            boxes[row, column, 3] = y - top + 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_wide(box: cython.pointer[cython.ushort], width: cython.Py_ssize_t) -> cython.bint:
    """Whether a box has all columns of its tile."""
    return box[0] == 0 and box[2] == width


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _widen(
    new: cython.pointer[cython.const[cython.uint]],
    old: cython.pointer[cython.const[cython.uint]],
    width: cython.Py_ssize_t,
    box: cython.pointer[cython.ushort],
) -> cython.void:
    """Widen box[0] and box[2] so that they hold every differing pixel of one line of a tile."""
    x: cython.Py_ssize_t = 0
    while x < box[0] and new[x] == old[x]:
        x += 1
    box[0] = x
    x = width
    while x > box[2] and new[x - 1] == old[x - 1]:
        x -= 1
    box[2] = x


def copy(
    target: cython.uint[:, :],
    source: cython.const[cython.uint][:, :],
    tiles: cython.const[cython.uchar][:, :],
) -> None:
    """See `tiles_numpy.copy`."""
    _check(target.shape, target.strides, source.shape, source.strides, tiles.shape)
    with cython.nogil:
        _copy_tiles(target, source, tiles, False)


def copy_masked(
    target: cython.uint[:, :],
    source: cython.const[cython.uint][:, :],
    tiles: cython.const[cython.uchar][:, :],
) -> None:
    """See `tiles_numpy.copy_masked`."""
    _check(target.shape, target.strides, source.shape, source.strides, tiles.shape)
    with cython.nogil:
        _copy_tiles(target, source, tiles, True)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.boundscheck(False)
@cython.wraparound(False)
def _copy_tiles(
    target: cython.uint[:, :],
    source: cython.const[cython.uint][:, :],
    tiles: cython.const[cython.uchar][:, :],
    masked: cython.bint,
) -> cython.void:
    columns: cython.Py_ssize_t = tiles.shape[1]
    row: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    y: cython.Py_ssize_t
    left: cython.Py_ssize_t
    width: cython.Py_ssize_t
    bottom: cython.Py_ssize_t
    for row in range(tiles.shape[0]):
        last = 0
        while True:
            first = last
            while first < columns and not tiles[row, first]:
                first += 1
            if first == columns:
                break
            last = first
            while last < columns and tiles[row, last]:
                last += 1
            left = first * _TILE
            width = min(last * _TILE, source.shape[1]) - left
            bottom = min((row + 1) * _TILE, source.shape[0])
            for y in range(row * _TILE, bottom):
                if masked:
                    _copy_line(cython.address(target[y, left]), cython.address(source[y, left]), width)
                else:
                    memcpy(cython.address(target[y, left]), cython.address(source[y, left]), width * 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _copy_line(
    target: cython.pointer[cython.uint],
    source: cython.pointer[cython.const[cython.uint]],
    width: cython.Py_ssize_t,
) -> cython.void:
    x: cython.Py_ssize_t
    for x in range(width):
        target[x] = source[x] & 0x00FFFFFF


@cython.cfunc
def _check(
    shape: cython.pointer[cython.Py_ssize_t],
    strides: cython.pointer[cython.Py_ssize_t],
    other_shape: cython.pointer[cython.Py_ssize_t],
    other_strides: cython.pointer[cython.Py_ssize_t],
    tiles: cython.pointer[cython.Py_ssize_t],
) -> None:
    if shape[0] != other_shape[0] or shape[1] != other_shape[1]:
        raise ValueError("the frames differ in shape")
    if strides[1] != 4 or other_strides[1] != 4:
        raise ValueError("the pixels of a row are not contiguous")
    if tiles[0] * _TILE < shape[0] or (tiles[0] - 1) * _TILE >= shape[0]:
        raise ValueError("the tiles do not fit the frame's height")
    if tiles[1] * _TILE < shape[1] or (tiles[1] - 1) * _TILE >= shape[1]:
        raise ValueError("the tiles do not fit the frame's width")


@cython.cfunc
def _check_results(
    tiles: cython.pointer[cython.Py_ssize_t],
    changed: cython.pointer[cython.Py_ssize_t],
    boxes: cython.pointer[cython.Py_ssize_t],
) -> None:
    if changed[0] != tiles[0] or changed[1] != tiles[1]:
        raise ValueError("changed is not shaped like the candidates")
    if boxes[0] != tiles[0] or boxes[1] != tiles[1] or boxes[2] != 4:
        raise ValueError("boxes are not shaped like the candidates")


@cython.boundscheck(False)
@cython.wraparound(False)
def missing(
    epoch: cython.const[cython.ulong][:, ::1],
    previous: cython.const[cython.ulong][:, ::1],
    box: cython.const[cython.ushort][:, :, ::1],
    whole: cython.const[cython.ushort][:, :, ::1],
    base: cython.ulong,
    span: cython.Py_ssize_t,
) -> list[tuple[int, int, int, int, int, int, int]]:
    """See `tiles_numpy.missing`."""
    found: list[tuple[int, int, int, int, int, int, int]] = []
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    first: cython.Py_ssize_t
    x0: cython.Py_ssize_t
    y0: cython.Py_ssize_t
    x1: cython.Py_ssize_t
    y1: cython.Py_ssize_t
    one: cython.pointer(cython.const[cython.ushort])
    columns: cython.Py_ssize_t = epoch.shape[1]
    for row in range(epoch.shape[0]):
        column = 0
        while column < columns:
            if epoch[row, column] <= base:
                column += 1
                continue
            first = column
            x0 = y0 = 1 << 40
            x1 = y1 = 0
            while column < columns and epoch[row, column] > base and (column == first or column % span != 0):
                if previous[row, column] > base:
                    one = cython.address(whole[row, column, 0])
                else:
                    one = cython.address(box[row, column, 0])
                x0 = min(x0, column * _TILE + one[0])
                y0 = min(y0, one[1])
                x1 = max(x1, column * _TILE + one[2])
                y1 = max(y1, one[3])
                column += 1
            found.append((row, first, column, x0, row * _TILE + y0, x1, row * _TILE + y1))
    return found


@cython.boundscheck(False)
@cython.wraparound(False)
def mark(
    epoch: cython.ulong[:, ::1],
    previous: cython.ulong[:, ::1],
    box: cython.ushort[:, :, ::1],
    changed: cython.const[cython.uchar][:, :],
    boxes: cython.const[cython.ushort][:, :, ::1],
    frame: cython.ulong,
) -> None:
    """See `tiles_numpy.mark`."""
    _check_results(epoch.shape, previous.shape, box.shape)
    _check_results(epoch.shape, changed.shape, boxes.shape)
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    side: cython.Py_ssize_t
    for row in range(epoch.shape[0]):
        for column in range(epoch.shape[1]):
            if changed[row, column]:
                previous[row, column] = epoch[row, column]
                epoch[row, column] = frame
                for side in range(4):
                    box[row, column, side] = boxes[row, column, side]


@cython.boundscheck(False)
@cython.wraparound(False)
def follow(
    target: cython.uint[:, :],
    newest: cython.const[cython.uint][:, :],
    pixels: cython.const[cython.uint][:, :],
    changed: cython.const[cython.uchar][:, :],
    stale: cython.uchar[:, :],
    epoch: cython.const[cython.ulong][:, ::1],
    held: cython.ulong,
) -> None:
    """See `tiles_numpy.follow`."""
    _check(target.shape, target.strides, newest.shape, newest.strides, changed.shape)
    _check(target.shape, target.strides, pixels.shape, pixels.strides, stale.shape)
    if epoch.shape[0] != changed.shape[0] or epoch.shape[1] != changed.shape[1]:
        raise ValueError("the epochs are not shaped like the tiles")
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    with cython.nogil:
        for row in range(changed.shape[0]):
            for column in range(changed.shape[1]):
                stale[row, column] = epoch[row, column] > held and not changed[row, column]
        _copy_tiles(target, newest, stale, False)
        _copy_tiles(target, pixels, changed, False)
