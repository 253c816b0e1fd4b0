from __future__ import annotations

import numpy as np

from mpvnc.geometry import Rect
from mpvnc.session.screen import area
from tests.session.stage import PaintedScreen


def test_its_area_is_all_of_it():
    assert area(PaintedScreen(np.zeros((3, 5), np.uint32))) == Rect(0, 0, 5, 3)
