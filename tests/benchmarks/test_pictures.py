from __future__ import annotations

import numpy as np
import pytest

from benchmarks.pictures import PICTURES, packed
from mpvnc.pixels import Pixels


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [(320, 180), (1, 1), (65, 3)])
def test_a_picture_has_the_size_that_was_asked_for_and_no_top_byte(name: str, size: tuple[int, int]) -> None:
    picture = PICTURES[name](*size)
    assert picture.shape == size[::-1]
    assert picture.dtype == np.uint32
    assert picture.flags.c_contiguous
    assert not (picture >> 24).any()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_same_every_time(name: str) -> None:
    assert (PICTURES[name](200, 120) == PICTURES[name](200, 120)).all()


def test_the_pictures_differ_in_what_encodings_live_on() -> None:
    """The interface has edges and areas of one colour, the gradient neither, the photograph is never quite even."""
    steps = {name: step(draw(640, 360)) for name, draw in PICTURES.items()}
    assert (steps["interface"] == 0).mean() > 0.6
    assert steps["interface"].max() > 150
    assert steps["gradient"].max() <= 1
    assert (steps["photograph"] == 0).mean() < 0.3
    assert 1 < np.median(steps["photograph"]) < 10


def step(picture: Pixels) -> Pixels:
    """How far the green of each pixel is from that of its neighbour to the right."""
    green = (picture >> 8 & 0xFF).astype(np.int32)
    return np.abs(np.diff(green, axis=1)).astype(np.uint32)


def test_the_interface_has_text_and_the_photograph_many_colours() -> None:
    colours = {name: len(np.unique(draw(640, 360))) for name, draw in PICTURES.items()}
    assert 50 < colours["interface"] < 5000 < colours["photograph"]


def test_colours_are_packed_as_the_framebuffer_has_them() -> None:
    colours = np.array([[[1.9, 2.0, 3.0], [-5.0, 300.0, 255.0]]], np.float32)
    assert packed(colours).tolist() == [[0x010203, 0x00FFFF]]
