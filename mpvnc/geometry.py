"""Rectangles and regions of pixels. Integers only; the empty rectangle has no area, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Rect(NamedTuple):
    """A rectangle of pixels: x, y of its top left corner, then width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Its number of pixels; 0 if a side is not positive."""
        return self.width * self.height if self.width > 0 and self.height > 0 else 0

    @property
    def is_empty(self) -> bool:
        """Whether it has no pixel."""
        return self.width <= 0 or self.height <= 0

    def intersect(self, other: Rect) -> Rect:
        """Return what both cover; `EMPTY` if nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width, height = min(self.right, other.right) - x, min(self.bottom, other.bottom) - y
        return Rect(x, y, width, height) if width > 0 and height > 0 else EMPTY

    def contains(self, other: Rect) -> bool:
        """Whether every pixel of `other` is in this one; true of an empty `other`."""
        return other.is_empty or (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def bounding(self, other: Rect) -> Rect:
        """Return the smallest rectangle that covers both; an empty one counts for nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Rect(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def subtract(self, other: Rect) -> list[Rect]:
        """Return this rectangle without `other`, as at most four disjoint rectangles."""
        hole = self.intersect(other)
        if hole.is_empty:
            return [] if self.is_empty else [self]
        pieces = (
            Rect(self.x, self.y, self.width, hole.y - self.y),
            Rect(self.x, hole.y, hole.x - self.x, hole.height),
            Rect(hole.right, hole.y, self.right - hole.right, hole.height),
            Rect(self.x, hole.bottom, self.width, self.bottom - hole.bottom),
        )
        return [piece for piece in pieces if not piece.is_empty]


EMPTY = Rect(0, 0, 0, 0)


class Region:
    """A set of pixels, held as disjoint rectangles. Immutable; operations return new regions."""

    __slots__ = ("rects",)

    def __init__(self, rects: Iterable[Rect] = ()) -> None:
        disjoint: list[Rect] = []
        for rect in rects:
            disjoint.extend(_without(rect, disjoint))
        self.rects: tuple[Rect, ...] = tuple(disjoint)

    @classmethod
    def of_disjoint(cls, rects: Iterable[Rect]) -> Region:
        """Return the region of rectangles that are known to be disjoint and not empty: that is not checked."""
        region = cls()
        region.rects = tuple(rects)
        return region

    def __iter__(self) -> Iterator[Rect]:
        return iter(self.rects)

    def __bool__(self) -> bool:
        return bool(self.rects)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return not (self.subtract(other) or other.subtract(self))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Region({list(self.rects)})"

    @property
    def area(self) -> int:
        """Its number of pixels."""
        return sum(rect.area for rect in self.rects)

    @property
    def bounds(self) -> Rect:
        """The smallest rectangle that covers it; `EMPTY` if it has no pixel."""
        bounds = EMPTY
        for rect in self.rects:
            bounds = bounds.bounding(rect)
        return bounds

    def union(self, other: Iterable[Rect]) -> Region:
        """Return what is in either."""
        disjoint = list(self.rects)
        for rect in other:
            disjoint.extend(_without(rect, disjoint))
        return Region.of_disjoint(disjoint)

    def subtract(self, other: Iterable[Rect]) -> Region:
        """Return what is in this one only."""
        others = list(other)
        return Region.of_disjoint(piece for rect in self.rects for piece in _without(rect, others))

    def intersect(self, other: Iterable[Rect]) -> Region:
        """Return what is in both."""
        others = Region(other).rects
        return Region.of_disjoint(
            common for rect in self.rects for one in others if not (common := rect.intersect(one)).is_empty
        )

    def contains(self, rect: Rect) -> bool:
        """Whether every pixel of `rect` is in it."""
        return not _without(rect, self.rects)


def _without(rect: Rect, holes: Iterable[Rect]) -> list[Rect]:
    pieces = [] if rect.is_empty else [rect]
    for hole in holes:
        pieces = [rest for piece in pieces for rest in piece.subtract(hole)]
    return pieces
