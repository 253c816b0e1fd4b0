"""Other people's viewers: what they show, pixel by pixel, and what is typed and clicked in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.interop.pointer import with_pointer
from tests.interop.stage import Stage
from tests.support import golden, peers, processes, xserver
from tests.support.display import LoggingClient
from tests.support.drawing import Painter as CursorPainter
from tests.support.pixelformat import Image
from tests.support.servers import Server, running_supervisor
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = [pytest.mark.interop, pytest.mark.x11, pytest.mark.timeout(90)]
WIDTH, HEIGHT = 1920, 1080
QUIET = ("-MenuKey=", "-RemoteResize=0", "-AutoSelect=0")
C_VIEWER = Path(__file__).with_name("libvncclient_dump.c")


@dataclass
class Scene:
    """A display with a server, and another display for the viewers."""

    display: str
    server: Server
    painter: xserver.Painter
    viewers: str
    directory: Path

    def viewer(self, *options: str) -> peers.TigerViewer:
        return peers.tigervnc_viewer(
            self.directory, self.viewers, self.server.port, *QUIET, *options, title="desk"
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("viewers")
    with (
        xserver.xvfb(directory, WIDTH, HEIGHT, cursor=True) as display,
        xserver.xvfb(directory, WIDTH + 200, HEIGHT + 100) as viewers,
    ):
        painter = xserver.Painter(display)
        settings = ("source.kind=x11", f"source.display={display}", "server.desktop_name=desk")
        with running_supervisor(directory, *settings, "server.workers=2") as server:
            yield Scene(display, server, painter, viewers, directory)
        painter.close()


def desk() -> Image:
    """Return a picture with text, noise, flat colours and a photograph."""
    picture = golden.text(WIDTH, HEIGHT)
    picture[100:500, 100:700] = golden.photo(600, 400)
    picture[600:900, 200:800] = golden.noise(600, 300)
    picture[200:700, 1000:1800] = golden.golden(800, 500)
    picture[800:1000, 1000:1800] = golden.solid(800, 200)
    return picture


def eight_colours(picture: Image) -> Image:
    return (picture >> np.uint32(7) & np.uint32(0x010101)) * np.uint32(255)


# -- TigerVNC


@pytest.mark.parametrize(
    "options",
    [
        ("-NoJPEG",),
        ("-NoJPEG", "-PreferredEncoding=ZRLE"),
        ("-PreferredEncoding=Hextile",),
        ("-PreferredEncoding=Raw",),
        ("-NoJPEG", "-CompressLevel=9", "-CustomCompressLevel"),
    ],
    ids=["tight", "zrle", "hextile", "raw", "tight-9"],
)
def test_tigervnc_shows_the_screen(scene: Scene, options: tuple[str, ...]) -> None:
    picture = desk()
    scene.painter.paint(picture)
    with scene.viewer(*options) as viewer:
        viewer.wait_shows(picture)
        scene.painter.fill(900, 500, 333, 222, 0x00C0FF)
        picture[500:722, 900:1233] = 0x00C0FF
        viewer.wait_shows(picture)


@pytest.mark.parametrize("level", [0, 1, 2], ids=["8-colours", "64-colours", "256-colours"])
def test_tigervnc_with_few_colours(scene: Scene, level: int) -> None:
    picture = eight_colours(desk())
    scene.painter.paint(picture)
    with scene.viewer("-NoJPEG", "-FullColor=0", f"-LowColorLevel={level}") as viewer:
        viewer.wait_shows(picture)


def test_tigervnc_with_jpeg_is_near(scene: Scene) -> None:
    picture = desk()
    scene.painter.paint(picture)
    with scene.viewer("-QualityLevel=9") as viewer:
        eventually(lambda: golden.psnr(viewer.grab(WIDTH, HEIGHT), picture) > 30, 10, interval_s=0.2)


def test_tigervnc_shows_the_pointer_that_somebody_else_moves(scene: Scene) -> None:
    picture = eight_colours(desk())
    scene.painter.paint(picture)
    hand = CursorPainter(scene.display)
    hand.set_cursor(58)
    try:
        with scene.viewer("-NoJPEG") as viewer:
            for x, y in ((300, 400), (1911, 1072), (0, 0)):
                hand.warp(x, y)
                viewer.wait_shows(with_pointer(scene.display, picture, x, y))
    finally:
        scene.painter._hide_pointer()
        hand.close()


def test_typing_and_clicking_in_tigervnc(scene: Scene, tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    text = "Hello, mpvnc #1 (\u00e9\u20ac\u03a9)"
    scene.painter.paint(golden.solid(WIDTH, HEIGHT))
    with (
        xserver.xterm(scene.display, "sh", "-c", f"cat > {typed}", log=tmp_path / "xterm.log"),
        scene.viewer("-NoJPEG") as viewer,
    ):
        eventually(typed.exists)
        place = xserver.wait_window(scene.viewers, viewer.title)
        focus = ("search", "--name", "TigerVNC", "windowfocus")
        # Without a window manager the viewer sends nothing of the mouse before the first click.
        at = (str(place["x"] + 40), str(place["y"] + 40))
        xdotool(scene.viewers, "mousemove", *at, "click", "1", *focus)
        xdotool(scene.viewers, "type", "--delay", "25", text)
        xdotool(scene.viewers, "key", "Return")
        eventually(lambda: typed.read_text() == text + "\n", what=f"{text!r}")
    window = LoggingClient(scene.display)
    with scene.viewer("-NoJPEG") as viewer:
        place = xserver.wait_window(scene.viewers, viewer.title)
        at = (str(place["x"] + 123), str(place["y"] + 45))
        xdotool(scene.viewers, "mousemove", *at, "click", "1", "click", "5")
        log = eventually(lambda: sum(one.what == "unbutton" for one in window.read()) == 2 and window.log)
    assert [(one.detail, one.x, one.y) for one in log if one.what == "button"] == [(1, 123, 45), (5, 123, 45)]
    window.close()


def xdotool(display: str, *arguments: str) -> None:
    environment = xserver.x_environment(display)
    subprocess.run(["xdotool", *arguments], env=environment, check=True, timeout=20 * TIME_FACTOR)


# -- others


def read_png(path: Path) -> Image:
    from PIL import Image as pil

    with pil.open(path) as image:
        rgb = np.asarray(image.convert("RGB")).astype(np.uint32)
    return rgb[..., 0] << np.uint32(16) | rgb[..., 1] << np.uint32(8) | rgb[..., 2]


def test_vncdotool_captures_types_and_clicks(quiet_stage: Stage, tmp_path: Path) -> None:
    quiet_stage.show(golden.text())
    shot = tmp_path / "shot.png"
    run(
        [str(Path(sys.executable).with_name("vncdo")), "--nocursor", "-s", f"127.0.0.1::{quiet_stage.server.port}",
         "capture", str(shot), "type", "aB", "move", "20", "30", "click", "1"],
        tmp_path / "vncdo.log",
    )  # fmt: skip
    assert np.array_equal(read_png(shot), quiet_stage.picture)
    events = quiet_stage.drain()
    keys = [event.key for event in events if event.name == "key" and event.down]
    assert [key for key in keys if key < 0xFF00] == [ord("a"), ord("B")]
    clicks = [(event.x, event.y, event.down) for event in events if event.name == "click"]
    assert clicks == [(20, 30, True), (20, 30, False)]


@pytest.mark.parametrize("name", ["golden", "text", "noise"])
def test_gvnccapture(stage: Stage, tmp_path: Path, name: str) -> None:
    stage.show(golden.SCENES[name](640, 480))
    shot = tmp_path / "shot.png"
    run(["gvnccapture", "-q", f"127.0.0.1:{stage.server.port - 5900}", str(shot)], tmp_path / "gvnc.log")
    assert np.array_equal(read_png(shot), stage.picture)


def run(command: list[str], log: Path) -> None:
    with log.open("wb") as sink:
        done = subprocess.run(command, stdout=sink, stderr=sink, timeout=20 * TIME_FACTOR, check=False)
    assert done.returncode == 0, log.read_text(errors="replace")


@pytest.fixture(scope="module")
def c_viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of libvncclient that writes the framebuffer it holds."""
    program = tmp_path_factory.mktemp("c") / "dump"
    run(["cc", "-o", str(program), str(C_VIEWER), "-lvncclient"], program.with_suffix(".log"))
    return program


@pytest.mark.parametrize("encoding", ["raw", "rre", "hextile", "zlib", "tight", "zrle"])
def test_libvncclient(stage: Stage, tmp_path: Path, c_viewer: Path, encoding: str) -> None:
    """The picture, then three changes of it, through one set of streams."""
    dump = tmp_path / "dump"
    scenes = [
        golden.text(640, 480),
        golden.noise(640, 480),
        golden.golden(640, 480),
        golden.palette(640, 480),
    ]
    stage.show(scenes[0])
    command = [str(c_viewer), f"127.0.0.1:{stage.server.port}", encoding, str(dump)]
    process = processes.start(command, log=tmp_path / "c.log")
    try:
        for picture in scenes:
            stage.show(picture)
            eventually(lambda: dumped(dump, stage.picture), 10, what=f"{encoding} {process.poll()}")
    finally:
        processes.stop(process)


def dumped(dump: Path, picture: Image) -> bool:
    """Whether the file, which is replaced as a whole with every update, holds the picture."""
    if not dump.exists():
        return False
    pixels = np.fromfile(dump, "<u4")
    return pixels.size == picture.size and np.array_equal(pixels.reshape(picture.shape) & 0xFFFFFF, picture)
