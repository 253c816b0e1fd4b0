from __future__ import annotations

import numpy as np
import pytest

from mpvnc.damage import Move
from mpvnc.errors import PublishError
from mpvnc.geometry import Rect
from mpvnc.publisher.arguments import (
    checked_label,
    checked_name,
    checked_passwords,
    checked_settings,
    moves_of,
    rects_of,
)


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


@pytest.mark.parametrize("label", ["", "../x", "Bühne", "a b", "x" * 49, "-x", "a\n", 3])
def test_labels(label: object) -> None:
    with pytest.raises(PublishError, match=r"name=.* is no name") as raised:
        checked_label("name", label)
    assert len(str(raised.value)) < 200
    assert checked_label("name", "stage-2.b_c") == "stage-2.b_c"
    assert checked_label("name", None) is None


def test_settings() -> None:
    assert checked_settings(None) == {}
    assert checked_settings({"server.workers": 2}) == {"server.workers": 2}
    for wrong, reason in (
        (["x"], "not a list"),
        ({"a.b": object()}, "JSON"),
        ({"workers": 1}, "'workers' is no key"),
        ({3: 1}, "3 is no"),
    ):
        with pytest.raises(PublishError, match=reason):
            checked_settings(wrong)


def test_passwords(caplog: pytest.LogCaptureFixture) -> None:
    assert checked_passwords("eight888", None) == {"password": "eight888", "view_only_password": None}
    assert not caplog.messages
    checked_passwords(None, "ninenine9")
    assert caplog.messages == ["view_only_password: of a VNC password the first 8 characters count"]
    with pytest.raises(PublishError, match=r"^password: an empty one"):
        checked_passwords("", None)
