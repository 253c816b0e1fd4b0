"""Workers that share through real arenas, which are too small, while they lag, hang and are started anew."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest

from mpvnc.constants import Encoding
from mpvnc.damage import TileTable
from mpvnc.frames import chunks
from mpvnc.session.division import PATIENCE_S
from mpvnc.session.sharing import Sharing
from mpvnc.supervisor import arenas as supervisor
from mpvnc.workers.arenas import Arenas
from tests.session.stage import PaintedScreen, Stage, noise

WORKERS = 3
SIZE = (512, 256)
ENCODINGS = ((Encoding.ZRLE, Encoding.COPY_RECT), (Encoding.TIGHT,))


class Copy:
    """A worker's own copy of a screen, as new as its last `take`."""

    def __init__(self, source: PaintedScreen) -> None:
        self._source = source
        self.width, self.height, self.generation = source.width, source.height, source.generation
        self.tiles = TileTable(source.width, source.height)
        self.frame = 0
        self.take()

    def take(self) -> None:
        source = self._source
        self.move = source.move if source.frame == self.frame + 1 else None
        self.pixels, self.frame = source.pixels.copy(), source.frame
        self.tiles.assign(source.tiles)


class Worker:
    """A stage with viewers of its own and the arenas of one slot."""

    def __init__(self, made: supervisor.Arenas, slot: int, screen: PaintedScreen) -> None:
        told = made.message(slot)
        assert told is not None
        self.arenas = Arenas(slot, told[0]["slots"], [os.dup(fd) for fd in told[1]])
        self.copy = Copy(screen)
        self.stage = Stage(self.copy)  # type: ignore[arg-type]
        fanout = self.stage.broadcast.fanout
        fanout.sharing = Sharing(self.arenas)
        fanout.sharing.begin(7, screen.generation)
        self.viewers = [self.stage.join(*encodings) for encodings in ENCODINGS]
        for pair in self.viewers:
            pair.viewer.request(False)

    @property
    def taken(self) -> int:
        return self.stage.broadcast.fanout.counters.taken

    def take(self) -> None:
        """Take the newest frame, if it may."""
        broadcast = self.stage.broadcast
        if broadcast.may_advance(self.stage.now) and self.copy.frame != self.copy._source.frame:
            self.copy.take()
            broadcast.advance()
            broadcast.look(self.stage.now)
            self.stage.lead()

    def work(self) -> None:
        self.stage.broadcast.fanout.arrived()
        self.stage.settle()

    def sees(self, pixels: np.ndarray) -> bool:
        return all(np.array_equal(pair.viewer.rgb(), pixels) for pair in self.viewers)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[supervisor.Arenas]:
    monkeypatch.setattr(chunks, "CAPACITY_BYTES", 1 << 20)
    monkeypatch.setattr(chunks, "LARGEST_BYTES", 256 << 10)
    arenas = supervisor.Arenas(WORKERS)
    yield arenas
    arenas.close()


@pytest.mark.parametrize("seed", range(3))
def test_all_see_every_pixel(made: supervisor.Arenas, seed: int) -> None:
    dice = random.Random(seed)
    screen = PaintedScreen(noise(*SIZE))
    screen.finds_moves = True
    workers = [Worker(made, slot, screen) for slot in range(WORKERS)]
    taken = 0
    for step in range(25):
        frame = screen.pixels.copy()
        if dice.random() < 0.3:
            frame = np.roll(frame, -16, axis=0)
        x, y = 64 * dice.randrange(6), 64 * dice.randrange(3)
        frame[y:, x:] = noise(SIZE[0] - x, SIZE[1] - y, dice.randrange(4))
        screen.publish(frame)
        for worker in dice.sample(workers, dice.randint(1, WORKERS)):
            for pair in worker.viewers:
                pair.viewer.request()
            worker.take()
            for _ in range(dice.randrange(3)):
                worker.stage.step()
        for worker in dice.sample(workers, dice.randint(0, WORKERS)) * 2:
            worker.work()
        for worker in dice.sample(workers, dice.randint(0, WORKERS)):
            worker.stage.now += dice.choice((0.0, PATIENCE_S / 2, 2 * PATIENCE_S))
            worker.work()
        if step == 12:
            taken += workers[0].taken
            workers[0] = Worker(made, 0, screen)  # killed: nothing was taken back
    for _ in range(6):
        for worker in workers:
            for pair in worker.viewers:
                pair.viewer.request()
            worker.take()
            worker.stage.now += 2 * PATIENCE_S
            worker.work()
    assert all(worker.sees(screen.pixels) for worker in workers)
    assert taken + sum(worker.taken for worker in workers) > 10
    for worker in workers:
        worker.arenas.close()
