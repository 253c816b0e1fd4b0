from collections.abc import Iterator

import pytest

from tests.capture.xserver import XServer, xvfb


@pytest.fixture(scope="session")
def screen() -> Iterator[XServer]:
    """One Xvfb of 1000x700 for all tests that draw on it."""
    with xvfb(1000, 700, 24, "-noreset") as server:
        yield server
