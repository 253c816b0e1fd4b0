"""Each example, run as a program, and a viewer that sees its point.

Those that publish by `mpvnc.publish` join one server, each with a listener of its own; the others bring theirs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.support.client import Client, dial
from tests.support.errors import Refused
from tests.support.handshake import HandshakeChoices
from tests.support.peers import free_port
from tests.support.pixelformat import Image
from tests.support.processes import stop
from tests.support.servers import ROOT, Server, running_supervisor
from tests.support.waits import eventually

pytestmark = pytest.mark.process

RAW, ZLIB, PUSH = 0, 6, 1011
DESKTOP_SIZE, CURSOR, NAME, EXTENDED_DESKTOP_SIZE = -223, -239, -307, -308
JOINING = ("animation", "new_surface", "input", "push", "name", "cursor", "scroll", "compressing", "process_pool",
           "whiteboard")  # fmt: skip
RUN = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2]).main(**json.loads(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    listeners = ",".join(f"127.0.0.1:0#{name}" for name in JOINING)
    settings = ("source.kind=publish", "server.workers=1", f"server.listeners={listeners}")
    with running_supervisor(tmp_path_factory.mktemp("examples"), *settings) as one:
        yield one


@pytest.fixture
def join(server: Server) -> Iterator[Callable[[str], Client]]:
    """Runs the example that a test asks for; returns a viewer that sees it."""
    ports = {
        name: int(port) for port, name in re.findall(r"vnc://127\.0\.0\.1:(\d+)#(\w+)", server.ready_line)
    }
    running, clients = [], []

    def run(name: str) -> Client:
        if not running:
            context = example(name, server.runtime_dir, name=name)
            context.__enter__()
            running.append(context)
        clients.append(shown(ports[name]))
        return clients[-1]

    yield run
    for client in clients:
        client.close()
    for context in running:
        context.__exit__(None, None, None)


@contextmanager
def example(script: str, runtime_dir: Path, **arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run an example until the end of the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPVNC_RUNTIME_DIR": str(runtime_dir)}
    command = [sys.executable, "-c", RUN, str(ROOT / "examples"), script, json.dumps(arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment, text=True) as program:
        try:
            yield program
        finally:
            stop(program)


def shown(port: int, password: str | None = None) -> Client:
    """Connect, and wait until there is a picture."""
    sock = eventually(lambda: dial(port=port), 15, ignoring=(ConnectionRefusedError,))
    client = Client(sock, HandshakeChoices(password=password))
    try:
        client.wait_for(lambda viewer: viewer.ready, 15)
    except BaseException:
        client.close()
        raise
    return client


def changed(client: Client, before: Image) -> Image:
    """Return the picture when it is another one."""
    return eventually(lambda: (picture := client.refresh()).tobytes() != before.tobytes() and [picture], 5)[0]


def colours(picture: Image) -> int:
    return len(np.unique(picture))


def test_an_animation_moves(join: Callable[[str], Client]) -> None:
    client = join("animation")
    first = client.refresh()
    second = changed(client, first)
    assert colours(first) > 500
    assert colours(changed(client, second)) > 500


def test_a_new_surface_has_the_size_that_is_asked_for(join: Callable[[str], Client]) -> None:
    client = join("new_surface")
    client.set_encodings([RAW, DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE])
    client.refresh()
    width = client.viewer.width
    eventually(lambda: client.refresh() is not None and client.viewer.width != width)
    client.viewer.set_desktop_size(300, 200)
    client.flush()
    eventually(lambda: client.refresh().shape == (200, 300))
    assert colours(client.refresh()) > 50


def test_a_lock_keeps_frames_whole(tmp_path: Path) -> None:
    port = free_port()
    with example("locking", tmp_path, port=port), shown(port) as client:
        pictures = [client.refresh()]
        for _ in range(4):
            pictures.append(changed(client, pictures[-1]))
    for picture in pictures:
        assert len(set(picture[2].tolist())) == 1
        assert (picture[:, :40] == picture[:, :-41:-1]).all()


def test_passwords_tell_who_may_type(tmp_path: Path) -> None:
    port = free_port()
    with example("password", tmp_path, port=port), shown(port, "readonly") as reader:
        assert reader.viewer.server is not None
        with shown(port, "password") as writer:
            joined = eventually(lambda: (picture := reader.refresh())[60, 120] >> 16 > 0xE0 and [picture])[0]
            reader.send_key(True, ord("x"))
            assert (reader.refresh() == joined).all()
            writer.send_key(True, ord("a"))
            typed = changed(reader, joined)
            assert (typed[:110] == joined[:110]).all()
        with pytest.raises(Refused):
            shown(port, "wrong")


def test_input_moves_and_paints(join: Callable[[str], Client]) -> None:
    client = join("input")
    before = client.refresh()
    client.send_pointer(0, 380, 20)
    moved = changed(client, before)
    client.send_pointer(1, 380, 20)
    painted = changed(client, moved)
    client.send_pointer(0, 380, 20)
    assert (painted[390] == moved[390]).all()


def test_frames_are_pushed_to_who_asked_once(join: Callable[[str], Client]) -> None:
    client = join("push")
    client.set_encodings([RAW, PUSH])
    client.request(incremental=False)
    client.wait_for(lambda viewer: viewer.updates >= 4)


def test_verbose_tells_what_viewers_do(tmp_path: Path) -> None:
    port = free_port()
    with example("verbose", tmp_path, port=port) as program:
        with shown(port) as client:
            client.set_encodings([ZLIB, RAW])
            assert colours(client.refresh()) > 20
        assert program.stdout is not None
        told = ""
        while " left: " not in told:
            told += program.stdout.readline()
    assert re.search(
        r"viewer \d+: 127.0.0.1 connected\n.*: 127.0.0.1 chose the security type NONE\n"
        r".*: 127.0.0.1 joined view-only\n.*: lists the encodings 6, 0\n",
        told,
    )


def test_a_name_counts_down(join: Callable[[str], Client]) -> None:
    client = join("name")
    client.set_encodings([RAW, NAME])
    client.refresh()
    for _ in range(2):
        before = client.viewer.name
        client.request()
        eventually(lambda before=before: client.refresh() is not None and client.viewer.name != before)
    assert re.fullmatch(r"\d+ seconds", client.viewer.name)


def test_a_cursor_changes_its_colour(join: Callable[[str], Client]) -> None:
    client = join("cursor")
    client.set_encodings([RAW, CURSOR])
    first = eventually(lambda: client.refresh() is not None and client.viewer.cursor)
    assert first[:4] == (24, 24, 48, 48)
    eventually(lambda: client.refresh() is not None and client.viewer.cursor != first)


def test_scrolling_travels(join: Callable[[str], Client]) -> None:
    client = join("scroll")
    before = client.refresh()
    client.send_pointer(1 << 4, 5, 5)
    down = changed(client, before)
    assert (down[100:200] == before[124:224]).mean() > 0.9
    client.send_pointer(1 << 6, 5, 5)
    assert (changed(client, down)[:, 100:200] == down[:, 124:224]).mean() > 0.8


def test_compression_pays(join: Callable[[str], Client]) -> None:
    client = join("compressing")
    client.set_encodings([ZLIB])
    before = client.bytes_received
    picture = client.refresh()
    assert client.bytes_received - before < picture.nbytes / 10


def test_two_surfaces_are_two_pictures(tmp_path: Path) -> None:
    listeners = "127.0.0.1:0#day,127.0.0.1:0#night"
    with example("two_surfaces", tmp_path, listeners=listeners) as program:
        assert program.stdout is not None
        day, night = (int(port) for port in re.findall(r"vnc://127.0.0.1:(\d+)", program.stdout.readline()))
        with shown(day) as by_day, shown(night) as by_night:
            assert by_day.viewer.name == "day" and by_night.viewer.name == "night"
            bright, dark = (brightness(one.refresh()) for one in (by_day, by_night))
    assert bright > dark + 60


def brightness(picture: Image) -> float:
    return float((picture >> 8 & 0xFF).mean())


def test_a_pool_draws_whole_frames(join: Callable[[str], Client]) -> None:
    client = join("process_pool")
    first = client.refresh()
    second = changed(client, first)
    for band in range(4):
        rows = slice(100 * band, 100 * band + 100)
        assert (first[rows] != second[rows]).any()


def test_everybody_draws_on_the_whiteboard(join: Callable[[str], Client]) -> None:
    one, other = join("whiteboard"), join("whiteboard")
    empty = one.refresh()
    for client, y in ((one, 105), (other, 305)):
        for mask, x in ((1, 100), (1, 300), (0, 300)):
            client.send_pointer(mask, x, y)
        drawn = eventually(lambda y=y: (picture := one.refresh())[y, 290] != empty[y, 290] and [picture])[0]
    assert drawn[105, 200] != drawn[305, 200]
    assert (other.refresh() == drawn).all()
    one.send_key(True, ord("c"))
    eventually(lambda: (other.refresh() == empty).all())


def test_each_example_is_short_and_says_how_to_run_it() -> None:
    scripts = sorted((ROOT / "examples").glob("*.py"))
    assert len(scripts) == 14
    for script in scripts:
        text = script.read_text()
        assert len(text.splitlines()) < 60, script.name
        assert f"python examples/{script.name}" in text.split('"""')[1]
