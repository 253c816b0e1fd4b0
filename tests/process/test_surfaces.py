"""Several programs on one server, each with its own surface: pixels, input, and a program that is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cairo
import pytest

import mpvnc
from mpvnc.errors import PublishError
from tests.process.stage import status_of
from tests.support.client import Client, dial
from tests.support.drawn import painted
from tests.support.servers import ROOT, Server, running_supervisor
from tests.support.waits import eventually

pytestmark = pytest.mark.process

RED, GREEN, BLUE = 0xFF0000, 0x00FF00, 0x0000FF
PROGRAM = """
import sys, cairo, mpvnc
surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 48)
context = cairo.Context(surface)
context.set_source_rgb(0, 0, 1)
context.paint()
with mpvnc.publish(surface, name="stage") as publication:
    print("shown", flush=True)
    for event in iter(publication.get_event, None):
        if event.name == "key" and event.down:
            print(event.key, flush=True)
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    listeners = "server.listeners=127.0.0.1:0,127.0.0.1:0#stage,127.0.0.1:0#later"
    settings = ("source.kind=publish", "source.max_surfaces=2", "server.workers=2", listeners)
    with running_supervisor(tmp_path, *settings) as one:
        monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(one.runtime_dir))
        yield one


@contextmanager
def program(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """A program that shows blue on the surface `stage`, and prints the keys that are pressed there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, env=environment) as one:
        try:
            assert line(one) == b"shown\n", server.log_tail()
            yield one
        finally:
            one.kill()


def line(one: subprocess.Popen[bytes]) -> bytes:
    assert one.stdout is not None
    return one.stdout.readline()


def view(server: Server, surface: str = "") -> Client:
    """Connect to the listener of a surface; it may have to wait for it."""
    ports = {
        name: int(port) for port, name in re.findall(r"vnc://127\.0\.0\.1:(\d+)#?(\w*)", server.ready_line)
    }
    return Client(dial(port=ports[surface]))


def sees(viewer: Client, colour: int) -> bool:
    viewer.wait_for(lambda one: one.ready)
    return bool((viewer.refresh() & 0xFFFFFF == colour).all())


def surfaces(server: Server) -> dict[str, str]:
    return {one["surface"]: one["state"] for one in status_of(server)["surfaces"]}


def test_two_surfaces_two_listeners_and_a_program_that_is_killed(server: Server) -> None:
    picture = painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 160, 120), (1, 0, 0))
    assert surfaces(server) == {"stage": "awaited", "later": "awaited"}
    with (
        view(server) as any_one,
        view(server, "stage") as other,
        mpvnc.publish(picture, name="left", title="Left") as left,
    ):
        assert (left.name, left.instance, len(left.listeners)) == ("left", "default", 2)
        assert sees(any_one, RED)
        with program(server) as stage:
            assert sees(other, BLUE) and sees(any_one, RED)
            assert (any_one.viewer.name, other.viewer.name) == ("Left", "stage")
            any_one.send_key(True, 0x61)
            other.send_key(True, 0x62)
            assert line(stage) == b"98\n"
            assert [left.get_event(10).name for _ in range(2)] == ["connect", "key"]
            assert left.get_event(0) is None and left.viewers == 1
            refused(picture, "stage", "another program publishes stage here already")
            refused(picture, "third", r"source\.max_surfaces")
            stage.send_signal(signal.SIGKILL)
        eventually(lambda: surfaces(server) == {"left": "up", "stage": "down", "later": "awaited"})
        assert sees(other, BLUE), "the last frame stays"
        lime = painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 48), (0, 1, 0))
        with mpvnc.publish(lime, name="stage") as again:
            eventually(lambda: sees(other, GREEN))
            assert sees(any_one, RED), "another surface"
            other.send_key(True, 0x63)
            eventually(lambda: keys(again) == [0x63])
            for pid in (*server.children_of_role("encoder"), *server.children_of_role("animator")):
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: all_are_new(server), 10)
            with view(server) as any_one_else, view(server, "stage") as another:
                assert sees(any_one_else, RED) and sees(another, GREEN)
                another.send_key(True, 0x64)
                eventually(lambda: 0x64 in keys(again))


def all_are_new(server: Server) -> bool:
    return all(
        child["restarts"] == 1 and child["state"] == "ready" for child in status_of(server)["children"]
    )


def keys(publication: mpvnc.Publication) -> list[int]:
    return [event.key for event in publication.events() if event.name == "key" and event.down]


def refused(picture: cairo.ImageSurface, name: str, reason: str) -> None:
    with pytest.raises(PublishError, match=reason):
        mpvnc.publish(picture, name=name)
