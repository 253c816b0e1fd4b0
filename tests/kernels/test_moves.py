"""The compiled search for moves does what its numpy twin does, and the twin what a plain picture shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.kernels import moves, moves_numpy

BOTH = pytest.mark.parametrize("module", [moves, moves_numpy])


@st.composite
def scenes(draw):
    """Return two frames of few colours, part of the second moved, with any row stride."""
    width, height = draw(st.integers(1, 200)), draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    colours = draw(st.sampled_from([2, 9, 2**32]))
    frames = rng.integers(0, colours, (2, height, width + draw(st.integers(0, 5))), np.uint32)
    old, new = frames[0, :, :width], frames[1, :, :width]
    if draw(st.booleans()):
        new[...] = old
    target, dx, dy = draw(moved(width, height))
    x, y, w, h = target
    new[y : y + h, x : x + w] = old[y - dy : y - dy + h, x - dx : x - dx + w]
    for _ in range(draw(st.integers(0, 6))):
        new[rng.integers(height), rng.integers(width)] ^= np.uint32(1 << rng.integers(32))
    return new, old, target, dx, dy, rng


@st.composite
def moved(draw, width, height):
    w, h = draw(st.integers(1, width)), draw(st.integers(1, height))
    x, y = draw(st.integers(0, width - w)), draw(st.integers(0, height - h))
    return (x, y, w, h), x - draw(st.integers(0, width - w)), y - draw(st.integers(0, height - h))


def test_the_kernels_are_compiled():
    assert moves.COMPILED, "build them: python setup.py build_ext --inplace"


@settings(max_examples=60)
@given(scenes())
def test_votes_equal_the_twins(scene):
    new, old, *_ = scene
    votes, twin = np.full((2, 2 * len(new) - 1), 5, np.int32)
    moves.vote(new, old, votes)
    moves_numpy.vote(new, old, twin)
    np.testing.assert_array_equal(votes, twin)


@settings(max_examples=60)
@given(scenes(), st.data())
def test_gains_equal_the_twins(scene, data):
    new, old, _, _, dy, rng = scene
    height, width = new.shape
    top = data.draw(st.integers(max(dy, 0), height - 1 + min(dy, 0)))
    rows = data.draw(st.integers(0, height + min(dy, 0) - top))
    spans = rng.integers(0, width + 1, (data.draw(st.integers(0, 4)), 2), np.int32)
    gains, twin = np.full((2, rows, len(spans)), 7, np.int8)
    moves.weigh(new, old, top, dy, spans, gains)
    moves_numpy.weigh(new, old, top, dy, spans, twin)
    np.testing.assert_array_equal(gains, twin)


@settings(max_examples=100)
@given(scenes(), st.sampled_from([0.3, 1.0]))
def test_a_move_and_its_residual_give_the_new_frame(scene, density):
    new, old, target, dx, dy, rng = scene
    shape = -(-new.shape[0] // 64), -(-new.shape[1] // 64)
    chosen = (rng.random(shape) < density).astype(np.uint8)
    boxes, twin = np.full((2, *shape, 4), 999, np.uint16)
    area = moves.residual(new, old, target, dx, dy, chosen, boxes)
    assert area == moves_numpy.residual(new, old, target, dx, dy, chosen, twin)
    np.testing.assert_array_equal(boxes, twin)
    if density < 1:
        return
    x, y, w, h = target
    picture = old.copy()
    picture[y : y + h, x : x + w] = old[y - dy : y - dy + h, x - dx : x - dx + w]
    for row, column in np.ndindex(*shape):
        x0, y0, x1, y1 = boxes[row, column].tolist()
        assert (x0, y0, x1, y1) == (0, 0, 0, 0) or (x0 < x1 and y0 < y1)
        box = np.s_[row * 64 + y0 : row * 64 + y1, column * 64 + x0 : column * 64 + x1]
        picture[box] = new[box]
    np.testing.assert_array_equal(picture, new)


@BOTH
def test_only_rows_that_occur_once_vote(module):
    old = np.array([1, 1, 2, 3, 4, 5, 9], np.uint32)[:, None]
    new = np.array([2, 1, 1, 4, 9, 4, 3], np.uint32)[:, None]
    votes = np.zeros(13, np.int32)
    module.vote(new, old, votes)
    assert {int(at) - 6: int(votes[at]) for at in np.flatnonzero(votes)} == {-2: 2, 3: 1}


@BOTH
def test_weights(module):
    old = np.array([[1, 1], [2, 2], [3, 2], [3, 9]], np.uint32)
    new = np.array([[1, 1], [1, 2], [2, 2], [3, 5]], np.uint32)
    gains = np.zeros((3, 2), np.int8)
    module.weigh(new, old, 1, 1, np.array([[0, 1], [1, 2]], np.int32), gains)
    assert gains.tolist() == [[1, -1], [1, 0], [0, 0]]


@BOTH
def test_what_does_not_fit_is_refused(module):
    frame, tiles, boxes = (
        np.zeros((64, 64), np.uint32),
        np.ones((1, 1), np.uint8),
        np.zeros((1, 1, 4), np.uint16),
    )
    spans, gains = np.array([[0, 64]], np.int32), np.zeros((10, 1), np.int8)
    with pytest.raises(ValueError):
        module.vote(frame, frame[1:], np.zeros(127, np.int32))
    with pytest.raises(ValueError):
        module.vote(frame, frame, np.zeros(126, np.int32))
    for top, dy in ((55, 0), (-1, 0), (0, 1), (50, -5)):
        with pytest.raises(ValueError):
            module.weigh(frame, frame, top, dy, spans, gains)
    for wrong in (np.array([[0, 65]], np.int32), np.array([[-1, 5]], np.int32), np.zeros((2, 2), np.int32)):
        with pytest.raises(ValueError):
            module.weigh(frame, frame, 0, 0, wrong, gains)
    for target, dx, dy in (
        ((0, 0, 65, 1), 0, 0),
        ((0, 0, 9, 9), 1, 0),
        ((0, 55, 9, 9), 0, -1),
        ((-1, 0, 9, 9), -1, 0),
    ):
        with pytest.raises(ValueError):
            module.residual(frame, frame, target, dx, dy, tiles, boxes)
    with pytest.raises(ValueError):
        module.residual(frame, frame, (0, 0, 9, 9), 0, 0, np.ones((2, 1), np.uint8), boxes)
    with pytest.raises(ValueError):
        module.residual(frame, frame, (0, 0, 9, 9), 0, 0, tiles, np.zeros((1, 1, 3), np.uint16))
