"""An X display through the server: pixels, pointer, input, and a desktop that stands still."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xcffib
import xcffib.xfixes

from tests.interop.pointer import with_pointer
from tests.support import golden, peers, processes, xserver
from tests.support.client import Client
from tests.support.display import LoggingClient
from tests.support.drawing import Painter as CursorPainter
from tests.support.events import CursorShape, Resized
from tests.support.formats import BGRX, RGB565
from tests.support.servers import Server, running_supervisor
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = [pytest.mark.interop, pytest.mark.x11, pytest.mark.timeout(60)]
RAW, ZRLE, CURSOR, FENCE, CONTINUOUS, DESKTOP_SIZE, EXTENDED_SIZE = 0, 16, -239, -312, -313, -223, -308
POINTER_POS = -232
SHIFT, SETTLED_S = 0xFFE1, 0.3


@dataclass
class Desktop:
    """A display, the server that shows it, and a hand that paints on it."""

    display: str
    server: Server
    painter: xserver.Painter

    def client(self, *encodings: int) -> Client:
        client = self.server.connect()
        client.set_encodings(encodings or (ZRLE,))
        return client

    def check(self, client: Client, picture: np.ndarray, *, anew: bool = True) -> None:
        """Let the viewer request on (anew: from the beginning) until it holds exactly that picture."""
        client.request(incremental=not anew)
        while not np.array_equal(client.viewer.rgb(), picture):
            client.wait_update()
            client.request()


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    directory = tmp_path_factory.mktemp("desktop")
    with xserver.xvfb(directory, 640, 480, cursor=True) as display:
        painter = xserver.Painter(display)
        settings = ("source.kind=x11", f"source.display={display}", "server.workers=2")
        with running_supervisor(directory, *settings) as server:
            yield Desktop(display, server, painter)
        painter.close()


@pytest.fixture
def keyboard(desktop: Desktop) -> Iterator[LoggingClient]:
    """A window with the focus that notes what it gets."""
    window = LoggingClient(desktop.display)
    yield window
    window.close()


def keysym(character: str) -> int:
    point = ord(character)
    return point if point < 0x100 else 0x01000000 + point


# -- pixels


@pytest.mark.parametrize("scene", ["golden", "text", "noise"])
def test_what_is_drawn_is_seen_within_a_second(desktop: Desktop, scene: str) -> None:
    with desktop.client() as client:
        client.refresh()
        client.request()
        picture = golden.SCENES[scene](640, 480)
        desktop.painter.paint(picture)
        while not np.array_equal(client.viewer.rgb(), picture):
            client.wait_update(1.0)
            client.request()


def test_a_hundred_little_changes(desktop: Desktop) -> None:
    picture = golden.noise(640, 480)
    desktop.painter.paint(picture)
    rng = np.random.default_rng(1)
    with desktop.client() as client:
        desktop.check(client, picture)
        for _ in range(100):
            x, y = int(rng.integers(630)), int(rng.integers(470))
            width, height, colour = (
                int(rng.integers(1, 9)),
                int(rng.integers(1, 9)),
                int(rng.integers(1 << 24)),
            )
            desktop.painter.fill(x, y, width, height, colour)
            picture[y : y + height, x : x + width] = colour
            if rng.integers(4) == 0:
                while not np.array_equal(client.viewer.rgb(), picture):
                    client.request()
                    client.wait_update()
        desktop.check(client, picture)


def test_a_desktop_that_stands_still(desktop: Desktop) -> None:
    clients = [desktop.client(ZRLE, CURSOR, FENCE, CONTINUOUS) for _ in range(4)]
    try:
        for client in clients:
            client.refresh()
            client.request()
            client.listen(SETTLED_S)
        pids = desktop.server.children
        before = {pid: processes.cpu_seconds(pid) for pid in pids}
        received = [client.bytes_received for client in clients]
        for client in clients:
            assert client.listen(0.4) == []
        assert [client.bytes_received for client in clients] == received
        used = sum(processes.cpu_seconds(pid) - before[pid] for pid in pids)
        assert used < 0.1 * TIME_FACTOR
    finally:
        for client in clients:
            client.close()


# -- the cursor


def test_the_cursor_is_the_displays(desktop: Desktop) -> None:
    """XFIXES tells its image; the viewer that moves the pointer gets it in its own pixel format."""
    connection = xcffib.connect(display=desktop.display)
    fixes = connection(xcffib.xfixes.key)
    fixes.QueryVersion(5, 0).reply()
    root = connection.get_setup().roots[0].root
    font, glyph = connection.generate_id(), connection.generate_id()
    connection.core.OpenFont(font, 6, "cursor")
    connection.core.CreateGlyphCursor(glyph, font, font, 34, 35, 65535, 0, 0, 0, 0, 65535)
    connection.core.ChangeWindowAttributes(root, xcffib.xproto.CW.Cursor, [glyph])
    connection.core.GetInputFocus().reply()
    try:
        for fmt in (BGRX, RGB565):
            with desktop.server.connect() as client:
                client.set_pixel_format(fmt)
                client.set_encodings([RAW, CURSOR])
                client.send_pointer(0, 100, 100)
                client.refresh()
                shape = shown_cursor(client)
                image = fixes.GetCursorImage().reply()
                assert (shape.width, shape.height) == (image.width, image.height)
                assert (shape.hot_x, shape.hot_y) == (image.xhot, image.yhot)
                argb = np.array(image.cursor_image, np.uint32).reshape(image.height, image.width)
                mask = np.unpackbits(np.frombuffer(shape.mask, np.uint8).reshape(image.height, -1), axis=1)
                opaque = mask[:, : image.width].astype(bool)
                assert np.array_equal(opaque, argb >> 24 == 255)
                values = fmt.pixels(shape.pixels).reshape(opaque.shape)
                assert np.array_equal(fmt.to_rgb(values)[opaque], (argb & 0xFFFFFF)[opaque])
    finally:
        desktop.painter._hide_pointer()
        connection.disconnect()


def shown_cursor(client: Client) -> CursorShape:
    """Return the first cursor with pixels in it that the client gets."""
    while client.viewer.cursor is None or client.viewer.cursor.width == 0:
        client.send_pointer(0, 101, 100 + client.viewer.updates % 2)
        client.request()
        client.wait_update()
    return client.viewer.cursor


def test_a_viewer_that_can_is_told_where_the_pointer_went(desktop: Desktop) -> None:
    hand = CursorPainter(desktop.display)
    try:
        with desktop.client(RAW, POINTER_POS) as client, desktop.client(RAW, CURSOR) as other:
            other.refresh()
            client.request(incremental=False)
            for place in ((30, 40), (639, 479), (0, 0)):
                hand.warp(*place)
                while client.viewer.pointer != place:
                    client.wait_update()
                    client.request()
            other.send_pointer(0, 200, 100)
            while client.viewer.pointer != (200, 100):
                client.wait_update()
                client.request()
            assert other.viewer.pointer is None
    finally:
        hand.close()


@pytest.mark.parametrize("seed", range(2))
def test_the_pointer_in_the_picture_of_whoever_asks_for_parts(desktop: Desktop, seed: int) -> None:
    """It moves, the screen changes under it, parts are requested: in the end it is where it stands, once."""
    rng = np.random.default_rng(seed)
    picture = golden.text(640, 480)
    desktop.painter.paint(picture)
    hand = CursorPainter(desktop.display)
    hand.set_cursor(58)
    try:
        with desktop.client(ZRLE) as client:
            client.refresh()
            for _ in range(60):
                x, y, part = int(rng.integers(640)), int(rng.integers(480)), rng.integers(1, 200, 2).tolist()
                match rng.integers(4):
                    case 0:
                        hand.warp(x, y)
                    case 1:
                        desktop.painter.fill(x, y, *part, 0xFF8000)
                        picture[y : y + part[1], x : x + part[0]] = 0xFF8000
                    case 2:
                        client.request(bool(rng.integers(2)), (x, y, *part))
                    case _:
                        client.listen(0.02)
            x, y = int(rng.integers(640)), int(rng.integers(480))
            hand.warp(x, y)
            desktop.check(client, with_pointer(desktop.display, picture, x, y), anew=False)
    finally:
        desktop.painter._hide_pointer()
        hand.close()


# -- input


KEYS = (
    *range(0x20, 0x7F), *range(0xA1, 0x100), *map(keysym, "\u20ac\u03a9\u65e5\u672c\U0001f600"),
    0xFF08, 0xFF09, 0xFF0D, 0xFF1B, 0xFF63, 0xFFFF, *range(0xFF50, 0xFF58), *range(0xFFBE, 0xFFCA),
    *range(0xFFE1, 0xFFE5), *range(0xFFE9, 0xFFED),
    0xFFAA, 0xFFAB, 0xFFAD, 0xFFAE, 0xFFAF, *range(0xFFB0, 0xFFBA),
)  # fmt: skip


def test_every_key_arrives_as_itself(desktop: Desktop, keyboard: LoggingClient) -> None:
    with desktop.client() as client:
        for symbol in KEYS:
            count = sum(one.what == "press" for one in keyboard.read())
            client.send_key(True, symbol)
            client.send_key(False, symbol)
            eventually(
                lambda symbol=symbol, count=count: (
                    symbol in [one.detail for one in keyboard.read() if one.what == "press"][count:]
                    and keyboard.pressed() == (0, 0)
                ),
                2,
                what=f"keysym {symbol:#x}",
            )


def test_buttons_wheel_and_corners(desktop: Desktop, keyboard: LoggingClient) -> None:
    with desktop.client() as client:
        wheel_turns = [(mask, 60, 61) for wheel in (0x08, 0x10, 0x20, 0x40) for mask in (wheel, 0)]
        corners = [(4, 639, 479), (0, 639, 479)]
        for mask, x, y in [(0, 50, 50), (1, 50, 50), (0, 0, 0), *wheel_turns, *corners]:
            client.send_pointer(mask, x, y)
        log = eventually(lambda: sum(one.what == "unbutton" for one in keyboard.read()) == 6 and keyboard.log)
    pressed = [(one.detail, one.x, one.y) for one in log if one.what == "button"]
    released = [(one.detail, one.x, one.y) for one in log if one.what == "unbutton"]
    wheel = [(4, 60, 61), (5, 60, 61), (6, 60, 61), (7, 60, 61)]
    assert pressed == [(1, 50, 50), *wheel, (3, 639, 479)]
    assert released == [(1, 0, 0), *wheel, (3, 639, 479)]


def test_a_viewer_that_goes_lets_go(desktop: Desktop, keyboard: LoggingClient) -> None:
    client = desktop.client()
    client.send_key(True, SHIFT)
    client.send_key(True, keysym("\u65e5"))
    client.send_pointer(1, 30, 30)
    eventually(lambda: keyboard.pressed() == (2, 0x101))
    client.close()
    eventually(lambda: keyboard.pressed() == (0, 0))


def test_typing_reaches_xev(desktop: Desktop, tmp_path: Path) -> None:
    with xserver.xev(desktop.display, tmp_path / "xev.log") as log, desktop.client() as client:
        client.send_pointer(0, 100, 100)
        for down in (True, False):
            client.send_key(down, keysym("\u00e9"))
        eventually(lambda: "keysym 0xe9, eacute" in log.read_text())
        assert "ButtonPress" not in log.read_text()


# -- size


def test_a_desktop_that_changes_its_size(tmp_path: Path) -> None:
    """Viewers that take DesktopSize, ExtendedDesktopSize, both, and neither."""
    lists = ([ZRLE, DESKTOP_SIZE], [ZRLE, EXTENDED_SIZE], [RAW, DESKTOP_SIZE, EXTENDED_SIZE], [ZRLE])
    with peers.xtigervnc(tmp_path, 800, 600) as (display, _):
        painter = xserver.Painter(display)
        painter.paint(golden.solid(800, 600))
        settings = ("source.kind=x11", f"source.display={display}", "server.workers=2")
        with running_supervisor(tmp_path, *settings) as server, ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in lists]
            for client, listed in zip(clients, lists, strict=True):
                client.set_encodings(listed)
                client.refresh()
            for width, height in ((1024, 768), (640, 480), (800, 600)):
                resize(display, width, height)
                painter.fill(0, 0, 640, 480, 0x123456)
                for client in clients[:3]:
                    follow(client, width, height)
                    # What lies beyond the painted part is the X server's to choose.
                    see_painted(client)
                shown = see_painted(clients[3])
                assert shown.shape == (600, 800)
                assert not shown[height:].any() and not shown[:, width:].any()
            refuse_a_wish(clients[1])
        painter.close()


def see_painted(client: Client) -> np.ndarray:
    """Request anew, then on, until what was painted is there; return all of it."""
    client.refresh()
    while not (client.viewer.rgb()[:480, :640] == 0x123456).all():
        client.request()
        client.wait_update()
    return client.viewer.rgb()


def refuse_a_wish(client: Client) -> None:
    """A viewer's own wish is answered 'prohibited', with the size as it is."""
    first = client.viewer.resizes[0]
    assert (first.reason, first.status, len(first.screens)) == (0, 0, 1)
    client.viewer.set_desktop_size(500, 400)
    client.flush()
    assert client.wait_event(Resized)[:4] == (800, 600, 1, 1)
    assert client.refresh().shape == (600, 800)


def resize(display: str, width: int, height: int) -> None:
    """Change the size of an X server that knows RANDR, to one of its modes."""
    environment = xserver.x_environment(display)
    subprocess.run(["xrandr", "-s", f"{width}x{height}"], env=environment, check=True, timeout=10)


def follow(client: Client, width: int, height: int) -> None:
    """Request until the client has been told of the size."""
    while (client.viewer.width, client.viewer.height) != (width, height):
        client.request()
        client.wait_update()
