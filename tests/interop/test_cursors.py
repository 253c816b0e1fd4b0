"""The pointer's shape and place, and frames that nobody asks for, over a socket and in a real viewer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cairo
import numpy as np
import pytest
import xcffib
import xcffib.xfixes

from tests.interop.stage import Stage
from tests.support import golden, peers, xserver
from tests.support.pixelformat import Image
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, PUSH, DESKTOP_SIZE, CURSOR, X_CURSOR, WITH_ALPHA = 0, 1011, -223, -239, -240, -314


def shape() -> cairo.ImageSurface:
    """Return a cursor of 24x16: opaque red, half-transparent blue, nothing."""
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 24, 16)
    context = cairo.Context(surface)
    for x, colour in ((0, (1, 0, 0, 1)), (8, (0, 0, 1, 0.5))):
        context.set_source_rgba(*colour)
        context.rectangle(x, 0, 8, 16)
        context.fill()
    return surface


@pytest.fixture
def pointing(stage: Stage) -> Iterator[Stage]:
    """The stage with a cursor."""
    stage.publication.change_cursor_surface(shape(), (3, 5))
    yield stage
    stage.publication.change_cursor(None)


def test_a_programs_cursor_comes_in_the_best_words_and_goes(pointing: Stage) -> None:
    with (
        pointing.client([RAW, X_CURSOR, CURSOR, WITH_ALPHA]) as best,
        pointing.client([RAW, X_CURSOR]) as simple,
    ):
        for client in (best, simple):
            client.request(incremental=False)
            client.wait_update()
        pixels = bytes((255, 0, 0, 255)) * 8 + bytes((0, 0, 128, 128)) * 8 + bytes(32)
        assert best.viewer.alpha_cursor == (3, 5, 24, 16, pixels * 16) and best.viewer.cursor is None
        assert simple.viewer.x_cursor == (
            3, 5, 24, 16, (255, 0, 0), (0, 0, 255), b"\xff\0\0" * 16, b"\xff\xff\0" * 16
        )  # fmt: skip
        for client in (best, simple):
            client.request()
        pointing.publication.change_cursor(None)
        best.wait_for(lambda viewer: viewer.alpha_cursor.width == 0)
        simple.wait_for(lambda viewer: viewer.x_cursor.width == 0)


def test_who_lists_1011_asks_once(stage: Stage) -> None:
    pictures = [golden.text(320, 200), golden.noise(320, 200), golden.solid(320, 200), golden.text(400, 300)]
    with stage.client([RAW, PUSH, DESKTOP_SIZE]) as pushed, stage.client([RAW]) as other:
        for client in (pushed, other):
            client.request(incremental=False)
            client.wait_update()
        for picture in pictures:
            stage.show(picture)
            pushed.wait_for(lambda viewer, picture=picture: np.array_equal(viewer.rgb(), picture))
        assert other.viewer.updates == 1


@pytest.mark.x11
def test_tigervnc_points_with_a_programs_cursor(pointing: Stage, tmp_path: Path) -> None:
    with (
        xserver.xvfb(tmp_path, 400, 300, cursor=True) as screen,
        peers.tigervnc_viewer(tmp_path, screen, pointing.server.port, title="stage") as viewer,
    ):
        place = xserver.wait_window(screen, viewer.title)
        xserver.run_client(screen, "xdotool", "mousemove", str(place["x"] + 50), str(place["y"] + 50))
        # It divides by alpha what came multiplied, and gives X the quotient.
        row = np.repeat(np.array([0xFFFF0000, 0x800000FF, 0], np.uint32), 8)
        eventually(lambda: np.array_equal(cursor_of(screen), np.tile(row, (16, 1))), 10, what="the cursor")


def cursor_of(display: str) -> Image:
    """Return what a display's pointer looks like, as it was given to X."""
    connection: Any = xcffib.connect(display=display)  # type: ignore[no-untyped-call]
    fixes = connection(xcffib.xfixes.key)
    fixes.QueryVersion(4, 0).reply()
    image = fixes.GetCursorImage().reply()
    pixels: Image = np.array(image.cursor_image.list, np.uint32).reshape(image.height, image.width)
    connection.disconnect()
    return pixels
