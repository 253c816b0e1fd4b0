"""The compiled kernels and their numpy twins return the same bytes."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mpvnc.kernels import _coding, coding, coding_numpy
from tests.encodings.pictures import picture, pictures

sizes = st.integers(1, 4)
quick = hypothesis_settings(max_examples=60)


def test_the_kernels_are_compiled():
    assert _coding.COMPILED, "python -c 'from setuptools import setup; setup()' build_ext --inplace"
    assert coding.COMPILED
    assert coding.zrle is _coding.zrle


def test_uncompiled_source_is_not_run(monkeypatch):
    monkeypatch.setattr(_coding, "COMPILED", False)
    spec = importlib.util.spec_from_file_location("chooser", coding.__file__)
    chooser = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chooser)
    assert not chooser.COMPILED
    assert {getattr(chooser, name).__module__ for name in coding.__all__ if name != "COMPILED"} == {
        "mpvnc.kernels.coding_numpy"
    }


@given(pictures, sizes, st.booleans())
@quick
def test_pack_and_tiles(pixels, size, reverse):
    for name in ("pack", "zrle", "hextile"):
        compiled = getattr(_coding, name)(pixels, size, reverse)
        assert compiled == getattr(coding_numpy, name)(pixels, size, reverse), name


@given(pictures, sizes, st.booleans())
@quick
def test_rre(pixels, size, reverse):
    assert _coding.rre(pixels, size, reverse) == coding_numpy.rre(pixels, size, reverse)


@given(pictures, st.integers(1, 256))
@quick
def test_colours_and_indices(pixels, limit):
    compiled, plain = (kernels.colours(pixels, limit) for kernels in (_coding, coding_numpy))
    exact = len(np.unique(pixels))
    assert (compiled is None) == (plain is None) == (exact > limit)
    if plain is None:
        return
    assert compiled.tolist() == plain.tolist()
    for bits in (1, 2, 4, 8):
        if exact <= 1 << bits:
            assert _coding.indices(pixels, compiled, bits) == coding_numpy.indices(pixels, plain, bits)


@given(pictures, st.integers(0, 1 << 30))
@quick
def test_convert(pixels, seed):
    tables = np.random.default_rng(seed).integers(0, 1 << 32, (3, 256), dtype=np.uint32)
    assert (_coding.convert(pixels, tables) == coding_numpy.convert(pixels, tables)).all()


@pytest.mark.parametrize("kernels", [_coding, coding_numpy], ids=["compiled", "numpy"])
@pytest.mark.parametrize("count", [1, 2, 255, 256, 257])
def test_colours_are_counted_exactly(kernels, count):
    pixels = np.zeros((256, 256), np.uint32)
    pixels[-1, 256 - count + 1 :] = np.arange(1, count)
    for limit in (1, 2, 255, 256):
        found = kernels.colours(pixels, limit)
        assert (found is None) if count > limit else found.tolist() == list(range(count))


@pytest.mark.parametrize("kernels", [_coding, coding_numpy], ids=["compiled", "numpy"])
def test_equal_colours_that_collide_in_the_hash_stay_apart(kernels):
    values = np.arange(256, dtype=np.uint32) << 16
    assert kernels.colours(values[np.newaxis], 256).tolist() == values.tolist()
    assert kernels.indices(values[np.newaxis], values, 8) == bytes(range(256))


def test_pixels_are_only_read():
    pixels = picture(70, 20, 300)
    before = pixels.copy()
    for name in ("pack", "zrle", "hextile", "rre"):
        getattr(_coding, name)(pixels, 4, False)
        getattr(coding_numpy, name)(pixels, 4, False)
    assert (pixels == before).all()
