"""A viewer's keys and buttons on a real desktop, through a real server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.display import LoggingClient
from tests.support.servers import Server, running_supervisor
from tests.support.waits import eventually
from tests.support.xserver import xvfb

pytestmark = [pytest.mark.process, pytest.mark.x11]
SHIFT = 0xFFE1
TEXT = "Aé€Ω日😀ñ"


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    with xvfb(tmp_path) as name:
        yield name


@pytest.fixture
def desktop(display: str) -> Iterator[LoggingClient]:
    client = LoggingClient(display)
    yield client
    client.close()


@pytest.fixture
def server(display: str, desktop: LoggingClient, tmp_path: Path) -> Iterator[Server]:
    settings = ("source.kind=x11", f"source.display={display}", "server.workers=1")
    with running_supervisor(tmp_path, *settings, timeout_s=30.0) as running:
        yield running


def keysym(character: str) -> int:
    point = ord(character)
    return point if point < 0x100 else 0x01000000 + point


def test_typing_clicking_and_leaving(server: Server, desktop: LoggingClient) -> None:
    with server.connect() as viewer:
        for character in TEXT:
            viewer.send_key(True, keysym(character))
            viewer.send_key(False, keysym(character))
        viewer.send_pointer(0x08, 40, 30)
        viewer.send_pointer(0x00, 40, 30)
        eventually(lambda: any(one.what == "unbutton" for one in desktop.read()), 10)
        typed = [one.detail for one in desktop.log if one.what == "press" and one.detail != SHIFT]
        assert typed == [keysym(character) for character in TEXT]
        step = next(one for one in desktop.log if one.what == "button")
        assert (step.detail, step.x, step.y) == (4, 40, 30)
        viewer.send_key(True, SHIFT)
        viewer.send_pointer(0x01, 50, 50)
        eventually(lambda: desktop.pressed() == (1, 0x101), 10)
    eventually(lambda: desktop.pressed() == (0, 0), 10)


@pytest.mark.parametrize("role", ["encoder", "injector"])
def test_nothing_stays_pressed_when_a_process_is_killed(
    server: Server, desktop: LoggingClient, role: str
) -> None:
    viewer = server.connect()
    viewer.send_key(True, SHIFT)
    viewer.send_pointer(0x01, 50, 50)
    eventually(lambda: desktop.pressed() == (1, 0x101), 10)
    for pid in server.children_of_role(role):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: desktop.pressed() == (0, 0), 10)
    viewer.close()
