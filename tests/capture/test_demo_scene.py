import time

import cairo
import numpy as np
import pytest

from mpvnc.capture.demo_scene import CLOCK, DESIGN, PARTS, draw_background, draw_clock, draw_part


def pixels_of(surface: cairo.ImageSurface) -> np.ndarray:
    surface.flush()
    return np.frombuffer(surface.get_data(), np.uint32).reshape(surface.get_height(), -1)


def blank(width: int, height: int) -> cairo.ImageSurface:
    return cairo.ImageSurface(cairo.FORMAT_ARGB32, width, height)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_the_clock_stays_within_its_place(scale: float) -> None:
    surface = blank(int(DESIGN.width * scale) + 20, int(DESIGN.height * scale) + 10)
    for second in (0, 15, 37, 59):
        at = time.struct_time((2026, 1, 1, 9, 41, second, 0, 1, 0))
        draw_clock(cairo.Context(surface), (20, 10), scale, at)
    rows, columns = np.nonzero(pixels_of(surface))
    assert columns.min() >= 20 + CLOCK.x * scale - 1 and columns.max() <= 20 + CLOCK.right * scale
    assert rows.min() >= 10 + CLOCK.y * scale - 1 and rows.max() <= 10 + CLOCK.bottom * scale


def test_the_lights_wander_within_the_screen() -> None:
    for part in PARTS:
        places = np.array([part.at(second / 3) for second in range(3000)])
        assert (places - part.radius).min() >= 0
        assert (places[:, 0] + part.radius).max() <= DESIGN.width
        assert (places[:, 1] + part.radius).max() <= DESIGN.height
        assert np.ptp(places[:, 0]) > part.reach[0]


def test_a_light_is_round_and_clear_around() -> None:
    alpha = pixels_of(draw_part(PARTS[0], 1.0)) >> 24
    middle = alpha.shape[0] // 2
    assert alpha[middle, middle] == 255
    assert not alpha[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_the_background_covers_everything_and_shows_the_hint() -> None:
    shown, without = blank(640, 360), blank(640, 360)
    draw_background(shown, (0, 0), 0.5, "vnc://127.0.0.1:5900")
    draw_background(without, (0, 0), 0.5, "")
    assert (pixels_of(shown) >> 24 == 255).all()
    rows, columns = np.nonzero(pixels_of(shown) != pixels_of(without))
    assert rows.min() > 180 and rows.max() < 204 and columns.min() >= 43
