"""A publication whose supervisor is a thread of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cairo
import pytest

import mpvnc
from mpvnc.publisher import opening
from tests.support.drawn import painted
from tests.support.supervisor_thread import FakeSupervisor


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSupervisor]:
    fake = FakeSupervisor(tmp_path)
    monkeypatch.setattr(opening, "join_supervisor", lambda name: fake.theirs)
    yield fake
    fake.close()


@pytest.fixture
def surface() -> cairo.ImageSurface:
    return painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 200, 100), (1, 0, 0))


@pytest.fixture
def publication(supervisor: FakeSupervisor, surface: cairo.ImageSurface) -> Iterator[mpvnc.Publication]:
    with mpvnc.publish(surface, name="stage") as one:
        yield one
