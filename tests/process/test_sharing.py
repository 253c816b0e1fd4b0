"""Two workers that encode for each other: every pixel arrives, also while one of them stands still."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import cairo
import numpy as np
import pytest

import mpvnc
from mpvnc.constants import Encoding
from mpvnc.pixels import Pixels
from tests.process.stage import child_of, status_of
from tests.session.stage import noise
from tests.support.client import Client
from tests.support.servers import Server, running_supervisor
from tests.support.waits import eventually

pytestmark = pytest.mark.process

SIDE = 320


class Screen:
    """A published picture that is painted anew, all of it."""

    def __init__(self) -> None:
        self.pixels = blocks(1)
        self.surface = cairo.ImageSurface.create_for_data(self.pixels, cairo.FORMAT_RGB24, SIDE, SIDE)
        self._seed = 1

    def paint(self) -> None:
        self._seed += 1
        self.pixels[...] = blocks(self._seed)


def blocks(seed: int) -> Pixels:
    """Return random squares: every tile is another one each time, and quickly decoded."""
    return noise(SIDE // 16, SIDE // 16, seed).repeat(16, 0).repeat(16, 1)


def sees(client: Client, pixels: Pixels) -> None:
    client.wait_for(lambda viewer: np.array_equal(viewer.rgb(), pixels))


def show_next(publication: mpvnc.Publication, screen: Screen, clients: Iterable[Client]) -> None:
    """Paint, and wait until these clients see it."""
    for client in clients:
        client.request()
    with publication.frame():
        screen.paint()
    for client in clients:
        sees(client, screen.pixels)


def connect(server: Server, screen: Screen) -> Client:
    client = server.connect()
    client.set_encodings([Encoding.ZRLE])
    client.request(incremental=False)
    sees(client, screen.pixels)
    return client


def test_what_one_encodes_another_sends_and_nobody_depends_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_supervisor(tmp_path, "source.kind=publish", "server.workers=2") as server:
        monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(server.runtime_dir))
        screen = Screen()
        with mpvnc.publish(screen.surface, name="stage") as publication:
            clients = [connect(server, screen) for _ in range(4)]
            for _ in range(3):
                show_next(publication, screen, clients)
            shared = eventually(lambda: (now := status_of(server))["rectangles_taken"] and now)
            assert set(shared["pixels_by_class"]) == {"zrle"}
            stopped = child_of(server, "encoder", 1)
            os.kill(stopped["pid"], signal.SIGSTOP)
            try:
                left = [clients[0], clients[2]]
                for _ in range(5):
                    show_next(publication, screen, left)
            finally:
                os.kill(stopped["pid"], signal.SIGCONT)
            eventually(lambda: status_of(server)["waits_in_vain"] > shared["waits_in_vain"])
            for client in clients[1::2]:
                client.request()
                sees(client, screen.pixels)
            show_next(publication, screen, clients)
            for client in clients:
                client.close()
