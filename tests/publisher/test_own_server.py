"""`publish()` with a real server of its own, or one that runs, and a real viewer."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cairo
import pytest

import mpvnc
from mpvnc.errors import PublishError
from tests.support.client import Client, connect
from tests.support.events import CursorShape, CutText, Resized
from tests.support.waits import eventually

pytestmark = pytest.mark.process
RAW, COPY_RECT, TIGHT, CURSOR, EXTENDED_DESKTOP_SIZE = 0, 1, 7, -239, -308
FORWARDED = 4
ONE_WORKER = {"server.workers": 1, "logging.log_level": "WARNING"}
KILLED = """
import os, sys, cairo, mpvnc
surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 64)
publication = mpvnc.publish(surface, port=0, settings={"server.workers": 1})
print(publication._own.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""

ENDED = """
import os, sys, cairo, mpvnc
surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 64)
lines = []
publication = mpvnc.publish(surface, port=0, settings={"server.workers": 1}, log=lines.append)
if os.fork() == 0:
    os.read(0, 1)
    os._exit(0)
sys.exit(3 if any("listening on" in line for line in lines) else 4)
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    return tmp_path


def painted(surface: cairo.ImageSurface, colour: tuple[float, float, float]) -> cairo.ImageSurface:
    context = cairo.Context(surface)
    context.set_source_rgb(*colour)
    context.paint()
    return surface


@pytest.fixture
def surface() -> cairo.ImageSurface:
    return painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 160, 120), (1, 0, 0))


@pytest.fixture
def publication(surface: cairo.ImageSurface) -> Iterator[mpvnc.Publication]:
    with mpvnc.publish(surface, port=0, title="Stage", settings=ONE_WORKER) as one:
        yield one


def viewer(publication: mpvnc.Publication, **choices: object) -> Client:
    port = re.fullmatch(r"vnc://127\.0\.0\.1:(\d+)", publication.listeners[0])
    assert port, publication.listeners
    return connect(port=int(port[1]), **choices)


def test_a_viewer_sees_the_frames(publication: mpvnc.Publication, surface: cairo.ImageSurface) -> None:
    with viewer(publication) as client:
        assert (client.refresh() & 0xFFFFFF == 0xFF0000).all()
        with publication.frame():
            painted(surface, (0, 1, 0))
        eventually(lambda: (client.refresh() & 0xFFFFFF == 0x00FF00).all())


def test_a_viewer_copies_what_moved(publication: mpvnc.Publication, surface: cairo.ImageSurface) -> None:
    stripes(surface)
    publication.publish_frame()
    with viewer(publication) as client:
        client.set_encodings([COPY_RECT, RAW])
        client.refresh()
        client.request()
        with publication.frame(moves=[(0, 0, 50, 100, 100, 0)]):
            context = cairo.Context(surface)
            context.rectangle(100, 0, 50, 100)
            context.set_source_surface(surface, 100, 0)
            context.fill()
        update = client.wait_update()
        assert [(tuple(one.rect), one.encoding) for one in update.rectangles] == [
            ((100, 0, 50, 100), COPY_RECT)
        ]
        copied = client.viewer.rgb()
        assert len(set(copied[0].tolist())) > 90 and (copied == client.refresh()).all()


def stripes(surface: cairo.ImageSurface) -> None:
    context = cairo.Context(surface)
    for x in range(160):
        context.rectangle(x, 0, 1, 120)
        context.set_source_rgb(x / 160, 0.5, 1 - x / 160)
        context.fill()


def test_what_a_viewer_does_arrives_and_is_released_when_it_goes(publication: mpvnc.Publication) -> None:
    with viewer(publication) as client:
        joined = publication.get_event(10)
        assert joined.name == "connect"
        assert publication.viewers == 1
        client.send_key(True, 0x61)
        client.send_pointer(0x09, 5, 5)
        client.cut_text("hello£")
        got = [publication.get_event(10) for _ in range(5)]
        assert [event.name for event in got] == ["key", "move", "click", "scroll", "clipboard"]
        assert {event.client for event in got} == {joined.client}
        assert abs(got[0].time - time.time()) < 10
        assert got[4].text == "hello£"
    left = [publication.get_event(10) for _ in range(3)]
    assert [event.name for event in left] == ["key", "click", "disconnect"]
    assert not left[0].down and not left[1].down
    eventually(lambda: publication.viewers == 0)


def test_nobody_controls_a_view_only_publication(surface: cairo.ImageSurface) -> None:
    with mpvnc.publish(surface, port=0, view_only=True, settings=ONE_WORKER) as publication:
        with viewer(publication) as client:
            client.send_key(True, 0x61)
            client.send_pointer(1, 5, 5)
            client.cut_text("private")
            client.refresh()
        names: list[str] = []
        eventually(lambda: names.extend(e.name for e in publication.events()) or "disconnect" in names)
        assert names == ["connect", "disconnect"]


def test_a_program_shows_two_surfaces_on_its_own_server(surface: cairo.ImageSurface) -> None:
    green = painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 64), (0, 1, 0))
    listeners = {"server.listeners": ["127.0.0.1:0", "127.0.0.1:0#right"]}
    with (
        mpvnc.publish(surface, port=0, settings={**ONE_WORKER, **listeners}) as main,
        mpvnc.publish(green, name="right", instance=main.instance) as right,
    ):
        assert (main.name, len(main.listeners), len(right.listeners)) == ("main", 2, 2)
        for publication, colour in ((main, 0xFF0000), (right, 0x00FF00)):
            with viewer(publication) as client:
                assert (client.refresh() & 0xFFFFFF == colour).all()
        main.close()
        eventually(lambda: not right.is_connected)


def test_nothing_is_shown_before_the_first_frame_if_that_is_wanted(surface: cairo.ImageSurface) -> None:
    with mpvnc.publish(surface, port=0, settings=ONE_WORKER, immediately=False) as publication:
        assert publication._link.last() is None
        with publication.frame():
            painted(surface, (0, 1, 0))
        with viewer(publication) as client:
            assert (client.refresh() == 0x00FF00).all()


def test_viewers_draw_the_cursor_of_the_program(publication: mpvnc.Publication) -> None:
    shape = cairo.ImageSurface(cairo.FORMAT_ARGB32, 3, 1)
    shape.get_data()[:12] = bytes([0, 0, 255, 255, 0, 0, 0, 0, 0, 255, 0, 255])
    with viewer(publication) as client:
        client.set_encodings([RAW, CURSOR])
        client.refresh()
        client.request()
        publication.change_cursor_surface(shape, (2, 0))
        shown = client.wait_event(CursorShape)
        assert shown[:4] == (2, 0, 3, 1)
        assert shown.mask == b"\xa0"
        client.request()
        publication.change_cursor(None)
        assert client.wait_event(CursorShape) == (0, 0, 0, 0, b"", b"")


def test_a_clipboard_reaches_who_is_there_and_who_comes(publication: mpvnc.Publication) -> None:
    with viewer(publication) as client:
        client.refresh()
        publication.change_clipboard("hello£")
        assert client.wait_event(CutText).text == "hello£"
    with viewer(publication) as client:
        client.wait_for(lambda _: CutText("hello£") in client.events)


def test_it_is_known_what_viewers_have_been_sent(
    publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    assert not publication.wait_for_viewer(0)
    with viewer(publication) as client:
        assert publication.wait_for_viewer(10)
        client.refresh()
        painted(surface, (0, 1, 0))
        number = publication.publish_frame()
        eventually(lambda: client.refresh() is not None and publication.shown() == (1, number, 1))
    eventually(lambda: publication.viewers == 0)


def test_a_viewer_asks_for_another_size(publication: mpvnc.Publication) -> None:
    with viewer(publication) as client:
        client.set_encodings([RAW, EXTENDED_DESKTOP_SIZE])
        client.refresh()
        client.viewer.set_desktop_size(200, 100)
        client.flush()
        told = client.wait_event(Resized)
        assert (told.width, told.height, told.reason, told.status) == (160, 120, 1, FORWARDED)
        events = [publication.get_event(10) for _ in range(2)]
        assert [event.name for event in events] == ["connect", "resize"]
        assert (events[1].client, events[1].width, events[1].height) == (events[0].client, 200, 100)
        publication.change_surface(painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 200, 100), (0, 0, 1)))
        publication.publish_frame()
        client.request()
        client.wait_for(lambda one: (one.width, one.height) == (200, 100))
        assert (client.refresh() & 0xFFFFFF == 0x0000FF).all()


def test_a_password_is_asked_for(surface: cairo.ImageSurface) -> None:
    with (
        mpvnc.publish(surface, port=0, password="secret", settings=ONE_WORKER) as publication,
        viewer(publication, password="secret") as client,
    ):
        assert (client.refresh() & 0xFFFFFF == 0xFF0000).all()


def test_settings_change_for_those_who_come(publication: mpvnc.Publication) -> None:
    with viewer(publication) as early:
        early.refresh()
        publication.change_passwords("secret")
        publication.change_settings({"encoding.enabled": ["raw"]})
        assert (early.refresh() & 0xFFFFFF == 0xFF0000).all()
        with viewer(publication, password="secret") as late:
            late.set_encodings([TIGHT, RAW])
            late.refresh()
            assert late.wait_for(lambda _: late.events)[-1].encodings == {RAW}
        for wrong, reason in (
            ({"server.workers": 3}, "server.workers cannot change"),
            ({"encoding.jpge": False}, "did you mean encoding.jpeg"),
        ):
            with pytest.raises(PublishError, match=reason):
                publication.change_settings(wrong)
        publication.change_settings({"encoding.jpeg": False})


def test_a_program_hears_what_the_server_logs_of_its_viewers(surface: cairo.ImageSurface) -> None:
    lines: list[str] = []
    with mpvnc.publish(surface, port=0, settings={"server.workers": 1}, log=lines.append) as publication:
        with viewer(publication) as client:
            client.refresh()
        publication.get_event(10)
        publication.get_event(10)
    said = [words[1] for line in lines if (words := line.split(" ", 3)[3].split(" ", 1))[0] == "1"]
    assert [text.split(":")[0] for text in said] == [
        "127.0.0.1 connected", "127.0.0.1 chose the security type NONE", "127.0.0.1 joined", "127.0.0.1 left",
    ]  # fmt: skip


def test_a_server_that_cannot_start_says_so(surface: cairo.ImageSurface) -> None:
    with pytest.raises(PublishError, match=r"exit code 4: .* without a password.*password="):
        mpvnc.publish(surface, port=0, host="0.0.0.0")


def test_a_program_that_ends_leaves_no_server_though_a_child_lives(directory: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", ENDED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.wait(60) == 3
        eventually(lambda: not list((directory / "run").glob("nameless-*")), 10)
        assert program.stdin is not None and program.stderr is not None
        program.stdin.write(b"x")
        program.stdin.close()
        assert program.stderr.read() == b""


def test_a_killed_program_leaves_no_server(directory: Path) -> None:
    program = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, timeout=60, check=False)
    assert program.returncode == -9
    assert int(program.stdout) > 0
    eventually(lambda: not list((directory / "run").glob("nameless-*")), 10)


@contextmanager
def server_named(name: str) -> Iterator[subprocess.Popen[bytes]]:
    overrides = (f"server.name={name}", "source.kind=publish", "server.port=0", "server.workers=1")
    command = [
        sys.executable,
        "-m",
        "mpvnc",
        "start",
        *(word for one in overrides for word in ("--set", one)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            assert b"ready" in server.stdout.readline()
            yield server
        finally:
            server.terminate()


def test_a_program_joins_a_server_that_runs(surface: cairo.ImageSurface) -> None:
    with server_named("stage"):
        for _ in range(2):
            with mpvnc.publish(surface, name="stage") as publication:
                with pytest.raises(PublishError, match="its own settings"):
                    publication.change_passwords("secret")
                with pytest.raises(PublishError, match="another program"):
                    mpvnc.publish(surface, name="stage")
                with viewer(publication) as client:
                    assert (client.refresh() & 0xFFFFFF == 0xFF0000).all()


def test_viewers_stay_when_the_program_is_started_again(surface: cairo.ImageSurface) -> None:
    with server_named("stage"):
        with mpvnc.publish(surface, name="stage") as publication:
            client = viewer(publication)
            client.refresh()
        with client:
            assert (client.refresh() & 0xFFFFFF == 0xFF0000).all()
            client.request()
            with mpvnc.publish(painted(surface, (0, 1, 0)), name="stage"):
                client.wait_update()
                assert (client.viewer.rgb() == 0x00FF00).all()


def test_a_publication_outlives_its_server(surface: cairo.ImageSurface) -> None:
    with server_named("stage") as server:
        publication = mpvnc.publish(surface, name="stage")
        server.kill()
        server.wait()
    with publication:
        eventually(lambda: not publication.is_connected)
        with server_named("stage"):
            eventually(lambda: publication.is_connected, 10)
            with viewer(publication) as client:
                assert (client.refresh() & 0xFFFFFF == 0xFF0000).all()
                assert publication.get_event(10).name == "connect"
                with publication.frame():
                    painted(surface, (0, 0, 1))
                eventually(lambda: (client.refresh() & 0xFFFFFF == 0x0000FF).all())
