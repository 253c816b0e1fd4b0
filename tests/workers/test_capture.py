"""The capture role as a real process: frames, bells, pointer page and control messages."""

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpvnc.config import load, to_dict
from mpvnc.frames.reader import FrameReader
from mpvnc.frames.store import Segment, create_frame_segment, name_prefix
from mpvnc.geometry import Rect
from mpvnc.ipc.control import Message
from mpvnc.metrics import Counter
from mpvnc.workers.capture import source_settings
from tests.support.drawing import Painter
from tests.support.peers import xtigervnc
from tests.support.supervised import SupervisedRole
from tests.support.waits import eventually
from tests.support.xserver import grab, run_client, xvfb

pytestmark = pytest.mark.process
Start = Callable[..., "Watched"]


class Watched(SupervisedRole):
    """A capture process that is given what it asks for, and a reader of its frames."""

    segments: list[Segment]
    reader: FrameReader
    first_frame = 1

    def give(self, ask: Message) -> None:
        """Answer an allocate; the reader is of the new segment from now on."""
        width, height = ask["width"], ask["height"]
        generation = len(self.segments) + 1
        name = f"{name_prefix(f'test{os.getpid()}')}{next(_NAMES)}"
        segment = create_frame_segment(name, width, height)
        self.segments.append(segment)
        first = self.first_frame + 1000 * (generation - 1)
        sizes: dict[str, Any] = {"width": width, "height": height, "first_frame": first}
        self.control.send({"type": "segment", "generation": generation, **sizes}, [segment.fd])
        assert self.expect("published")["generation"] == generation
        if generation > 1:
            self.reader.close()
        self.reader = FrameReader(segment.fd)

    def shows(self, picture: np.ndarray[Any, Any]) -> bool:
        """Return whether the newest frame is this picture."""
        self.reader.refresh()
        return np.array_equal(self.reader.pixels, picture)

    def stop(self) -> int:
        status = super().stop()
        for segment in self.segments:
            segment.unlink()
            segment.close()
        return status


_NAMES = itertools.count()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Watched] = []

    def begin(source: str, *overrides: str, display: str = "") -> Watched:
        settings = [f"source.kind={source}", f"source.display={display}", *overrides]
        role = Watched("capture", source, load(None, settings), tmp_path / f"log{len(started)}")
        started.append(role)
        role.segments = []
        role.expect("ready")
        return role

    yield begin
    assert [role.stop() for role in started] == [0] * len(started)


def test_the_demo_is_animated(start: Start) -> None:
    role = start("demo", "source.width=320", "source.height=200")
    ask = role.expect("allocate")
    assert (ask["width"], ask["height"]) == (320, 200)
    role.give(ask)
    assert role.expect("source") == {"type": "source", "state": "up", "backend": "demo"}
    eventually(lambda: role.reader.newest >= 5)
    assert role.rang()
    assert role.reader.refresh()
    assert role.counters.get(Counter.FRAMES) >= 5
    eventually(lambda: role.counters.get(Counter.HEARTBEAT) >= 2)


def test_another_frame_rate_holds_at_once(start: Start) -> None:
    role = start("demo", "source.width=320", "source.height=200")
    role.give(role.expect("allocate"))
    eventually(lambda: role.reader.newest >= 2)
    config = to_dict(load(None, ["source.frame_rate=2"]))
    secrets = {"password": None, "view_only_password": None}
    role.control.send({"type": "reconfigure", "config": config, "secrets": secrets})
    beats = role.counters.get(Counter.HEARTBEAT)
    eventually(lambda: role.counters.get(Counter.HEARTBEAT) >= beats + 1)
    first, began = role.reader.newest, time.monotonic()
    eventually(lambda: role.counters.get(Counter.HEARTBEAT) >= beats + 3)
    assert 1 <= role.reader.newest - first <= 2 * (time.monotonic() - began) + 2


def test_drain_is_an_end(start: Start) -> None:
    role = start("demo")
    role.control.send({"type": "drain"})
    assert role.process.wait(10) == 0


@pytest.mark.x11
def test_a_display_is_captured_exactly(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 1366, 768) as display:
        painter, dice = Painter(display), random.Random(3)
        role = start("x11", "source.probe_frames=5", "source.probe_warn_ms=1", display=display)
        role.give(role.expect("allocate"))
        assert role.expect("source")["backend"] == "x11 (shared pixmaps)"
        for _ in range(1000):
            x, y, side = dice.randrange(1366), dice.randrange(768), dice.choice((1, 1, 2, 30, 300))
            painter.fill(Rect(x, y, side, side), dice.randrange(1 << 24))
        eventually(lambda: role.shows(grab(display)))
        painter.fill(Rect(101, 100, 2, 16), 0xFFFFFF)
        eventually(lambda: role.shows(grab(display)))
        changed = role.reader.tiles.epoch == role.reader.frame
        assert np.argwhere(changed).tolist() == [[1, 1]]
        assert role.rang()
        assert "probe of 5 whole frames" in role.log.read_text()
        painter.close()


@pytest.mark.x11
def test_the_pointer_page_follows_the_pointer(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 640, 480) as display:
        painter = Painter(display)
        painter.set_cursor(68)
        role = start("x11", display=display)
        role.give(role.expect("allocate"))
        eventually(lambda: role.pointer.read().cursor is not None)
        cursor = role.pointer.read().cursor
        assert cursor is not None
        assert (cursor.width, cursor.height, cursor.hot_x, cursor.hot_y) == (10, 16, 1, 1)
        role.rang()
        painter.warp(33, 44)
        eventually(lambda: _at(role) == (33, 44, True))
        eventually(role.rang)
        painter.close()


@pytest.mark.x11
def test_an_idle_display_costs_nothing(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 640, 480) as display:
        role = start("x11", display=display)
        role.give(role.expect("allocate"))
        role.expect("source")
        beats = role.counters.get(Counter.HEARTBEAT)
        eventually(lambda: role.counters.get(Counter.HEARTBEAT) > beats)
        frames, before, beats = role.reader.newest, _cpu_s(role), role.counters.get(Counter.HEARTBEAT)
        eventually(lambda: role.counters.get(Counter.HEARTBEAT) >= beats + 2)
        assert role.reader.newest == frames
        assert _cpu_s(role) - before <= 0.02


@pytest.mark.x11
def test_the_frame_rate_is_a_cap(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 320, 200) as display:
        painter = Painter(display)
        role = start("x11", "source.frame_rate=10", display=display)
        role.give(role.expect("allocate"))
        role.expect("source")
        first, number, began = role.reader.newest, 0, time.monotonic()
        beats = role.counters.get(Counter.HEARTBEAT)
        while role.counters.get(Counter.HEARTBEAT) < beats + 2:
            number += 1
            painter.fill(Rect(number % 300, 10, 5, 5), number * 77 % (1 << 24))
        frames = role.reader.newest - first
        assert 3 <= frames <= 10 * (time.monotonic() - began) + 2
        painter.close()


@pytest.mark.x11
def test_another_size_is_another_generation(start: Start, tmp_path: Path) -> None:
    with xtigervnc(tmp_path, 800, 600) as (display, _):
        role = start("x11", display=display)
        role.give(role.expect("allocate"))
        role.expect("source")
        run_client(display, "xrandr", "--fb", "1024x700")
        ask = role.expect("allocate")
        assert (ask["width"], ask["height"]) == (1024, 700)
        role.give(ask)
        run_client(display, "xsetroot", "-solid", "#224466")
        eventually(lambda: role.shows(np.full((700, 1024), 0x224466, np.uint32)))


@pytest.mark.x11
def test_a_display_that_goes_and_comes_back(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 640, 480) as display:
        display = display
        role = start("x11", display=display)
        role.give(role.expect("allocate"))
        role.expect("source")
    assert role.expect("source")["state"] == "down"
    role.reader.refresh()
    assert role.reader.pixels.shape == (480, 640)
    with xvfb(tmp_path, 640, 480, 24, display):
        while (told := role.expect("source"))["state"] != "up":
            assert "cannot connect to display" in told["reason"]
        assert len(role.segments) == 1


@pytest.mark.x11
def test_screenshots_are_frames_too(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 640, 480) as display:
        painter = Painter(display)
        role = start("mss", "source.frame_rate=20", display=display)
        role.give(role.expect("allocate"))
        assert role.expect("source")["backend"] == "mss"
        painter.fill(Rect(50, 60, 70, 80), 0x55AA55)
        eventually(lambda: role.shows(grab(display)))
        painter.close()


def test_refused_memory_is_told_as_the_reason(start: Start) -> None:
    role = start("demo")
    role.expect("allocate")
    role.control.send({"type": "refused", "reason": "no room"})
    told = role.expect("source")
    assert told["state"] == "down"
    assert "1280x720: no room" in told["reason"]
    role.give(role.expect("allocate"))
    assert role.expect("source")["state"] == "up"


@pytest.mark.x11
def test_auto_shows_the_demo_where_a_display_cannot_be_captured(start: Start, tmp_path: Path) -> None:
    with xvfb(tmp_path, 640, 480, 16) as display:
        role = start("x11", "source.kind=auto", display=display)
        role.give(role.expect("allocate"))
        assert role.expect("source")["backend"] == "demo"
        assert "depth 16" in role.log.read_text()


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        (["server.port=5901"], "vnc://127.0.0.1:5901"),
        (["server.host=::1"], "vnc://[::1]:5900"),
        (["server.port=0"], ""),
    ],
)
def test_the_demo_tells_its_address_if_it_is_known(overrides: list[str], hint: str) -> None:
    assert source_settings("demo", load(None, overrides)).hint == hint


def _at(role: Watched) -> tuple[int, int, bool]:
    state = role.pointer.read()
    return state.x, state.y, state.visible


def _cpu_s(role: Watched) -> float:
    fields = Path(f"/proc/{role.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
