from __future__ import annotations

import numpy as np
import pytest

from mpvnc.damage import Move
from mpvnc.errors import PublishError
from mpvnc.geometry import Rect
from mpvnc.publisher.arguments import checked_name, moves_of, rects_of


def test_damage() -> None:
    assert rects_of(None) is None
    assert rects_of([]) == []
    assert rects_of(np.array([[1, 2, 3, 4]])) == [Rect(1, 2, 3, 4)]


def test_fractions_of_pixels_are_covered() -> None:
    assert rects_of([(63.5, 0.0, 1.0, 0.5)]) == [Rect(63, 0, 2, 1)]
    assert rects_of([(-0.5, 10, 1, 1)]) == [Rect(-1, 10, 2, 1)]


def test_moves() -> None:
    assert moves_of([(0, 1, 2, 3, 4, -5)]) == [Move(Rect(0, 1, 2, 3), 4, -5)]


@pytest.mark.parametrize("bad", [(0, 0, 10, 10), [(1, 2, 3)], [("x", 0, 1, 1)], [(float("nan"), 0, 1, 1)], 5])
def test_what_is_neither(bad: object) -> None:
    with pytest.raises(PublishError, match=r"\(x, y, width, height\)"):
        rects_of(bad)
    with pytest.raises(PublishError, match=r"\(x, y, width, height, dx, dy\)"):
        moves_of(bad)


def test_names() -> None:
    assert checked_name("Bühne") == "Bühne"
    for bad in ("x" * 1001, None, b"x"):
        with pytest.raises(PublishError, match="a name is a str"):
            checked_name(bad)
