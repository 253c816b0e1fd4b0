"""Who checks the checker: the viewer against other people's servers, the screen grab against their viewer.

A known picture is painted by an X client on TigerVNC's X server (or on Xvfb under x11vnc); whatever encoding
and pixel format carries it, the viewer must hold exactly these pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support import golden, peers, xserver
from tests.support.client import Client, connect
from tests.support.events import EndOfContinuousUpdates, Resized
from tests.support.formats import BGRX, FORMATS, RGB332, RGB565
from tests.support.pixelformat import PixelFormat
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

RAW, COPYRECT, RRE, HEXTILE, ZLIB, TIGHT, ZRLE, JPEG = 0, 1, 2, 5, 6, 7, 16, 21
CURSOR, LAST_RECT, EXTENDED_SIZE, NAME, FENCE, CONTINUOUS = -239, -224, -308, -307, -312, -313
WIDTH, HEIGHT = 320, 200


@dataclass
class Peer:
    """A server, and the hand that paints what it shows."""

    port: int
    painter: xserver.Painter

    def client(self, encodings: list[int], fmt: PixelFormat | None = None) -> Client:
        client = connect(port=self.port)
        if fmt is not None:
            client.set_pixel_format(fmt)
        client.set_encodings([*encodings, CURSOR, LAST_RECT])
        client.send_pointer(0, 0, 0)
        return client


@pytest.fixture(scope="module")
def tigervnc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peers.xtigervnc(tmp_path_factory.mktemp("tiger"), WIDTH, HEIGHT) as (display, port):
        painter = xserver.Painter(display)
        yield Peer(port, painter)
        painter.close()


@pytest.fixture(scope="module")
def x11vnc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    directory = tmp_path_factory.mktemp("x11vnc")
    with xserver.xvfb(directory, WIDTH, HEIGHT) as display:
        painter = xserver.Painter(display)
        with peers.x11vnc(directory, display) as port:
            yield Peer(port, painter)
        painter.close()


def encodings_seen(client: Client) -> set[int]:
    return set().union(*(getattr(event, "encodings", ()) for event in client.events))


@pytest.mark.parametrize("scene", golden.SCENES)
@pytest.mark.parametrize("fmt", [BGRX, RGB565, RGB332], ids=["32", "16", "8"])
def test_tigervnc_pixels(tigervnc: Peer, scene: str, fmt: PixelFormat) -> None:
    picture = golden.representable(golden.SCENES[scene](WIDTH, HEIGHT), fmt)
    tigervnc.painter.paint(picture)
    for encoding in (RAW, RRE, HEXTILE, ZRLE, TIGHT):
        with tigervnc.client([encoding], fmt) as client:
            assert np.array_equal(client.refresh(), picture), encoding
            raw_is_smaller = encoding == RRE and scene in ("golden", "noise", "photo")
            assert encoding in encodings_seen(client) or raw_is_smaller


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "30bit"])
def test_tigervnc_formats(tigervnc: Peer, name: str) -> None:
    """TigerVNC refuses channels of 10 bits, and packs CPIXELs at depth 32 against the specification."""
    fmt = FORMATS[name]
    picture = golden.representable(golden.palette(WIDTH, HEIGHT, colours=200), fmt)
    tigervnc.painter.paint(picture)
    for encoding in (RAW, HEXTILE, TIGHT) if fmt.depth == 32 else (RAW, HEXTILE, TIGHT, ZRLE):
        with tigervnc.client([encoding], fmt) as client:
            assert np.array_equal(client.refresh(), picture), encoding


@pytest.mark.parametrize("fmt", [BGRX, FORMATS["rgbx-big"], RGB565], ids=["bgrx", "rgbx-big", "565"])
def test_tigervnc_tight_jpeg(tigervnc: Peer, fmt: PixelFormat) -> None:
    picture = golden.representable(golden.photo(WIDTH, HEIGHT), fmt)
    tigervnc.painter.paint(picture)
    with tigervnc.client([TIGHT, -23], fmt) as client:
        found = client.refresh()
        assert golden.psnr(found, picture) > 30
        assert fmt != BGRX or not np.array_equal(found, picture), "no JPEG was used"


def test_tigervnc_streams_over_many_updates(tigervnc: Peer) -> None:
    for encoding in (ZRLE, TIGHT, HEXTILE):
        with tigervnc.client([encoding, COPYRECT]) as client:
            for round_number, scene in enumerate(["noise", "text", "solid", "palette", "text", "noise"]):
                picture = golden.SCENES[scene](WIDTH, HEIGHT)
                tigervnc.painter.paint(picture)
                assert np.array_equal(client.refresh(), picture), (encoding, round_number)


def test_tigervnc_copyrect_and_incremental_updates(tigervnc: Peer) -> None:
    picture = golden.noise(WIDTH, HEIGHT)
    tigervnc.painter.paint(picture)
    with tigervnc.client([ZRLE, COPYRECT]) as client:
        client.refresh()
        client.request()
        tigervnc.painter.scroll(0, 32)
        picture[32:] = picture[:-32].copy()
        update = client.wait_update()
        assert COPYRECT in update.encodings
        assert np.array_equal(client.viewer.rgb(), picture)
        client.request()
        tigervnc.painter.fill(10, 20, 30, 40, 0x00FF00)
        picture[20:60, 10:40] = 0x00FF00
        client.wait_update()
        assert np.array_equal(client.viewer.rgb(), picture)


def test_tigervnc_format_changes_behind_a_fence(tigervnc: Peer) -> None:
    picture = golden.representable(golden.text(WIDTH, HEIGHT), RGB565)
    tigervnc.painter.paint(picture)
    with tigervnc.client([ZRLE, FENCE, CONTINUOUS]) as client:
        client.wait_for(lambda viewer: viewer.ledger.fence_known and viewer.ledger.continuous_known)
        assert np.array_equal(client.refresh(), picture)
        client.viewer.enable_continuous_updates(True)
        for fmt in (RGB565, BGRX, FORMATS["rgb565-big"]):
            client.set_pixel_format(fmt)
            client.wait_for(lambda viewer, fmt=fmt: viewer.format == fmt)
            assert np.array_equal(client.refresh(), picture)
        tigervnc.painter.fill(0, 0, 50, 50, 0xFF0000)
        client.wait_for(lambda viewer: viewer.rgb()[49, 49] == 0xFF0000)
        client.viewer.enable_continuous_updates(False)
        client.flush()
        client.wait_event(EndOfContinuousUpdates)
        client.viewer.ledger.forget_requests()
        tigervnc.painter.fill(0, 0, 50, 50, 0x0000FF)
        assert client.listen(0.2) == []


def test_tigervnc_resizes(tigervnc: Peer) -> None:
    with tigervnc.client([RAW, EXTENDED_SIZE, NAME]) as client:
        client.refresh()
        assert client.viewer.screens[0][1:5] == (0, 0, WIDTH, HEIGHT)
        for width, height in ((400, 240), (WIDTH, HEIGHT)):
            client.viewer.set_desktop_size(width, height)
            client.request()
            client.wait_event(Resized)
            assert client.viewer.resizes[-1][:4] == (width, height, 1, 0)
            assert client.refresh().shape == (height, width)


@pytest.mark.parametrize("scene", ["noise", "text", "solid"])
@pytest.mark.parametrize("fmt", [BGRX, RGB565], ids=["32", "16"])
def test_x11vnc_zlib(x11vnc: Peer, scene: str, fmt: PixelFormat) -> None:
    """One stream over several updates; x11vnc polls, so the picture may be late, but it must come."""
    with x11vnc.client([ZLIB], fmt) as client:
        for seed in (1, 2, 3):
            picture = golden.representable(golden.SCENES[scene](WIDTH, HEIGHT) ^ seed * 0x070707, fmt)
            x11vnc.painter.paint(picture)
            eventually(lambda picture=picture: np.array_equal(client.refresh(), picture), 10)
        assert encodings_seen(client) - {CURSOR} == {ZLIB}


def test_tigervnc_viewer_shows_what_its_server_has(tigervnc: Peer, tmp_path: Path) -> None:
    picture = golden.text(WIDTH, HEIGHT)
    tigervnc.painter.paint(picture)
    with connect(port=tigervnc.port) as client:
        title = client.viewer.name
    options = ("-PreferredEncoding=ZRLE", "-AutoSelect=0", "-FullColour=1", "-NoJPEG=1")
    with (
        xserver.xvfb(tmp_path, 640, 480) as display,
        peers.tigervnc_viewer(tmp_path, display, tigervnc.port, *options, title=title) as viewer,
    ):
        viewer.wait_shows(picture)


def test_xterm_and_xev_receive_input(tigervnc: Peer, tmp_path: Path) -> None:
    display = tigervnc.painter.display
    with tigervnc.client([RAW]) as client:
        with xserver.xev(display, tmp_path / "xev.log", "200x100+50+40") as log:
            client.send_pointer(0, 100, 80)
            client.send_pointer(1, 100, 80)
            client.send_pointer(0, 100, 80)
            eventually(lambda: "ButtonRelease" in log.read_text())
            client.send_key(True, 0x61)
            client.send_key(False, 0x61)
            eventually(lambda: "keysym 0x61, a" in log.read_text())
        typed = tmp_path / "typed"
        with xserver.xterm(display, "sh", "-c", f"cat > {typed}", log=tmp_path / "xterm.log"):
            client.send_pointer(0, 20, 20)
            eventually(typed.exists)
            for keysym in b"ok\r":
                for down in (True, False):
                    client.send_key(down, 0xFF0D if keysym == 13 else keysym)
            eventually(lambda: typed.read_text() == "ok\n")


def test_a_wrong_byte_from_a_real_server_would_be_seen(tigervnc: Peer) -> None:
    """The pixel comparison itself can fail: one changed pixel is one difference."""
    picture = golden.text(WIDTH, HEIGHT)
    tigervnc.painter.paint(picture)
    tigervnc.painter.fill(5, 6, 1, 1, 0x123456)
    with tigervnc.client([ZRLE]) as client:
        assert np.argwhere(client.refresh() != picture).tolist() == [[6, 5]]
