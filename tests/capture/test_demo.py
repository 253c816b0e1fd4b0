import numpy as np
import pytest

from mpvnc.capture.demo import FRAME_RATE, DemoCapture
from mpvnc.geometry import Rect, Region
from tests.support.slots import OneSlot

NOON = 1_700_000_000.0


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (641, 333), (64, 64), (1, 1)])
def test_small_steps_end_in_the_same_picture_as_a_whole_drawing(width: int, height: int) -> None:
    seconds = [NOON]
    demo = DemoCapture(width, height, "vnc://127.0.0.1:5900", lambda: seconds[0])
    slot = OneSlot(width, height)
    slot.attach_to(demo)
    for step in range(60):
        seconds[0] = NOON + step / FRAME_RATE
        demo.draw(slot, step / FRAME_RATE)
    stepped = slot.pixels.copy()
    demo.invalidate()
    assert demo.draw(slot, 59 / FRAME_RATE) == [Rect(0, 0, width, height)]
    np.testing.assert_array_equal(slot.pixels, stepped)
    slot.close()


def test_what_is_touched_is_all_that_changes_and_little() -> None:
    demo, slot = DemoCapture(1280, 720, wall_clock=lambda: NOON), OneSlot(1280, 720)
    demo.draw(slot, 0.0)
    before = slot.pixels.copy()
    touched = demo.draw(slot, 1 / FRAME_RATE)
    changed = slot.pixels != before
    assert changed.any()
    for rect in touched:
        changed[rect.y : rect.bottom, rect.x : rect.right] = False
    assert not changed.any()
    assert Region(touched).area < 1280 * 720 / 10
    slot.close()


def test_the_clock_moves_once_a_second() -> None:
    seconds = [NOON]
    demo, slot = DemoCapture(1280, 720, wall_clock=lambda: seconds[0]), OneSlot(1280, 720)
    demo.draw(slot, 0.0)
    small = Region(demo.draw(slot, 0.0)).area
    seconds[0] += 1
    assert Region(demo.draw(slot, 0.0)).area > small + 300 * 300
    assert Region(demo.draw(slot, 0.0)).area == small
    slot.close()


def test_stale_areas_are_brought_over() -> None:
    demo, slot = DemoCapture(1280, 720, wall_clock=lambda: NOON), OneSlot(1280, 720)
    demo.draw(slot, 0.0)
    good = slot.pixels.copy()
    slot.pixels[0:64, 640:704] = 0
    slot.stale = [Rect(640, 0, 64, 64)]
    assert Region(demo.draw(slot, 0.0)).contains(Rect(640, 0, 64, 64))
    np.testing.assert_array_equal(slot.pixels, good)
    slot.close()


def test_frames_are_due_at_its_own_rate_and_not_made_up_for() -> None:
    demo, slot = DemoCapture(64, 64), OneSlot(64, 64)
    assert demo.frame_due(10.0) == 10.0
    demo.draw(slot, 10.0)
    assert demo.frame_due(10.0) == pytest.approx(10.0 + 1 / FRAME_RATE)
    demo.draw(slot, 10.0 + 1.2 / FRAME_RATE)
    assert demo.frame_due(10.05) == pytest.approx(10.0 + 2 / FRAME_RATE)
    demo.draw(slot, 20.0)
    assert demo.frame_due(20.0) == pytest.approx(20.0 + 1 / FRAME_RATE)
    slot.close()


def test_the_hint_is_shown() -> None:
    pictures = []
    for hint in ("", "vnc://127.0.0.1:5901"):
        demo, slot = DemoCapture(1280, 720, hint, lambda: NOON), OneSlot(1280, 720)
        demo.draw(slot, 0.0)
        pictures.append(slot.pixels.copy())
        slot.close()
    changed = np.argwhere(pictures[0] != pictures[1])
    assert len(changed) > 200
    assert 370 <= changed[:, 0].min() <= changed[:, 0].max() <= 410
