"""A desktop that scrolls. What viewers copy themselves is exact, and costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support import golden, xserver
from tests.support.client import Client
from tests.support.events import Update
from tests.support.servers import Server, running_supervisor
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.x11, pytest.mark.timeout(60)]
RAW, COPYRECT, TIGHT, ZRLE = 0, 1, 7, 16


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with xserver.xvfb(tmp_path_factory.mktemp("display"), 640, 480, cursor=False) as display:
        yield display


@pytest.fixture(scope="module")
def server(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = ("source.kind=x11", f"source.display={display}", "server.workers=2", "encoding.pointer=false")
    with running_supervisor(tmp_path_factory.mktemp("scrolling"), *settings) as server:
        yield server


def viewer(server: Server, *encodings: int) -> Client:
    client = server.connect()
    client.set_encodings(encodings)
    return client


def copies(client: Client) -> list[Update]:
    return [event for event in client.events if isinstance(event, Update) and COPYRECT in event.encodings]


def wire_bytes(update: Update) -> int:
    return sum(rectangle.wire_bytes for rectangle in update.rectangles)


@pytest.mark.parametrize("encoding", [RAW, TIGHT, ZRLE])
def test_a_scrolling_root_is_copied(display: str, server: Server, encoding: int) -> None:
    painter = xserver.Painter(display)
    picture = golden.text(640, 480)
    painter.paint(picture)
    with viewer(server, COPYRECT, encoding) as client, viewer(server, encoding) as plain:
        for each in (client, plain):
            each.request(incremental=False)
            follow(each, picture)
        for _ in range(10):
            painter.scroll(0, -12)
            picture[:-12] = picture[12:].copy()
            follow(client, picture)
            follow(plain, picture)
        assert len(copies(client)) >= 5 and not copies(plain)
        assert min(map(wire_bytes, copies(client))) < 100
    painter.close()


def follow(client: Client, picture: np.ndarray) -> None:
    """Request updates until the viewer holds exactly that picture."""
    while not np.array_equal(client.viewer.rgb(), picture):
        client.request()
        client.wait_update()


def test_a_terminal_scrolls(display: str, server: Server, tmp_path: Path) -> None:
    lines = "i=0; while [ $i -lt 120 ]; do echo line $i $((i * i * 7919)); i=$((i + 1)); sleep 0.02; done"
    with viewer(server, COPYRECT, ZRLE) as client, viewer(server, ZRLE) as other:
        client.request(incremental=False)
        client.wait_update()
        with xserver.xterm(display, "sh", "-c", f"{lines}; touch {tmp_path}/done; cat", log=tmp_path / "log"):
            while not (tmp_path / "done").exists():
                client.request()
                client.listen(0.02)
            eventually(lambda: same(client, other), what="the same picture")
    assert len(copies(client)) >= 3


def same(client: Client, other: Client) -> bool:
    """Take what is left of the updates, and compare with a picture that is sent anew."""
    other.refresh()
    client.request()
    client.listen(0.1)
    return np.array_equal(client.viewer.rgb(), other.viewer.rgb())
