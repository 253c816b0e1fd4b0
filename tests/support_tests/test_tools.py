"""Scenes, waits, and that the viewer knows nothing of mpvnc."""

from __future__ import annotations

import ast
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.support import golden, waits
from tests.support.formats import FORMATS, LOSSLESS_24, RGB332

SUPPORT = Path(golden.__file__).parent


def imported(source: Path) -> set[str]:
    tree = ast.parse(source.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_what_judges_the_server_imports_nothing_of_it() -> None:
    """The viewer's half of the support: all that the client needs, the decoders and the pictures."""
    found, waiting = set(), {SUPPORT / "client.py", SUPPORT / "golden.py", SUPPORT / "peers.py"}
    while waiting:
        source = waiting.pop()
        found.add(source)
        names = imported(source)
        assert not [name for name in names if name.split(".")[0] == "mpvnc"], source
        paths = {SUPPORT.parent.parent / Path(*name.split(".")) for name in names}
        modules = {path.with_suffix(".py") for path in paths} | set((SUPPORT / "decoders").glob("*.py"))
        waiting |= {module for module in modules if module.is_file()} - found
    assert len(found) > 20


def test_the_golden_surface() -> None:
    image = golden.golden()
    assert image.shape == (200, 320)
    assert image[70, 300] == (44 << 16 | 70 << 8 | 300 & 255 ^ 70)


@pytest.mark.parametrize("name", golden.SCENES)
@pytest.mark.parametrize("size", [(1, 1), (3, 70), (129, 67)])
def test_scenes_are_of_any_size_and_the_same_each_time(name: str, size: tuple[int, int]) -> None:
    image = golden.SCENES[name](*size)
    assert image.shape == size[::-1] and image.dtype == np.uint32 and image.max() <= 0xFFFFFF
    assert np.array_equal(image, golden.SCENES[name](*size))


def test_noise_is_the_same_on_every_machine() -> None:
    assert zlib.crc32(golden.noise(64, 64).astype("<u4").tobytes()) == 2230471041
    assert len(np.unique(golden.noise(64, 64))) > 4000


def test_scenes_have_the_colours_that_encoders_choose_by() -> None:
    assert len(np.unique(golden.odd_pixel())) == 2
    assert len(np.unique(golden.checkerboard())) == 2
    assert len(np.unique(golden.palette())) == 12
    assert 2 < len(np.unique(golden.text())) < 9
    assert len(np.unique(golden.photo())) > 1000


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_representable_colours_survive(fmt: object) -> None:
    scene = golden.representable(golden.noise(64, 64), fmt)  # type: ignore[arg-type]
    assert np.array_equal(golden.representable(scene, fmt), scene)  # type: ignore[arg-type]


def test_lossless_formats() -> None:
    scene = golden.noise(64, 64)
    for name, fmt in FORMATS.items():
        assert np.array_equal(golden.representable(scene, fmt), scene) == (name in LOSSLESS_24)


def test_psnr() -> None:
    scene = golden.photo(64, 64)
    assert golden.psnr(scene, scene) == float("inf")
    assert 48 < golden.psnr(scene & 0xFEFEFE, scene) < 53
    assert golden.psnr(golden.representable(scene, RGB332), scene) < 30


def test_eventually(monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0, None, 7])
    assert waits.eventually(lambda: next(values), interval_s=0) == 7
    with pytest.raises(TimeoutError, match=r"the moon.*ValueError"):
        waits.eventually(lambda: int("x"), 0.01, what="the moon", ignoring=(ValueError,))
    monkeypatch.setenv("MPVNC_TEST_TIME_FACTOR", "2.5")
    assert waits.time_factor() == 2.5
