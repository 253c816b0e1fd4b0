import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mpvnc.capture.mssgrab import MssCapture
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect
from tests.support.drawing import Painter
from tests.support.peers import xtigervnc
from tests.support.slots import OneSlot
from tests.support.xserver import grab, run_client, xvfb

pytestmark = pytest.mark.x11


@pytest.fixture
def slot() -> Iterator[OneSlot]:
    slot = OneSlot(1000, 700)
    yield slot
    slot.close()


def test_a_frame_is_the_screen(screen: str, slot: OneSlot) -> None:
    capture, painter = MssCapture(screen), Painter(screen)
    painter.fill(Rect(10, 20, 300, 200), 0x887766)
    assert capture.size == (1000, 700)
    assert capture.frame_due(5.0) == 5.0
    assert capture.draw(slot, 5.0) == [Rect(0, 0, 1000, 700)]
    np.testing.assert_array_equal(slot.pixels & 0xFFFFFF, grab(screen))
    painter.close()
    capture.close()


def test_a_screen_that_changes_its_size(tmp_path: Path) -> None:
    with xtigervnc(tmp_path, 640, 480) as (display, _):
        capture, slot = MssCapture(display), OneSlot(640, 480)
        assert capture.draw(slot, 1.0) == [Rect(0, 0, 640, 480)]
        run_client(display, "xrandr", "--fb", "800x600")
        assert capture.draw(slot, 100.0) == []
        assert capture.size == (800, 600)
        capture.close()
        slot.close()


def test_a_server_that_goes_is_an_error(slot: OneSlot, tmp_path: Path) -> None:
    with xvfb(tmp_path, 1000, 700) as display:
        capture = MssCapture(display)
    with pytest.raises(CaptureError):
        capture.draw(slot, 0.0)
    capture.close()


def test_other_depths_are_refused_and_leave_no_descriptor(tmp_path: Path) -> None:
    with xvfb(tmp_path, 320, 200, 16) as display:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(CaptureError, match="depth 16"):
                MssCapture(display)
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_display_that_is_not_there() -> None:
    with pytest.raises(CaptureError, match=":9876"):
        MssCapture(":9876")
