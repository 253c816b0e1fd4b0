import logging
import os
from collections.abc import Iterable
from typing import Any

import pytest

from mpvnc.capture.base import PointerUpdate, Slot
from mpvnc.capture.driver import CaptureDriver, CaptureSettings
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect


class FakeCapture:
    """A screen of which the test says what happens on it."""

    backend = "fake"

    def __init__(self) -> None:
        self.size = (64, 48)
        self.changed = self.moved = False
        self.changes_while_drawn = False
        self.size_while_drawn: tuple[int, int] | None = None
        self.broken: str | None = None
        self.closed = False
        self.attached: list[tuple[int, int]] = []
        self.drawn: list[float] = []
        self.touches = [Rect(0, 0, 64, 48)]

    def fileno(self) -> int:
        return 77

    def attach(self, fd: int, width: int, height: int) -> None:
        os.fstat(fd)
        self.attached.append((width, height))
        self.invalidate()

    def invalidate(self) -> None:
        self.changed = True

    def handle_events(self) -> None:
        if self.broken:
            raise CaptureError(self.broken)

    def frame_due(self, now: float) -> float | None:
        return now if self.changed else None

    def draw(self, slot: Slot, now: float) -> list[Rect]:
        self.changed, self.changes_while_drawn = self.changes_while_drawn, False
        self.size = self.size_while_drawn or self.size
        self.drawn.append(now)
        if self.broken == "while drawing":
            raise CaptureError(self.broken)
        return self.touches

    def pointer_due(self, now: float) -> float | None:
        return now if self.moved else None

    def pointer(self, now: float) -> PointerUpdate | None:
        self.moved = False
        return PointerUpdate(1, 2, True, None)

    def close(self) -> None:
        self.closed = True


class FakeWriter:
    def __init__(self, log: list[Any], generation: int) -> None:
        self.log, self.generation, self.changes = log, generation, True

    def begin(self) -> str:
        return "slot"

    def publish(self, slot: Any, touched: Iterable[Rect]) -> int | None:
        return 1 if self.changes else None

    def abandon(self, slot: Any) -> None:
        self.log.append("abandon")

    def close(self) -> None:
        self.log.append(("closed", self.generation))


class World:
    """A driver with a clock, a capture and outlets of the test's; `log` is what came out."""

    def __init__(self, **settings: Any) -> None:
        self.now = 100.0
        self.log: list[Any] = []
        self.captures: list[FakeCapture] = []
        self.refuse: str | None = None
        self.writer: FakeWriter
        self.pointer_changes = True
        self.driver = CaptureDriver(self.open, self, CaptureSettings(**settings), lambda: self.now)

    def open(self) -> FakeCapture:
        if self.refuse:
            raise CaptureError(self.refuse)
        self.captures.append(FakeCapture())
        return self.captures[-1]

    def allocate(self, width: int, height: int) -> None:
        self.log.append(("allocate", width, height))

    def make_writer(self, fd: int, generation: int, width: int, height: int, first_frame: int) -> FakeWriter:
        os.fstat(fd)
        self.writer = FakeWriter(self.log, generation)
        return self.writer

    def published(self, generation: int) -> None:
        self.log.append(("published", generation))

    def source_up(self, backend: str) -> None:
        self.log.append(("up", backend))

    def source_down(self, reason: str) -> None:
        self.log.append(("down", reason))

    def show_pointer(self, update: PointerUpdate) -> bool:
        self.log.append(update)
        return self.pointer_changes

    def ring(self, frame: bool) -> None:
        self.log.append("ring frame" if frame else "ring pointer")

    def give(self, generation: int = 1, width: int = 64, height: int = 48) -> int:
        fd = os.memfd_create("mpvnc-test")
        self.driver.take_segment(fd, generation, width, height, 1)
        return fd

    def take_log(self) -> list[Any]:
        log, self.log[:] = list(self.log), []
        return log


@pytest.fixture
def up() -> World:
    """A source that is up, one frame old; a second has passed since."""
    world = World(frame_rate=50)
    world.driver.step()
    world.give()
    world.driver.step()
    world.now += 1
    world.take_log()
    return world


def test_the_way_up() -> None:
    world = World()
    assert world.driver.fileno() is None
    assert world.driver.step() is None
    assert world.driver.fileno() == 77
    assert world.driver.step() is None
    assert world.take_log() == [("allocate", 64, 48)]
    world.give(generation=7)
    world.driver.step()
    assert world.captures[0].attached == [(64, 48)]
    assert world.take_log() == [("published", 7), "ring frame", ("up", "fake")]
    assert world.driver.step() is None
    assert world.take_log() == []


def test_a_change_is_drawn_at_once_and_the_next_at_the_end_of_the_period(up: World) -> None:
    capture = up.captures[0]
    capture.changed = True
    assert up.driver.step() is None
    assert up.take_log() == ["ring frame"]
    capture.changed = True
    up.now += 0.001
    due = up.driver.step()
    assert due == pytest.approx(up.now + 0.019)
    assert up.take_log() == []
    up.now = due or 0
    up.driver.step()
    assert up.take_log() == ["ring frame"]


def test_what_comes_while_a_frame_is_drawn_is_not_waited_for(up: World) -> None:
    capture = up.captures[0]
    capture.changed, capture.changes_while_drawn = True, True
    assert up.driver.step() == pytest.approx(up.now + 0.02)
    capture.changed, capture.size_while_drawn = True, (80, 60)
    up.now += 1
    assert up.driver.step() == up.now


def test_a_frame_in_which_nothing_differs_rings_nobody(up: World) -> None:
    up.writer.changes = False
    up.captures[0].changed = True
    up.driver.step()
    assert len(up.captures[0].drawn) == 2
    assert up.take_log() == []


def test_nothing_touched_gives_the_slot_back(up: World) -> None:
    up.captures[0].changed, up.captures[0].touches = True, []
    up.driver.step()
    assert up.take_log() == ["abandon"]


def test_the_pointer_is_shown_at_most_at_the_frame_rate(up: World) -> None:
    capture = up.captures[0]
    for changes, log in ((True, "ring pointer"), (False, None)):
        up.pointer_changes, capture.moved = changes, True
        up.driver.step()
        assert up.take_log() == [PointerUpdate(1, 2, True, None)] + [log] * changes
        capture.moved = True
        assert up.driver.step() == pytest.approx(up.now + 0.02)
        assert up.take_log() == []
        up.now += 1


def test_another_size_is_another_segment(up: World) -> None:
    up.captures[0].size = (80, 60)
    up.captures[0].changed = True
    assert up.driver.step() is None
    assert up.driver.step() is None
    assert up.take_log() == [("allocate", 80, 60)]
    up.give(2, 80, 60)
    up.driver.step()
    assert up.captures[0].attached == [(64, 48), (80, 60)]
    assert up.take_log() == [("closed", 1), ("published", 2), "ring frame"]


def test_a_size_that_changed_again_meanwhile_is_asked_for_again(up: World) -> None:
    up.captures[0].size = (80, 60)
    up.driver.step()
    up.captures[0].size = (90, 70)
    up.driver.step()
    up.give(2, 80, 60)
    up.driver.step()
    assert up.take_log() == [("allocate", 80, 60), ("closed", 1), ("allocate", 90, 70)]


def test_a_source_that_fails_is_down_and_comes_back_into_the_same_segment(up: World) -> None:
    up.captures[0].broken = "the server is gone"
    assert up.driver.step() == pytest.approx(up.now + 0.1)
    assert up.captures[0].closed
    assert up.driver.fileno() is None
    assert up.take_log() == [("down", "the server is gone")]
    assert up.driver.step() == pytest.approx(up.now + 0.1)
    up.now += 0.2
    up.driver.step()
    assert up.captures[1].attached == [(64, 48)]
    assert up.take_log() == ["ring frame", ("up", "fake")]


def test_a_failure_while_drawing_gives_the_slot_back(up: World) -> None:
    up.captures[0].changed = True
    up.captures[0].handle_events = lambda: None  # type: ignore[method-assign]
    up.captures[0].broken = "while drawing"
    up.driver.step()
    assert up.take_log() == ["abandon", ("down", "while drawing")]


def test_it_is_tried_for_ever_told_once_and_ever_more_seldom() -> None:
    world = World()
    world.refuse = "no display"
    waits = []
    for _ in range(8):
        at = world.driver.step()
        assert at is not None
        waits.append(at - world.now)
        world.now = at
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])
    assert world.take_log() == [("down", "no display")]
    world.refuse = "another reason"
    world.driver.step()
    assert world.take_log() == [("down", "another reason")]


def test_only_a_steady_source_is_retried_quickly_again(up: World) -> None:
    waits = []
    for steady_s in (0, 0, 10):
        up.now += steady_s
        up.captures[-1].broken = "flutter"
        at = up.driver.step()
        assert at is not None
        waits.append(at - up.now)
        up.now = at
        up.driver.step()
    assert waits == pytest.approx([0.1, 0.2, 0.1])


def test_memory_that_is_refused_is_a_source_that_is_down() -> None:
    world = World()
    world.driver.step()
    world.driver.refuse_segment("/dev/shm has 64 MB")
    assert world.take_log()[-1] == ("down", "no memory for frames of 64x48: /dev/shm has 64 MB")
    world.now += 0.2
    world.driver.step()
    assert world.take_log() == [("allocate", 64, 48)]
    world.driver.refuse_segment("a")
    world.driver.refuse_segment("nobody asked")
    assert len(world.take_log()) == 1


def test_a_segment_that_comes_while_the_source_is_down_is_used_later() -> None:
    world = World()
    world.driver.step()
    world.captures[0].broken = "gone"
    world.driver.step()
    world.give()
    world.now += 0.2
    world.driver.step()
    assert world.captures[1].attached == [(64, 48)]
    assert world.take_log()[-1] == ("up", "fake")


def test_the_probe_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World(probe_frames=12, probe_warn_ms=1)
    world.driver.step()
    world.give()
    world.driver.step()
    assert len(world.captures[0].drawn) == 13
    assert "fake: probe of 12 whole frames: avg 0.00 ms" in caplog.text
    assert "probe_warn_ms" not in caplog.text
    caplog.clear()
    world.give(2)
    world.driver.step()
    assert "probe" not in caplog.text


def test_a_slow_probe_warns_and_is_cut_short(caplog: pytest.LogCaptureFixture) -> None:
    world = World(probe_frames=100, probe_warn_ms=400)
    world.driver.step()
    draw = FakeCapture.draw

    def slow(slot: Slot, now: float) -> list[Rect]:
        world.now += 0.5
        return draw(world.captures[0], slot, now)

    world.captures[0].draw = slow  # type: ignore[method-assign]
    world.give()
    world.driver.step()
    assert len(world.captures[0].drawn) == 5
    assert "takes 500.00 ms, more than source.probe_warn_ms (400)" in caplog.text


def test_close_lets_go_of_everything(up: World) -> None:
    fd = up.give(2)
    up.take_log()
    up.driver.close()
    assert up.captures[0].closed
    assert up.take_log() == [("closed", 2)]
    with pytest.raises(OSError):
        os.fstat(fd)
