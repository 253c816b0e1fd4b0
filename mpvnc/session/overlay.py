"""The pointer as part of the picture, for those who do not draw it themselves.

What a client's picture shows of it is an `Overlay`. Moving it costs the old and the new place: the frame's own
pixels, with the pointer blended in where it is now. Both depend on the frame and the pointer alone, so that a
whole audience shares them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mpvnc.damage import Move
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pixels import Pixels
from mpvnc.pointer import Cursor, PointerState

_MERGE_AREA = 128 * 128


class Overlay(NamedTuple):
    """Where the pointer stands in a picture, and which cursor it was drawn with."""

    rect: Rect
    serial: int


def place(pointer: PointerState, bounds: Rect) -> Overlay | None:
    """Return the overlay of `pointer` inside `bounds`; None where nothing of it can be seen."""
    cursor = pointer.cursor
    if cursor is None or not pointer.visible or pointer.is_own:
        return None
    rect = bounds.intersect(_extent(cursor, pointer))
    return None if rect.is_empty else Overlay(rect, pointer.serial)


def changes(old: Overlay | None, new: Overlay | None, damage: list[Rect]) -> list[Rect]:
    """Return what must be drawn again after an update that brought `damage` without any pointer."""
    if old != new:
        before, after = old.rect if old else EMPTY, new.rect if new else EMPTY
        both = before.bounding(after)
        if not before.intersect(after).is_empty and both.area <= _MERGE_AREA:
            return [both]
        return [rect for rect in (before, after) if not rect.is_empty]
    if new is not None and any(not new.rect.intersect(rect).is_empty for rect in damage):
        return [new.rect]
    return []


def copied(shown: Overlay | None, move: Move) -> Rect:
    """Return where a move of the picture takes the drawn pointer; empty if it leaves it."""
    if shown is None:
        return EMPTY
    part = move.source.intersect(shown.rect)
    return EMPTY if part.is_empty else Move(part, move.dx, move.dy).target


def compose(pixels: Pixels, rect: Rect, pointer: PointerState | None) -> Pixels:
    """Return a copy of the frame under `rect` with the pointer blended in where it stands."""
    patch = pixels[rect.y : rect.bottom, rect.x : rect.right].copy()
    if pointer is None or pointer.cursor is None:
        return patch
    extent = _extent(pointer.cursor, pointer)
    common = rect.intersect(extent)
    if not common.is_empty:
        target = _window(patch, common, rect)
        target[...] = _blend(target, _window(_image(pointer.cursor), common, extent))
    return patch


def _extent(cursor: Cursor, pointer: PointerState) -> Rect:
    return Rect(pointer.x - cursor.hot_x, pointer.y - cursor.hot_y, cursor.width, cursor.height)


def _image(cursor: Cursor) -> Pixels:
    return np.frombuffer(cursor.pixels, "<u4").reshape(cursor.height, cursor.width)


def _window(pixels: Pixels, rect: Rect, origin: Rect) -> Pixels:
    x, y = rect.x - origin.x, rect.y - origin.y
    return pixels[y : y + rect.height, x : x + rect.width]


def _blend(below: Pixels, above: Pixels) -> Pixels:
    low, high = _channels(below), _channels(above)
    alpha = high[..., 3:]
    blended = (high * alpha + low * (255 - alpha) + 127) // 255
    blended[..., 3] = 0
    return blended.astype(np.uint8).view(np.uint32)[..., 0]


def _channels(pixels: Pixels) -> npt.NDArray[np.uint16]:
    """Return blue, green, red and alpha of each pixel, in words that hold the product of two of them."""
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4).astype(np.uint16)
