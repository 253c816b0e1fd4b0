"""What holds for all tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is slow; that is no fault of an example.
settings.register_profile("mpvnc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mpvnc")


_numbers = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pytest's own has the test's name in it, which leaves no room for UNIX sockets (107 bytes)."""
    return tmp_path_factory.mktemp(f"t{next(_numbers)}", numbered=False)


@pytest.fixture(scope="session", autouse=True)
def state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Servers of the tests share a certificate, and leave the one of whoever runs them alone."""
    directory = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(directory))
        yield directory / "mpvnc"
