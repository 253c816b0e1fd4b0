"""The checks that take minutes: run by hand, before a release. `scripts/soak [--short]`.

    idle    a viewer with a request pending and nothing to see still gets the next change
    whole   a screen filled with one colour after another at 100 Hz: no update shows two
    exact   random one-pixel changes at odd and even widths: the copy equals the screen after each
    kills   children killed at random under load: viewers of other workers go on, everything comes back
    colours, resizes, deaths    see animators.py
    greeting, pages    see browsers.py

Each prints a line; the exit code is 1 if one failed. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mpvnc.geometry import Rect
from tests.process.stage import SMALL_AND_QUICK, Status, status_of, wait_replaced
from tests.process.watch import Watcher
from tests.soak import animators, browsers
from tests.support.client import Client
from tests.support.drawing import Painter
from tests.support.servers import Server, running_supervisor
from tests.support.waits import eventually
from tests.support.xserver import grab, xvfb

RAW, TIGHT, ZRLE = 0, 7, 16
LOSSLESS = ((RAW,), (TIGHT,), (ZRLE,))


@contextmanager
def served_screen(width: int, height: int, *settings: str) -> Iterator[tuple[Server, Painter, str]]:
    """Serve an Xvfb without a pointer in the picture; also yield its display."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpvnc-soak-")))
        display = stack.enter_context(xvfb(directory, width, height))
        painter = Painter(display)
        stack.callback(painter.close)
        source = ("source.kind=x11", f"source.display={display}", "encoding.pointer=false")
        server = running_supervisor(directory, *source, "server.workers=2", *settings)
        yield stack.enter_context(server), painter, display


def pixel(client: Client, x: int, y: int) -> int:
    """Return a pixel of the viewer's copy as 0xRRGGBB."""
    return int(client.viewer.rgb()[y, x])


def idle(seconds: float) -> str:
    """Let viewers watch a screen that stands still: nothing is sent."""
    with served_screen(320, 240) as (server, painter, _), server.connect() as client:
        client.refresh()
        client.request()
        assert client.listen(seconds) == [], "something was sent though nothing changed"
        painter.fill(Rect(10, 10, 5, 5), 0x12AB34)
        begin = time.monotonic()
        client.wait_for(lambda _: pixel(client, 12, 12) == 0x12AB34, 2.0)
        return f"the change came {1000 * (time.monotonic() - begin):.0f} ms after {seconds:g} s of nothing"


def whole(seconds: float) -> str:
    """Paint a desktop in one colour after the other: no update ever shows two of them."""
    colours = random.Random(1)
    with served_screen(640, 480) as (server, painter, _), ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in LOSSLESS]
        painter.fill(Rect(0, 0, 640, 480), 0x102030)
        for client, encodings in zip(clients, LOSSLESS, strict=True):
            client.set_encodings(encodings)
            client.refresh()
            client.request()
        end, fill_at, seen, painted = time.monotonic() + seconds, 0.0, 0, 0
        while time.monotonic() < end:
            if time.monotonic() >= fill_at:
                fill_at = time.monotonic() + 0.01
                painter.fill(Rect(0, 0, 640, 480), colours.randrange(1 << 24))
                painted += 1
            for client in clients:
                before = client.viewer.updates
                client.receive(0.001)
                if client.viewer.updates == before:
                    continue
                picture = client.viewer.rgb()
                assert (picture == picture[0, 0]).all(), f"two colours after {seen} updates"
                seen += 1
                client.request()
        assert seen > 5 * seconds, f"only {seen} updates"
        return f"{seen} updates of {painted} colours, each of one colour"


def exact(rounds: int) -> str:
    """Change single pixels of screens of five widths: each comes, and in the end every pixel is right."""
    for width in (320, 640, 1024, 1366, 1920):
        places = random.Random(width)
        with served_screen(width, 200) as (server, painter, display), ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in LOSSLESS]
            for client, encodings in zip(clients, LOSSLESS, strict=True):
                client.set_encodings(encodings)
                client.refresh()
            for _ in range(rounds):
                x, y, colour = places.randrange(width), places.randrange(200), places.randrange(1 << 24)
                painter.fill(Rect(x, y, 1, 1), colour)
                for client in clients:
                    client.request()
                    wait_pixel(client, x, y, colour)
            for client in clients:
                assert (client.viewer.rgb() == grab(display)).all(), f"differs at width {width}"
    return f"{rounds} changes at each of five widths"


def wait_pixel(client: Client, x: int, y: int, colour: int) -> None:
    """Receive, asking on, until a pixel has its colour."""
    end = time.monotonic() + 5.0
    while pixel(client, x, y) != colour:
        assert time.monotonic() < end, f"({x}, {y}) did not come"
        before = client.viewer.updates
        client.receive(0.5)
        if client.viewer.updates != before:
            client.request()


def kills(seconds: float) -> str:
    """Acceptance of design section 6: whoever dies, the others go on."""
    dice = random.Random(3)
    killed: dict[str, int] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpvnc-soak-")))
        settings = (*SMALL_AND_QUICK, "timeouts.crash_limit=100000", "timeouts.respawn_max_s=0.2")
        server = stack.enter_context(running_supervisor(directory, *settings))
        watchers = [Watcher(server.connect()) for _ in range(6)]
        stack.callback(lambda: [watcher.stop() for watcher in watchers])
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            child = dice.choice(status_of(server)["children"])
            if child["state"] != "ready":
                continue
            os.kill(child["pid"], signal.SIGKILL)
            killed[child["role"]] = killed.get(child["role"], 0) + 1
            recover(server, watchers, child)
        return "killed " + ", ".join(f"{role} {count} times" for role, count in sorted(killed.items()))


def recover(server: Server, watchers: list[Watcher], child: Status) -> None:
    """Wait until a killed child is replaced and every viewer sees frames; lost ones come again."""
    wait_replaced(server, child, 15.0)
    for index, watcher in enumerate(watchers):
        seen = len(watcher.times) + 3
        eventually(lambda w=watcher, n=seen: len(w.times) >= n or not w.is_connected, 10.0)  # type: ignore[misc]
        if not watcher.is_connected:
            assert child["role"] == "encoder", f"a viewer was lost though the {child['role']} was killed"
            watcher.stop()
            watchers[index] = Watcher(server.connect())
            watchers[index].wait_for_more(3, 10.0)


JOBS = ["idle", "whole", "exact", "kills", "colours", "resizes", "deaths", "greeting", "pages"]


def main() -> int:
    """Run all, or those that are named."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="about one minute instead of ten")
    parser.add_argument("only", nargs="*", choices=JOBS, help="these alone")
    arguments = parser.parse_args()
    short = arguments.short
    jobs = {
        "idle": lambda: idle(8 if short else 120),
        "whole": lambda: whole(8 if short else 60),
        "exact": lambda: exact(20 if short else 1000),
        "kills": lambda: kills(15 if short else 240),
        "colours": lambda: animators.colours(8 if short else 60),
        "resizes": lambda: animators.resizes(6 if short else 30),
        "deaths": lambda: animators.deaths(6 if short else 50),
        "greeting": lambda: browsers.greeting(50 if short else 200),
        "pages": lambda: browsers.pages(10 if short else 100),
    }
    failed = 0
    for name in arguments.only or jobs:
        begin = time.monotonic()
        try:
            said = jobs[name]()
        except Exception:
            failed, said = 1, f"FAILED\n{traceback.format_exc()}"
        print(f"{name:7} {time.monotonic() - begin:6.1f} s  {said}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
