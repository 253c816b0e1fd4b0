"""X servers and X clients for tests: Xvfb on a display number of its own, and helpers that paint and watch.

Everything is started with `-displayfd`, so that servers of parallel tests never meet.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mss
import numpy as np
import xcffib
import xcffib.xproto as xproto

from tests.support import processes
from tests.support.pixelformat import Image
from tests.support.waits import eventually, time_factor

STRIP_BYTES = 128 << 10


def x_environment(display: str) -> dict[str, str]:
    """Return the environment of an X client on that display."""
    return os.environ | {"DISPLAY": display, "XAUTHORITY": "/dev/null", "LC_ALL": "C.UTF-8"}


@contextmanager
def x_server(command: Sequence[str], log: Path, timeout_s: float = 10.0) -> Iterator[tuple[str, int]]:
    """Run an X server for a block; yield (display, pid). `-displayfd` is appended to the command."""
    reader, writer = os.pipe()
    with log.open("ab") as sink, os.fdopen(reader, "rb", buffering=0) as pipe:
        try:
            process = subprocess.Popen(
                [*command, "-displayfd", str(writer)],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, pass_fds=[writer], start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(writer)
        try:
            yield ":" + processes.read_line(pipe, timeout_s), process.pid
        finally:
            processes.stop(process)


@contextmanager
def xvfb(
    directory: Path,
    width: int = 640,
    height: int = 480,
    depth: int = 24,
    *options: str,
    cursor: bool = False,
) -> Iterator[str]:
    """Run Xvfb for a block; yield its display, such as ':7', on a free number unless the options name one.

    No TCP; no cursor is drawn unless asked for. It stays as it is when its last client goes.
    """
    screen = f"{width}x{height}x{depth}"
    command = ["Xvfb", *options, "-screen", "0", screen, "-nolisten", "tcp", "-noreset"]
    if not cursor:
        command.append("-nocursor")
    with x_server(command, directory / "xvfb.log") as (display, _):
        yield display


@contextmanager
def x_client(display: str, *command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on a display for a block; its output goes to the file `log`."""
    process = processes.start(command, log=log, env=x_environment(display))
    try:
        yield process
    finally:
        processes.stop(process)


def run_client(display: str, *command: str) -> None:
    """Run a program on a display to its end, which has to be a good one."""
    subprocess.run(command, env=x_environment(display), check=True, timeout=20 * time_factor())


def grab(display: str) -> Image:
    """Return the whole screen, by another way than the server's: 0x00RRGGBB."""
    with mss.MSS(display=display, backend="xlib") as grabber:
        shot = grabber.grab(grabber.monitors[0])
    pixels: Image = np.frombuffer(shot.raw, np.uint32).reshape(shot.height, shot.width) & 0xFFFFFF
    return pixels


@contextmanager
def xterm(
    display: str, *command: str, log: Path, geometry: str = "80x24+0+0"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an xterm in UTF-8 for a block, with a command in it if given, once its window is there."""
    options = ("-u8", "-geometry", geometry, "-title", "mpvnc-xterm", *(("-e", *command) if command else ()))
    with x_client(display, "xterm", *options, log=log) as process:
        wait_window(display, "mpvnc-xterm")
        yield process


@contextmanager
def xev(display: str, log: Path, geometry: str = "200x200+0+0") -> Iterator[Path]:
    """Run xev for a block, once its window is there; yield the file that its events go to."""
    with x_client(display, "xev", "-geometry", geometry, "-name", "mpvnc-xev", log=log):
        wait_window(display, "mpvnc-xev")
        yield log


def wait_window(display: str, name: str, timeout_s: float = 10.0) -> dict[str, int]:
    """Wait until a window of that name is viewable; return its x, y, width, height on the screen."""
    return eventually(lambda: window_geometry(display, name), timeout_s, what=f"window {name!r}")


def window_geometry(display: str, name: str) -> dict[str, int] | None:
    """Return x, y, width, height of the viewable window of that name, None if there is none."""
    out = subprocess.run(
        ["xwininfo", "-name", name],
        env=x_environment(display),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    ).stdout
    if "Map State: IsViewable" not in out:
        return None
    labels = {
        "Absolute upper-left X": "x", "Absolute upper-left Y": "y", "Width": "width", "Height": "height"
    }  # fmt: skip
    fields = (line.strip().partition(":")[::2] for line in out.splitlines())
    return {labels[label]: int(value) for label, value in fields if label in labels}


class Painter:
    """Paints the root window of a display of depth 24, and hides the pointer over it."""

    def __init__(self, display: str):
        self.display = display
        self._connection: Any = xcffib.connect(display=display)  # type: ignore[no-untyped-call]
        self._screen = self._connection.get_setup().roots[0]
        self._root = self._screen.root
        assert self._screen.root_depth == 24
        self.width, self.height = self._screen.width_in_pixels, self._screen.height_in_pixels
        self._hide_pointer()

    def paint(self, image: Image) -> None:
        """Show the image (0x00RRGGBB, at most of the screen's size) at the root's corner; wait for it."""
        core, root = self._connection.core, self._root
        height, width = image.shape
        pixmap, context = self._connection.generate_id(), self._connection.generate_id()
        core.CreatePixmap(24, pixmap, root, width, height)
        core.CreateGC(context, pixmap, 0, [])
        rows = max(STRIP_BYTES // (width * 4), 1)
        for y in range(0, height, rows):
            strip = np.ascontiguousarray(image[y : y + rows], "<u4").tobytes()
            count = len(strip) // (width * 4)
            core.PutImage(
                xproto.ImageFormat.ZPixmap, pixmap, context, width, count, 0, y, 0, 24, len(strip), strip
            )  # fmt: skip
        core.ChangeWindowAttributes(root, xproto.CW.BackPixmap, [pixmap])
        core.CopyArea(pixmap, root, context, 0, 0, 0, 0, width, height)
        core.FreeGC(context)
        core.FreePixmap(pixmap)
        self.sync()

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle of the root; wait for it."""
        context = self._connection.generate_id()
        self._connection.core.CreateGC(context, self._root, xproto.GC.Foreground, [colour])
        area = _rectangle(x, y, width, height)
        self._connection.core.PolyFillRectangle(self._root, context, 1, [area])
        self._connection.core.FreeGC(context)
        self.sync()

    def scroll(self, dx: int, dy: int) -> None:
        """Copy the whole root onto itself, moved; what is uncovered keeps its pixels."""
        context = self._connection.generate_id()
        self._connection.core.CreateGC(context, self._root, 0, [])
        self._connection.core.CopyArea(self._root, self._root, context, 0, 0, dx, dy, self.width, self.height)
        self._connection.core.FreeGC(context)
        self.sync()

    def sync(self) -> None:
        """Wait until the X server has done everything."""
        self._connection.core.GetInputFocus().reply()

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()

    def _hide_pointer(self) -> None:
        core = self._connection.core
        bitmap, context, cursor = (self._connection.generate_id() for _ in range(3))
        core.CreatePixmap(1, bitmap, self._root, 1, 1)
        core.CreateGC(context, bitmap, xproto.GC.Foreground, [0])
        core.PolyFillRectangle(bitmap, context, 1, [_rectangle(0, 0, 1, 1)])
        core.CreateCursor(cursor, bitmap, bitmap, 0, 0, 0, 0, 0, 0, 0, 0)
        core.ChangeWindowAttributes(self._root, xproto.CW.Cursor, [cursor])
        self.sync()


def _rectangle(x: int, y: int, width: int, height: int) -> Any:
    return xproto.RECTANGLE.synthetic(x, y, width, height)  # type: ignore[no-untyped-call]
