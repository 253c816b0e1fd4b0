"""One server for all tests that only need something to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.stage import Stage, staged
from tests.support import golden

WEB = ("websocket.max_buffer_bytes=131072", "websocket.allowed_origins=https://desk.example:8443/")


@pytest.fixture(scope="session")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage"), "limits.max_client_cut_text=100000", *WEB) as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """The shared server, showing the golden surface."""
    shared_stage.show(golden.golden())
    return shared_stage


@pytest.fixture
def quiet_stage(stage: Stage) -> Stage:
    """The same, when nothing more comes of what the viewers before did."""
    stage.drain()
    return stage
