from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from mpvnc.pixels import Pixels
from mpvnc.workers import snapshots as module
from mpvnc.workers.snapshots import Snapshot, Snapshots
from tests.support import golden
from tests.support.waits import deadline
from tests.web.test_snapshot import read_png


class Bench:
    """Snapshots of a screen that the test changes."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.reader = SimpleNamespace(generation=1, frame=5, pixels=golden.golden(64, 48))
        self.snapshots = Snapshots(self.loop)
        self.given: list[Snapshot | None] = []

    def want(self, kind: str, name: str = "") -> None:
        self.snapshots.want(name, self.reader, kind, self.given.append)

    def run(self, condition: Callable[[], object]) -> None:
        end = deadline(5.0)

        async def poll() -> None:
            while not condition():
                assert time.monotonic() < end
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.snapshots.close()
    made.loop.close()


def test_a_frame_is_encoded_once_for_all_who_ask(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    go, calls, encode = threading.Event(), [], module.ENCODERS["png"]

    def slow(pixels: Pixels) -> bytes:
        calls.append(threading.get_ident())
        assert go.wait(5)
        return encode(pixels)

    monkeypatch.setitem(module.ENCODERS, "png", slow)
    for _ in range(3):
        bench.want("png")
    bench.reader.pixels[:] = 0  # what is encoded is a copy: the frame may go on
    assert bench.given == []
    go.set()
    bench.run(lambda: len(bench.given) == 3)
    bench.want("png")
    made = bench.given[0]
    assert made is not None and made.version == "1-5" and bench.given == [made] * 4
    assert np.array_equal(read_png(made.data), golden.golden(64, 48))
    assert len(calls) == 1 and calls[0] != threading.get_ident()


def test_another_frame_is_another_snapshot(bench: Bench) -> None:
    for frame in (5, 6):
        bench.reader.frame = frame
        bench.want("jpeg")
        bench.run(lambda frame=frame: len(bench.given) == frame - 4)
    assert [made and made.version for made in bench.given] == ["1-5", "1-6"]


def test_without_a_frame_there_is_none(bench: Bench) -> None:
    bench.reader.frame = 0
    bench.want("png")
    bench.snapshots.want("", None, "png", bench.given.append)
    assert bench.given == [None, None] and module.version_of(None) == ""


def test_each_surface_has_its_own_and_the_last_ones_are_kept(bench: Bench) -> None:
    names = [f"surface{number}" for number in range(module.KEPT + 1)]
    for name in names:
        bench.want("png", name)
    bench.run(lambda: len(bench.given) == len(names))
    assert [name for name, _ in bench.snapshots._made] == names[1:]


def test_what_cannot_be_encoded_is_none_and_can_be_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(module.ENCODERS, "png", lambda _: 1 // 0)
        bench.want("png")
        bench.run(lambda: bench.given)
    bench.want("png")
    bench.run(lambda: len(bench.given) == 2)
    assert bench.given[0] is None and bench.given[1] is not None
