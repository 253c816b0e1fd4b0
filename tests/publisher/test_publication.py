"""A publication against a supervisor that is a thread of the test."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cairo
import pytest

import mpvnc
from mpvnc.damage import Move
from mpvnc.errors import PublishError
from mpvnc.frames import writer
from mpvnc.frames.audience import Audience
from mpvnc.geometry import Rect
from mpvnc.ipc.bus import InputReceiver, InputSender
from mpvnc.ipc.control import ControlSocket
from mpvnc.ipc.feed import EventFeed
from mpvnc.metrics import Counter
from mpvnc.publisher import opening, rejoin
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import ClientJoined, ClipboardInput, KeyInput, PointerInput, pack
from mpvnc.workers.animator import Animators
from tests.support.drawn import colours, painted
from tests.support.supervisor_thread import FakeSupervisor
from tests.support.waits import eventually


def test_a_frame_is_seen_when_it_is_left_and_rings(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    for bell in supervisor.bells:
        assert os.eventfd_read(bell)
    with publication.frame() as drawn:
        assert drawn is surface
        painted(surface, (0, 1, 0))
        assert colours(supervisor) == {0xFF0000}
    assert colours(supervisor) == {0x00FF00}
    for bell in supervisor.bells:
        assert os.eventfd_read(bell) == 1


def test_a_surface_that_is_changed_while_another_thread_publishes_is_shown_whole(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    other = painted(
        cairo.ImageSurface(cairo.FORMAT_RGB24, surface.get_width(), surface.get_height()), (0, 0, 1)
    )
    publish = publication._link.publish

    def change_meanwhile(*args: Any) -> int | None:
        publication._link.publish = publish  # type: ignore[method-assign]
        publication.change_surface(other)
        return publish(*args)

    publication._link.publish = change_meanwhile  # type: ignore[method-assign, assignment]
    publication.publish_frame()
    publication.publish_frame(damage=[(0, 0, 1, 1)])
    assert colours(supervisor) == {0x0000FF}


def test_an_exception_inside_publishes_nothing(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    with pytest.raises(ZeroDivisionError), publication.frame():
        painted(surface, (0, 1, 0))
        _ = 1 / 0
    assert colours(supervisor) == {0xFF0000}


@pytest.mark.parametrize("where", ["follow", "compare"])
def test_ctrl_c_in_the_middle_of_a_frame_costs_that_frame_alone(
    supervisor: FakeSupervisor,
    publication: mpvnc.Publication,
    surface: cairo.ImageSurface,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writer, where, interrupted)
        painted(surface, (0, 1, 0))
        publication.publish_frame()
    publication.publish_frame(damage=[])
    assert colours(supervisor) == {0x00FF00}
    eventually(lambda: supervisor.types()[-1] == "published")


def test_damage_is_where_it_looks(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    with publication.frame(damage=[(0, 0, 10, 10)]):
        painted(surface, (0, 0, 1))
    reader = supervisor.reader()
    assert reader.pixels[0, 0] == 0x0000FF
    assert reader.pixels[99, 199] == 0xFF0000
    reader.close()


def test_a_move_is_told(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    context = cairo.Context(surface)
    for step in range(20):
        context.set_source_rgb(step / 20, 1, 0)
        context.rectangle(step * 2, step, 2, 50)
        context.fill()
    publication.publish_frame()
    reader = supervisor.reader()
    assert reader.refresh() or reader.frame == reader.newest
    drawn = reader.pixels.copy()
    with publication.frame(damage=[(100, 20, 40, 60)], moves=[(0, 0, 40, 60, 100, 20)]):
        context.rectangle(100, 20, 40, 60)
        context.set_source_surface(surface, 100, 20)
        context.fill()
    assert reader.refresh() and reader.move is not None
    assert reader.move.move == Move(Rect(0, 0, 40, 60), 100, 20)
    assert not reader.move.boxes.any()
    assert (reader.pixels[20:80, 100:140] == drawn[:60, :40]).all()
    reader.close()


def test_an_unchanged_frame_is_no_frame(publication: mpvnc.Publication) -> None:
    assert publication.publish_frame() is None


def test_another_size_is_another_generation(
    supervisor: FakeSupervisor, publication: mpvnc.Publication
) -> None:
    publication.change_surface(painted(cairo.ImageSurface(cairo.FORMAT_ARGB32, 60, 40), (0, 0, 1)))
    assert len(supervisor.segments) == 1
    with publication.frame():
        pass
    reader = supervisor.reader()
    assert (reader.width, reader.height, reader.generation) == (60, 40, 2)
    assert reader.frame == 2000
    assert (reader.pixels == 0x0000FF).all()
    reader.close()


def test_a_surface_that_cannot_be_shown_leaves_the_old_one(
    publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    with pytest.raises(PublishError, match="format"):
        publication.change_surface(cairo.ImageSurface(cairo.FORMAT_A8, 10, 10))
    assert publication.surface is surface


def test_viewers_are_those_of_all_workers(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    assert publication.viewers == 0
    assert not publication.wait_for_viewer(0)
    one, other = (Audience(supervisor.status.slot(slot)) for slot in (0, 1))
    for viewer in (1, 2):
        one.join(viewer)
    other.join(3)
    assert publication.viewers == 3
    assert publication.wait_for_viewer()
    one.sent([1], 1000)
    other.sent([3], 1000)
    assert publication.shown() == (3, 1000, 2)


def test_a_viewer_is_waited_for(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    timer = threading.Timer(0.05, Audience(supervisor.status.slot(0)).join, [1])
    timer.start()
    assert publication.wait_for_viewer(10)
    timer.join()


def test_a_viewer_is_waited_for_in_asyncio(
    supervisor: FakeSupervisor, publication: mpvnc.Publication
) -> None:
    async def look() -> tuple[bool, bool]:
        early = await publication.next_viewer(0)
        asyncio.get_running_loop().call_later(0.05, Audience(supervisor.status.slot(0)).join, 1)
        return early, await publication.next_viewer(10)

    assert asyncio.run(look()) == (False, True)


def test_nobody_is_waited_for_when_it_ends(publication: mpvnc.Publication) -> None:
    timer = threading.Timer(0.05, publication.close)
    timer.start()
    assert not publication.wait_for_viewer()
    timer.join()
    with pytest.raises(PublishError, match="closed"):
        asyncio.run(publication.next_viewer())


def test_a_server_that_stops(supervisor: FakeSupervisor, surface: cairo.ImageSurface) -> None:
    with mpvnc.publish(surface, name="stage", reconnect=False) as publication:
        timer = threading.Timer(0.1, supervisor.hang_up)
        timer.start()
        assert publication.get_event(None) is None
        timer.join()
        assert publication.closed
        with pytest.raises(PublishError, match="stopped"), publication.frame():
            pass


@pytest.mark.parametrize("look", ["closed", "publish_frame"])
def test_a_server_that_has_stopped_is_noticed_by_who_asks_for_nothing_else(
    supervisor: FakeSupervisor, surface: cairo.ImageSurface, look: str
) -> None:
    with mpvnc.publish(surface, name="stage", reconnect=False) as publication:
        assert not publication.closed
        supervisor.hang_up()
        if look == "closed":
            eventually(lambda: publication.closed)
            return
        time.sleep(0.06)
        with pytest.raises(PublishError, match="stopped"):
            publication.publish_frame()


def test_waiting_takes_as_long_as_asked(publication: mpvnc.Publication) -> None:
    started = time.monotonic()
    assert publication.get_event(0) is None
    assert publication.get_event(0.2) is None
    assert time.monotonic() - started >= 0.2


def test_close_wakes_who_waits_for_events(publication: mpvnc.Publication) -> None:
    got: list[object] = []
    waiter = threading.Thread(target=lambda: got.append(publication.get_event(None)))
    waiter.start()
    publication.close()
    waiter.join(5)
    assert got == [None]
    publication.close()
    with pytest.raises(PublishError, match="closed"):
        publication.publish_frame()


def test_a_forked_child_cannot_publish(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    read, write = os.pipe()
    if os.fork() == 0:
        refused = 0
        for method in (
            publication.publish_frame, publication.change_frame, publication.get_event, publication.close,
            publication.bell, publication.shown, publication.wait_for_viewer,
            lambda: publication.change_cursor(None), lambda: publication.change_clipboard(""),
            lambda: publication.change_name(""), lambda: publication.change_surface(surface),
            lambda: publication.frame().__enter__(), lambda: asyncio.run(publication.next_event()),
        ):  # fmt: skip
            try:
                method()
            except PublishError:
                refused += 1
        os.write(write, b"%d" % refused)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "13"
    os.wait()
    painted(surface, (0, 1, 0))
    publication.publish_frame()
    assert colours(supervisor) == {0x00FF00}


def test_a_fork_while_it_is_closed_does_not_keep_the_connection(
    supervisor: FakeSupervisor, surface: cairo.ImageSurface, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = mpvnc.publish(surface, name="stage")
    read, write = os.pipe()
    send = one._link.send
    children = []

    def send_forking(*args: Any) -> None:
        if (child := os.fork()) == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        children.append(child)
        send(*args)

    monkeypatch.setattr(one._link, "send", send_forking)
    one.close()
    try:
        eventually(lambda: not supervisor._thread.is_alive())
    finally:
        os.close(write)
        os.close(read)
        os.waitpid(children[0], 0)


def test_a_child_that_is_forked_amid_a_frame_is_told_too(publication: mpvnc.Publication) -> None:
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with publication._lock:
            holding.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    if (child := os.fork()) == 0:
        signal.alarm(10)
        try:
            publication.shown()
        except PublishError:
            os._exit(0)
        os._exit(1)
    let_go.set()
    holder.join(10)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_does_not_keep_the_connection(supervisor: FakeSupervisor, surface: cairo.ImageSurface) -> None:
    one = mpvnc.publish(surface, name="stage")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    one.close()
    eventually(lambda: not supervisor._thread.is_alive())
    os.close(write)
    os.close(read)
    os.waitpid(child, 0)


def test_name_and_title_go_to_the_server(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    publication.change_name("Bühne")
    publication.bell()
    eventually(lambda: len(supervisor.heard) == 5)
    assert supervisor.heard[3] == {"type": "notice", "notice": "desktop_name", "name": "Bühne"}
    assert supervisor.heard[4] == {"type": "notice", "notice": "bell"}


def test_a_viewer_is_brought_and_sent_away(
    supervisor: FakeSupervisor, publication: mpvnc.Publication
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert publication.bring_viewer(ours) == 7
        assert supervisor.heard[-1] == {"type": "viewer"}
        assert os.path.sameopenfile(supervisor.fds[-1], ours.fileno())
    with pytest.raises(PublishError, match="no connection"):
        publication.bring_viewer(ours)
    assert not publication.closed
    publication.disconnect(7)
    assert supervisor.heard[-1] == {"type": "kick", "client": 7}
    publication.close()
    with pytest.raises(PublishError, match="closed"):
        publication.disconnect(7)


class Role:
    """The animator role's parts around a thread, between a worker's sender and a publication."""

    def __init__(self, supervisor: FakeSupervisor, directory: Path, policy: str = "shared") -> None:
        endpoint = f"ipc://{directory}/input"
        self.counters = supervisor.status.slot(3)
        feed = EventFeed(supervisor.endpoint)
        self._animators = Animators(self.counters, policy, lambda number: feed, EventFeed.close)
        self._animators.handle({"type": "surface", "surface": 0}, [])
        self._receiver = InputReceiver(endpoint)
        self.sender = InputSender(endpoint)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def send(self, *events: object) -> None:
        for event in events:
            eventually(lambda event=event: self.sender.send(pack(event)))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for one in (self._receiver, self._animators, self.sender):
            one.close()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            self._animators.take(self._receiver.receive_all())
            self._animators.send()


@pytest.fixture
def role(supervisor: FakeSupervisor, tmp_path: Path) -> Iterator[Role]:
    one = Role(supervisor, tmp_path)
    yield one
    one.close()


def test_events_of_two_clients_arrive_in_order(role: Role, publication: mpvnc.Publication) -> None:
    now = time.time()
    role.send(
        ClientJoined(7, now, False, "127.0.0.1", 0),
        KeyInput(7, now, True, 0x61),
        PointerInput(8, now, 0x09, 5, 5),
        ClipboardInput(8, now, Clipboard("hello£")),
    )
    got = [publication.get_event(5) for _ in range(6)]
    assert [(event.name, event.client) for event in got] == [
        ("connect", 7), ("key", 7), ("move", 8), ("click", 8), ("scroll", 8), ("clipboard", 8),
    ]  # fmt: skip
    assert got[1] == mpvnc.KeyEvent(7, now, 0x61, True)
    assert abs(got[1].time - time.time()) < 5


def test_a_thousand_events_are_a_thousand(role: Role, publication: mpvnc.Publication) -> None:
    """Never more at once than the animator's queue holds: a machine that is slow loses none."""
    got: list[mpvnc.Event] = []
    for number in range(1, 1001):
        role.send(KeyInput(1, 0.0, True, (number - 1) % 200))
        got.extend(publication.events())
        if number % 250 == 0:
            eventually(lambda number=number: got.extend(publication.events()) or len(got) == number)
    assert [event.key for event in got] == [number % 200 for number in range(1000)]


def test_unread_events_are_bounded_counted_and_stop_nobody(
    role: Role, publication: mpvnc.Publication
) -> None:
    for number in range(1600):
        role.send(KeyInput(number % 9, 0.0, True, number))
    eventually(lambda: role.counters.get(Counter.INPUT_EVENTS) == 1600)
    dropped = role.counters.get(Counter.INPUT_DROPPED)
    assert dropped > 0
    got: list[mpvnc.Event] = []
    eventually(lambda: got.extend(publication.events()) or len(got) == 1600 - dropped)
    assert got[-1].key == 1599
    assert publication.dropped_events == dropped


def test_it_tells_where_it_is_shown(publication: mpvnc.Publication) -> None:
    assert all(url in repr(publication) for url in publication.listeners)
    publication.close()
    assert repr(publication) == "<mpvnc.Publication closed>"


def test_what_was_not_published_is_not_forgotten(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    with pytest.raises(ZeroDivisionError), publication.frame():
        painted(surface, (0, 1, 0))
        _ = 1 / 0
    publication.publish_frame(damage=[])
    assert colours(supervisor) == {0x00FF00}
    publication.change_surface(painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 200, 100), (0, 0, 1)))
    publication.publish_frame(damage=[])
    assert colours(supervisor) == {0x0000FF}


def test_a_cursor_is_each_viewers_own(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    for bell in supervisor.bells:
        os.eventfd_read(bell)
    assert supervisor.pointer.read().cursor is None
    publication.change_cursor_surface(
        painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 3, 2), (1, 0, 0)), (2, 1)
    )
    state = supervisor.pointer.read()
    assert state.cursor == mpvnc.Cursor(3, 2, 2, 1, b"\0\0\xff\xff" * 6)
    assert state.visible and state.is_own
    publication.change_cursor(None)
    assert not supervisor.pointer.read().visible
    publication.change_cursor(state.cursor)
    assert supervisor.pointer.read().visible
    for bell in supervisor.bells:
        assert os.eventfd_read(bell)


def test_a_cursor_that_is_none(publication: mpvnc.Publication, surface: cairo.ImageSurface) -> None:
    with pytest.raises(PublishError, match="change_cursor_surface"):
        publication.change_cursor(surface)


def test_a_clipboard_goes_to_the_server(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    publication.change_clipboard("hello£")
    publication.change_clipboard(mpvnc.Clipboard("x", b"{\\rtf1 x}", "<b>x</b>"))
    eventually(lambda: len(supervisor.fds) == 2)
    assert supervisor.types()[-2:] == ["clipboard", "clipboard"]
    packed = [os.pread(fd, 1000, 0) for fd in supervisor.fds]
    assert mpvnc.Clipboard.unpack(packed[0]) == mpvnc.Clipboard("hello£")
    assert mpvnc.Clipboard.unpack(packed[1]) == mpvnc.Clipboard("x", b"{\\rtf1 x}", "<b>x</b>")
    with pytest.raises(OSError):
        os.pwrite(supervisor.fds[0], b"x", 0)
    with pytest.raises(PublishError, match="int"):
        publication.change_clipboard(3)
    with pytest.raises(PublishError, match="the limit is 20971520"):
        publication.change_clipboard("x" * (20 << 20) + "x")


def test_asyncio(role: Role, publication: mpvnc.Publication) -> None:
    async def read() -> list[str]:
        assert await publication.next_event(0) is None
        role.send(KeyInput(1, 0.0, True, 0x61), PointerInput(1, 0.0, 0, 5, 5))
        names = []
        async for event in publication:
            names.append(event.name)
            if len(names) == 2:
                threading.Timer(0.05, publication.close).start()
        assert await publication.next_event() is None
        return names

    assert asyncio.run(asyncio.wait_for(read(), 20)) == ["key", "move"]


def test_another_thread_may_publish_while_one_waits_for_events(
    supervisor: FakeSupervisor, publication: mpvnc.Publication, surface: cairo.ImageSurface
) -> None:
    waiter = threading.Thread(target=publication.get_event)
    waiter.start()
    painted(surface, (0, 1, 0))
    publisher = threading.Thread(target=publication.publish_frame)
    publisher.start()
    publisher.join(10)
    assert colours(supervisor) == {0x00FF00}
    publication.close()
    waiter.join(10)
    assert not waiter.is_alive()


class Comeback:
    """The server went and came back."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fakes = [FakeSupervisor(directory / "first")]
        self._is_there = True
        monkeypatch.setattr(opening, "join_supervisor", self._join)
        monkeypatch.setattr(rejoin, "join_supervisor", self._join)
        monkeypatch.setattr(rejoin, "FIRST_WAIT_S", 0.01)

    def go(self) -> None:
        self._is_there = False
        self.fakes[-1].hang_up()

    def come(self, directory: Path) -> FakeSupervisor:
        self.fakes.append(FakeSupervisor(directory))
        self._is_there = True
        return self.fakes[-1]

    def close(self) -> None:
        for fake in self.fakes:
            fake.close()

    def _join(self, _name: str) -> ControlSocket:
        if not self._is_there:
            raise PublishError("nobody is there")
        return self.fakes[-1].theirs


@pytest.fixture
def comeback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Comeback]:
    one = Comeback(tmp_path, monkeypatch)
    yield one
    one.close()


def test_a_server_that_comes_back_is_told_everything(
    comeback: Comeback, tmp_path: Path, surface: cairo.ImageSurface
) -> None:
    with mpvnc.publish(surface, name="stage") as publication:
        publication.change_name("Bühne")
        publication.change_clipboard("text")
        publication.change_cursor(None)
        comeback.go()
        eventually(lambda: not publication.is_connected)
        assert not publication.closed
        painted(surface, (0, 1, 0))
        second = comeback.come(tmp_path / "second")
        eventually(lambda: publication.is_connected)
        assert colours(second) == {0xFF0000}
        eventually(lambda: len(second.types()) == 5)
        assert second.types() == ["publish", "notice", "clipboard", "allocate", "published"]
        assert second.heard[1]["name"] == "Bühne"
        assert second.pointer.read().cursor is not None
        publication.publish_frame()
        assert colours(second) == {0x00FF00}


def test_drawing_goes_on_while_the_server_is_away(
    comeback: Comeback, tmp_path: Path, surface: cairo.ImageSurface
) -> None:
    with mpvnc.publish(surface, name="stage") as publication:
        comeback.go()
        eventually(lambda: not publication.is_connected)
        with publication.frame(damage=[(0, 0, 10, 10)]):
            painted(surface, (0, 1, 0))
        assert publication.viewers == 0
        assert repr(publication) == "<mpvnc.Publication waiting for its server: nobody is there>"
        assert publication.get_event(0.05) is None
        publication.bell()
        second = comeback.come(tmp_path / "second")
        eventually(lambda: publication.is_connected)
        publication.publish_frame(damage=[(190, 90, 1, 1)])
        assert colours(second) == {0x00FF00}


def test_who_waits_for_events_finds_the_server_again(
    comeback: Comeback, tmp_path: Path, surface: cairo.ImageSurface
) -> None:
    with mpvnc.publish(surface, name="stage") as publication:
        comeback.go()
        waiter = threading.Thread(target=publication.get_event)
        waiter.start()
        second = comeback.come(tmp_path / "second")
        eventually(lambda: "published" in second.types())
        publication.close()
        waiter.join(10)
        assert not waiter.is_alive()


def test_a_forked_child_looks_for_no_server(comeback: Comeback, surface: cairo.ImageSurface) -> None:
    with mpvnc.publish(surface, name="stage") as publication:
        if (child := os.fork()) == 0:
            os._exit(publication.is_connected or not publication.closed)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert publication.is_connected
