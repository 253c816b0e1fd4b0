from __future__ import annotations

import pytest

from tests.support.server import Server


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "run"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def start(directory):
    started = []

    def make(*settings, **more):
        started.append(Server(directory, *settings, **more))
        return started[-1]

    yield make
    for server in started:
        server.close()
