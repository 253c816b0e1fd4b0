from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.process.stage import SMALL_AND_QUICK
from tests.process.watch import Watcher
from tests.support.client import Client
from tests.support.servers import Server, running_supervisor, start_supervisor

Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start supervisors of the demo with short time-outs; at the end each is stopped and has left nothing."""
    with ExitStack() as stack:

        def start(*settings: str, **options: Any) -> Server:
            return stack.enter_context(running_supervisor(tmp_path, *SMALL_AND_QUICK, *settings, **options))

        yield start


@pytest.fixture
def serve_doomed(tmp_path: Path) -> Iterator[Serve]:
    """The same for supervisors that the test kills; whatever lives at the end is killed too."""
    servers: list[Server] = []

    def start(*settings: str, **options: Any) -> Server:
        servers.append(start_supervisor(tmp_path, *SMALL_AND_QUICK, *settings, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill_leftovers()
        server.process.wait(5)
        if server.process.stdout is not None:
            server.process.stdout.close()


@pytest.fixture
def watch() -> Iterator[Callable[[Client], Watcher]]:
    """Start watchers on connected clients; at the end they are stopped and closed."""
    watchers: list[Watcher] = []

    def start(client: Client) -> Watcher:
        watchers.append(Watcher(client))
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.stop()
