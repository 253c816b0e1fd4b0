import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mpvnc.capture import xshm
from mpvnc.capture.arrow import ARROW
from mpvnc.capture.base import PointerUpdate
from mpvnc.capture.x11 import X11Capture
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect, Region
from tests.support.drawing import Painter
from tests.support.peers import xtigervnc
from tests.support.slots import OneSlot
from tests.support.waits import eventually
from tests.support.xserver import grab, run_client, xterm, xvfb

pytestmark = pytest.mark.x11
WIDTH, HEIGHT = 1000, 700


@pytest.fixture
def painter(screen: str) -> Iterator[Painter]:
    painter = Painter(screen)
    painter.fill(Rect(0, 0, WIDTH, HEIGHT), 0x203040)
    yield painter
    painter.close()


@pytest.fixture
def slot() -> Iterator[OneSlot]:
    slot = OneSlot(WIDTH, HEIGHT)
    yield slot
    slot.close()


@pytest.fixture
def capture(screen: str, painter: Painter, slot: OneSlot) -> Iterator[X11Capture]:
    capture = X11Capture(screen)
    slot.attach_to(capture)
    capture.draw(slot, 0.0)
    yield capture
    capture.close()


@pytest.fixture
def bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xshm, "PixmapCopier", xshm.BandCopier)


def draw_all(capture: X11Capture, slot: OneSlot) -> list[Rect]:
    """Draw until nothing is due; return all that was written."""
    written: list[Rect] = []
    capture.handle_events()
    while capture.frame_due(0.0) is not None:
        written += capture.draw(slot, 0.0)
        capture.handle_events()
    return written


def test_the_first_frame_is_the_screen(screen: str, capture: X11Capture, slot: OneSlot) -> None:
    assert capture.backend == "x11 (shared pixmaps)"
    assert capture.size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(slot.pixels, grab(screen))


def test_a_small_change_is_written_exactly_there(
    screen: str, capture: X11Capture, painter: Painter, slot: OneSlot
) -> None:
    draw_all(capture, slot)
    painter.fill(Rect(101, 100, 2, 16), 0xFFFFFF)
    assert Region(draw_all(capture, slot)) == Region([Rect(101, 100, 2, 16)])
    np.testing.assert_array_equal(slot.pixels, grab(screen))


def test_child_windows_are_part_of_the_screen(
    screen: str, capture: X11Capture, slot: OneSlot, tmp_path: Path
) -> None:
    def shows_text() -> bool:
        draw_all(capture, slot)
        grabbed = grab(screen)
        return len(np.unique(grabbed)) > 2 and np.array_equal(slot.pixels, grabbed)

    command = ("sh", "-c", "seq 100; sleep 60")
    with xterm(screen, *command, log=tmp_path / "xterm.log", geometry="60x20+100+80"):
        eventually(shows_text, 15)


@pytest.mark.parametrize("how", ["shared pixmaps", "shared bands"])
def test_a_thousand_rectangles_while_capturing(
    screen: str, painter: Painter, slot: OneSlot, how: str, request: pytest.FixtureRequest
) -> None:
    if how == "shared bands":
        request.getfixturevalue("bands")
    capture = X11Capture(screen)
    slot.attach_to(capture)
    assert capture.backend == f"x11 ({how})"
    dice = random.Random(7)
    for number in range(1000):
        x, y = dice.randrange(WIDTH), dice.randrange(HEIGHT)
        rect = Rect(x, y, dice.randint(1, WIDTH - x), dice.randint(1, HEIGHT - y))
        painter.fill(rect, dice.randrange(1 << 24), wait=False)
        if number % 5 == 0:
            capture.handle_events()
            if capture.frame_due(0.0) is not None:
                capture.draw(slot, 0.0)
    painter.wait()
    draw_all(capture, slot)
    np.testing.assert_array_equal(slot.pixels, grab(screen))
    capture.close()


def test_many_scattered_changes_are_coarsened(
    screen: str, capture: X11Capture, painter: Painter, slot: OneSlot
) -> None:
    draw_all(capture, slot)
    for number in range(200):
        painter.fill(Rect(5 * number, 3 * number, 2, 2), 0xABCDEF, wait=False)
    painter.wait()
    assert len(draw_all(capture, slot)) < 100
    np.testing.assert_array_equal(slot.pixels, grab(screen))


def test_stale_areas_are_brought_over(screen: str, capture: X11Capture, slot: OneSlot) -> None:
    draw_all(capture, slot)
    slot.pixels[64:128, 64:192] = 0x123456
    slot.stale = [Rect(64, 64, 128, 64)]
    assert capture.draw(slot, 0.0) == [Rect(64, 64, 128, 64)]
    np.testing.assert_array_equal(slot.pixels, grab(screen))


def test_nothing_drawn_wakes_nobody(capture: X11Capture, slot: OneSlot) -> None:
    draw_all(capture, slot)
    capture.pointer(0.0)
    capture.handle_events()
    capture.pointer(0.0)
    assert capture.frame_due(100.0) is None
    assert capture.pointer_due(100.0) is None


def test_pointer_is_followed(screen: str, capture: X11Capture, painter: Painter) -> None:
    first = capture.pointer(0.0)
    assert first.shape is not None
    assert len(first.shape.pixels) == first.shape.width * first.shape.height * 4
    painter.warp(321, 123)
    run_client(screen, "xdotool", "mousemove_relative", "4", "5")
    capture.handle_events()
    assert capture.pointer_due(1.0) == 1.0
    assert capture.pointer(1.0) == PointerUpdate(325, 128, True, None)
    painter.warp(20, 30)
    capture.handle_events()
    assert capture.pointer_due(2.0) == 2.0
    assert capture.pointer(2.0)[:3] == (20, 30, True)


def test_a_new_cursor_shape_is_noticed(capture: X11Capture, painter: Painter) -> None:
    shapes = []
    for glyph in (68, 58):
        painter.set_cursor(glyph)
        capture.handle_events()
        assert capture.pointer_due(1.0) == 1.0
        shapes.append(capture.pointer(1.0).shape)
    assert shapes[0] and shapes[1]
    assert shapes[0][:4] == (10, 16, 1, 1)
    assert shapes[1][:4] == (13, 16, 12, 0)
    assert shapes[0].pixels != shapes[1].pixels
    capture.handle_events()
    assert capture.pointer(2.0).shape is None


def test_an_arrow_stands_for_a_cursor_whose_maker_has_gone(screen: str, capture: X11Capture) -> None:
    run_client(screen, "xsetroot", "-cursor_name", "gumby")
    capture.handle_events()
    assert capture.pointer(0.0).shape == ARROW
    assert capture.pointer(0.0).shape is None


def test_without_motion_events_the_pointer_is_polled_slowly(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpvnc.capture.xpointer._select_motion", lambda connection: False)
    capture = X11Capture(screen)
    capture.pointer(10.0)
    assert capture.pointer_due(10.0) == 10.25
    slot = OneSlot(WIDTH, HEIGHT)
    slot.attach_to(capture)
    capture.draw(slot, 10.0)
    assert capture.pointer_due(10.0) == 10.05
    capture.close()
    slot.close()


def test_a_screen_that_changes_its_size(tmp_path: Path) -> None:
    with xtigervnc(tmp_path, 800, 600) as (display, _):
        capture, slot = X11Capture(display), OneSlot(800, 600)
        slot.attach_to(capture)
        capture.draw(slot, 0.0)
        np.testing.assert_array_equal(slot.pixels, grab(display))
        run_client(display, "xrandr", "--fb", "1024x768")

        def has_new_size() -> bool:
            capture.handle_events()
            return capture.size == (1024, 768)

        eventually(has_new_size)
        capture.draw(slot, 0.0)
        larger = OneSlot(1024, 768)
        larger.attach_to(capture)
        run_client(display, "xsetroot", "-solid", "#336699")
        draw_all(capture, larger)
        np.testing.assert_array_equal(larger.pixels, grab(display))
        assert (larger.pixels == 0x336699).all()
        capture.close()
        slot.close()
        larger.close()


def test_a_server_that_goes_is_an_error(tmp_path: Path) -> None:
    with xvfb(tmp_path, 320, 200) as display:
        capture, slot = X11Capture(display), OneSlot(320, 200)
        slot.attach_to(capture)
        capture.draw(slot, 0.0)
    with pytest.raises(CaptureError):
        capture.handle_events()
    with pytest.raises(CaptureError):
        capture.draw(slot, 0.0)
    capture.close()
    capture.close()
    slot.close()


def test_no_descriptor_is_left(screen: str, slot: OneSlot) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        capture = X11Capture(screen)
        slot.attach_to(capture)
        slot.attach_to(capture)
        capture.draw(slot, time.monotonic())
        capture.close()
    assert len(os.listdir("/proc/self/fd")) == before
