from __future__ import annotations

import os

import pytest

from mpvnc.metrics import Counter, StatusPage, create_status_page
from mpvnc.supervisor.rates import WINDOW_TICKS, Rates


@pytest.fixture
def page():
    fd = create_status_page(2)
    page = StatusPage(fd, 2)
    os.close(fd)
    yield page
    page.close()


def test_rates_are_of_the_last_ticks_and_of_what_moves(page):
    rates = Rates(page, [0, 1])
    assert rates.of(0) == {}
    for second in range(3 * WINDOW_TICKS):
        rates.tick(float(second))
        page.slot(0).add(Counter.FRAMES, 1 if second < WINDOW_TICKS else 30)
        page.slot(0).add(Counter.SESSIONS)
    assert rates.of(0) == {"frames": 30.0}
    assert rates.of(1) == {}
