"""The compiled tile kernels do what their numpy twins do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.kernels import tiles, tiles_numpy

GUARD = 0xDEADBEEF


@st.composite
def cases(draw):
    width, height = draw(st.integers(1, 200)), draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    padding = draw(st.integers(0, 9))
    old = rng.integers(0, 2**32, (height, width), np.uint32)
    wide = np.full((height, width + padding), GUARD, np.uint32)
    new = wide[:, :width]
    new[...] = old
    for _ in range(draw(st.integers(0, 12))):
        new[rng.integers(height), rng.integers(width)] ^= np.uint32(1 << rng.integers(32))
    if draw(st.booleans()):
        y, x = rng.integers(height), rng.integers(width)
        new[y : y + 70, x : x + 70] = rng.integers(0, 4, 1)
    shape = -(-height // 64), -(-width // 64)
    chosen = (rng.random(shape) < draw(st.sampled_from([0.3, 0.8, 1.0]))).astype(np.uint8)
    return wide, new, old, chosen


def compared(module, new, old, chosen):
    changed = np.full(chosen.shape, 7, np.uint8)
    boxes = np.full((*chosen.shape, 4), 999, np.uint16)
    count = module.compare(new, old, chosen, changed, boxes)
    return count, changed, boxes


def test_the_kernels_are_compiled():
    assert tiles.COMPILED, "build them: python setup.py build_ext --inplace"


@settings(max_examples=60)
@given(cases())
def test_compare_equals_its_twin_and_finds_exact_boxes(case):
    _, new, old, chosen = case
    count, changed, boxes = compared(tiles, new, old, chosen)
    twin_count, twin_changed, twin_boxes = compared(tiles_numpy, new, old, chosen)
    assert count == twin_count == changed.sum()
    np.testing.assert_array_equal(changed, twin_changed)
    np.testing.assert_array_equal(boxes, twin_boxes)
    for row, column in np.argwhere(chosen).tolist():
        differs = (new != old)[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64]
        assert changed[row, column] == differs.any()
        if differs.any():
            ys, xs = np.nonzero(differs)
            assert boxes[row, column].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


@settings(max_examples=40)
@given(cases(), st.sampled_from(["copy", "copy_masked"]))
def test_copies_equal_their_twins_and_stay_inside(case, name):
    wide, target, source, chosen = case
    twin = target.copy()
    getattr(tiles, name)(target, source, chosen)
    getattr(tiles_numpy, name)(twin, source, chosen)
    np.testing.assert_array_equal(target, twin)
    assert (wide[:, target.shape[1] :] == GUARD).all()
    inside = np.kron(chosen, np.ones((64, 64), bool)).astype(bool)[: target.shape[0], : target.shape[1]]
    expected = source & np.uint32(0x00FFFFFF if name == "copy_masked" else 0xFFFFFFFF)
    np.testing.assert_array_equal(target[inside], expected[inside])


@pytest.mark.parametrize("module", [tiles, tiles_numpy])
def test_a_read_only_source_will_do(module):
    source = np.full((3, 5), GUARD, np.uint32)
    source.flags.writeable = False
    target = np.zeros((3, 5), np.uint32)
    module.copy_masked(target, source, np.ones((1, 1), np.uint8))
    assert (target == GUARD & 0xFFFFFF).all()


@pytest.mark.parametrize("module", [tiles, tiles_numpy])
@pytest.mark.parametrize(
    ("shape", "other", "chosen"),
    [
        ((64, 64), (64, 63), (1, 1)),
        ((65, 64), (65, 64), (1, 1)),
        ((64, 65), (64, 65), (1, 1)),
        ((64, 64), (64, 64), (2, 1)),
        ((64, 64), (64, 64), (1, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(module, shape, other, chosen):
    one, two = np.zeros(shape, np.uint32), np.zeros(other, np.uint32)
    mask = np.ones(chosen, np.uint8)
    for call in (module.copy, module.copy_masked):
        with pytest.raises(ValueError):
            call(one, two, mask)
    with pytest.raises(ValueError):
        module.compare(one, two, mask, np.zeros_like(mask), np.zeros((*chosen, 4), np.uint16))


@pytest.mark.parametrize("module", [tiles, tiles_numpy])
def test_wrong_results_and_strided_pixels_are_refused(module):
    frame, mask = np.zeros((64, 64), np.uint32), np.ones((1, 1), np.uint8)
    boxes = np.zeros((1, 1, 4), np.uint16)
    with pytest.raises(ValueError):
        module.compare(frame, frame, mask, np.zeros((1, 2), np.uint8), boxes)
    with pytest.raises(ValueError):
        module.compare(frame, frame, mask, mask.copy(), np.zeros((1, 1, 3), np.uint16))
    with pytest.raises(ValueError):
        module.copy(frame, np.zeros((64, 128), np.uint32)[:, ::2], mask)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(0, 4),
    st.sampled_from([1, 3, 8, 32]),
    st.integers(0, 99),
)
def test_missing_runs_are_the_same_compiled(rows, columns, base, span, seed):
    random = np.random.default_rng(seed)
    epoch = random.integers(0, 5, (rows, columns), np.uint64)
    previous = np.minimum(epoch, random.integers(0, 5, (rows, columns), np.uint64))
    low = random.integers(0, 63, (rows, columns, 2), np.uint16)
    box = np.concatenate([low, low + random.integers(1, 64 - low, dtype=np.uint16)], axis=2)
    whole = np.broadcast_to(np.array([0, 0, 64, 64], np.uint16), box.shape).copy()
    found = tiles.missing(epoch, previous, box, whole, base, span)
    assert found == tiles_numpy.missing(epoch, previous, box, whole, base, span)
    assert sum(last - first for _, first, last, *_ in found) == (epoch > base).sum()


def test_marks_are_the_same_compiled():
    rng = np.random.default_rng(5)
    for shape in ((1, 1), (3, 5)):
        epoch, previous = rng.integers(1, 9, (2, *shape), np.uint64)
        box, boxes = rng.integers(0, 64, (2, *shape, 4), np.uint16)
        changed = rng.integers(0, 2, shape, np.uint8)
        changed.flat[0] = 1
        results = []
        for module in (tiles, tiles_numpy):
            table = epoch.copy(), previous.copy(), box.copy()
            module.mark(*table, changed, boxes, 10)
            results.append(table)
        for one, twin in zip(*results, strict=True):
            np.testing.assert_array_equal(one, twin)
        assert results[0][0].flat[0] == 10 and results[0][1].flat[0] == epoch.flat[0]


@settings(max_examples=30)
@given(cases(), st.integers(0, 3), st.integers(0, 2**32))
def test_following_is_the_same_compiled(case, held, seed):
    _, pixels, newest, changed = case
    rng = np.random.default_rng(seed)
    epoch = rng.integers(0, 4, changed.shape, np.uint64)
    before = rng.integers(0, 2**32, newest.shape, np.uint32)
    results = []
    for module in (tiles, tiles_numpy):
        target, stale = before.copy(), np.full_like(changed, 7)
        module.follow(target, newest, pixels, changed, stale, epoch, held)
        results.append((target, stale))
    for one, twin in zip(*results, strict=True):
        np.testing.assert_array_equal(one, twin)
    for row, column in np.ndindex(changed.shape):
        area = np.s_[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64]
        source = pixels if changed[row, column] else newest if epoch[row, column] > held else before
        np.testing.assert_array_equal(results[0][0][area], source[area])
