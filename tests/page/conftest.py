"""One browser for a module's tests, and the page of a server that shows the golden surface.

Not for the session: while playwright runs, its event loop counts as this thread's, and asyncio.run() of another test
would refuse to start one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.interop.stage import Stage, staged
from tests.support import golden
from tests.support.browser import chromium
from tests.support.servers import PORT_FOR_BROWSERS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage"), "server.workers=1", PORT_FOR_BROWSERS) as stage:
        yield stage


@pytest.fixture(scope="module")
def url(shared: Stage) -> str:
    return shared.server.page


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The server, showing the golden surface, without old events."""
    shared.show(golden.golden())
    shared.drain()
    return shared
