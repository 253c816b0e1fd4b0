import platform
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_loader

import pytest

from mpvnc.errors import FrameError
from mpvnc.kernels import ordering, tiles


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A processor to be named in the list."""
    name = ["x86_64"]
    monkeypatch.setattr(platform, "machine", lambda: name[0])
    yield name


@pytest.mark.parametrize(
    ("name", "compiled", "trusted"),
    [("x86_64", False, True), ("AMD64", False, True), ("aarch64", False, False), ("aarch64", True, True)],
)
def test_who_is_trusted(
    machine: list[str], name: str, compiled: bool, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine[0] = name
    monkeypatch.setattr(ordering, "COMPILED", compiled)
    if trusted:
        ordering.require_ordering()
    else:
        with pytest.raises(FrameError, match="aarch64 need the compiled kernels"):
            ordering.require_ordering()


def test_the_fence_is_compiled_where_the_kernels_are() -> None:
    ordering.fence()
    assert ordering.COMPILED == tiles.COMPILED


def test_an_uncompiled_source_is_not_taken_for_a_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceFileLoader("mpvnc.kernels._tiles", "_tiles.py")
    monkeypatch.setattr(ordering, "find_spec", lambda name: spec_from_loader(name, source))
    assert ordering._compiled_fence() is None
