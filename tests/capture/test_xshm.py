from pathlib import Path

import numpy as np
import pytest

from mpvnc.capture import xshm
from mpvnc.capture.xconnection import XConnection
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect
from tests.support.drawing import Painter
from tests.support.slots import OneSlot
from tests.support.xserver import xvfb

pytestmark = pytest.mark.x11
WIDTH, HEIGHT = 1000, 700
RECTS = [Rect(600, 300, 50, 20), Rect(10, 20, 30, 40), Rect(900, 50, 100, 30)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (xshm.PixmapCopier, RECTS),
        (xshm.BandCopier, [Rect(0, 20, WIDTH, 60), Rect(0, 300, WIDTH, 20)]),
    ],
)
def test_what_is_said_to_be_written_is_written_and_nothing_else(
    screen: str, kind: type, written: list[Rect], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xshm, "PixmapCopier", kind)
    painter, connection, slot = Painter(screen), XConnection(screen), OneSlot(WIDTH, HEIGHT)
    painter.fill(Rect(0, 0, WIDTH, HEIGHT), 0x336699)
    copier = xshm.open_copier(connection, slot.fd, WIDTH, HEIGHT)
    assert copier.copy(slot, RECTS) == written
    connection.fence()
    expected = np.zeros((HEIGHT, WIDTH), np.uint32)
    for rect in written:
        expected[rect.y : rect.bottom, rect.x : rect.right] = 0x336699
    np.testing.assert_array_equal(slot.pixels & 0xFFFFFF, expected)
    copier.close()
    connection.close()
    painter.close()
    slot.close()


@pytest.mark.parametrize("kind", [xshm.PixmapCopier, xshm.BandCopier])
def test_rows_that_are_further_apart_are_refused(screen: str, kind: type) -> None:
    connection, slot = XConnection(screen), OneSlot(WIDTH, HEIGHT)
    copier = kind(connection, 0, WIDTH - 1, HEIGHT)
    with pytest.raises(CaptureError, match="rows are 4000 bytes apart; the X server writes 3996"):
        copier.copy(slot, RECTS)
    connection.close()
    slot.close()


def test_shared_memory_is_told_from_none(screen: str, tmp_path: Path) -> None:
    connection = XConnection(screen)
    xshm.check_shared_memory(connection)
    connection.close()
    with xvfb(tmp_path, 320, 200, 24, "-extension", "MIT-SHM") as display:
        connection = XConnection(display)
        with pytest.raises(xshm.SharedMemoryUnavailable, match="no MIT-SHM"):
            xshm.check_shared_memory(connection)
        connection.close()
