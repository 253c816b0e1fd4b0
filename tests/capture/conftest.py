from collections.abc import Iterator

import pytest

from tests.support.xserver import xvfb


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One display of 1000x700 for all tests that draw on it."""
    with xvfb(tmp_path_factory.mktemp("screen"), 1000, 700, cursor=True) as display:
        yield display
