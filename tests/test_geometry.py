"""Rectangles and regions against a plain array of booleans."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.geometry import EMPTY, Rect, Region

SIDE = 24
rects = st.builds(
    Rect, st.integers(0, SIDE), st.integers(0, SIDE), st.integers(-2, SIDE), st.integers(-2, SIDE)
)
lists = st.lists(rects, max_size=6)


def mask(pieces) -> np.ndarray:
    """Count how often each pixel is covered."""
    covered = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    for x, y, width, height in pieces:
        covered[y : y + max(height, 0), x : x + max(width, 0)] += 1
    return covered


def is_canonical(region: Region) -> bool:
    return mask(region).max(initial=0) <= 1 and not any(rect.is_empty for rect in region)


@given(rects, rects)
def test_rectangles(one, other):
    a, b = mask([one]), mask([other])
    assert np.array_equal(mask([one.intersect(other)]), a & b)
    assert np.array_equal(mask(one.subtract(other)), a & ~b & 1)
    assert len(one.subtract(other)) <= 4
    assert one.contains(other) == (not (b & ~a & 1).any())
    assert one.area == a.sum() and one.is_empty == (one.area == 0)
    both = one.bounding(other)
    assert not ((a | b) & ~mask([both]) & 1).any()
    rows, columns = np.nonzero(a | b)
    if len(rows):
        x, y = int(columns.min()), int(rows.min())
        assert both == Rect(x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y)


@settings(max_examples=80)
@given(lists, lists)
def test_region_algebra(first, second):
    one, other = Region(first), Region(second)
    a, b = mask(first) > 0, mask(second) > 0
    for result, expected in (
        (one, a),
        (one.union(other), a | b),
        (one.union(second), a | b),
        (one.subtract(other), a & ~b),
        (one.subtract(second), a & ~b),
        (one.intersect(other), a & b),
        (one.intersect(second), a & b),
    ):
        assert is_canonical(result)
        assert np.array_equal(mask(result) > 0, expected)
        assert bool(result) == bool(expected.any()) and result.area == expected.sum()
    assert (one == other) == np.array_equal(a, b)


@settings(max_examples=60)
@given(lists, rects)
def test_region_bounds_and_containment(pieces, probe):
    region = Region(pieces)
    covered = mask(pieces) > 0
    assert region.contains(probe) == (not ((mask([probe]) > 0) & ~covered).any())
    rows, columns = np.nonzero(covered)
    if len(rows):
        bounds = region.bounds
        assert (bounds.x, bounds.y) == (columns.min(), rows.min())
        assert (bounds.right, bounds.bottom) == (columns.max() + 1, rows.max() + 1)
    else:
        assert region.bounds == EMPTY


def test_touching_is_not_overlapping():
    assert Rect(0, 0, 5, 5).intersect(Rect(5, 0, 5, 5)) == EMPTY
    assert Rect(0, 0, 5, 5).subtract(Rect(5, 0, 5, 5)) == [Rect(0, 0, 5, 5)]


def test_operations_return_new_regions():
    region = Region([Rect(0, 0, 5, 5)])
    region.union([Rect(9, 9, 1, 1)])
    region.subtract([Rect(0, 0, 5, 5)])
    assert region.rects == (Rect(0, 0, 5, 5),)
