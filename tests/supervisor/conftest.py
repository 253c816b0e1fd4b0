from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.server import Server


@pytest.fixture
def directory():
    """A runtime directory; tmp_path with the names of our sockets behind it may be too long for them (unix(7))."""
    with TemporaryDirectory(prefix="mpvnc-test-") as path:
        yield Path(path)


@pytest.fixture
def start(directory):
    started = []

    def make(*settings, **more):
        started.append(Server(directory, *settings, **more))
        return started[-1]

    yield make
    for server in started:
        server.close()
