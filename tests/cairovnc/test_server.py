"""The server behind the interface, without worker processes; test_facade.py has those."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import cairo
import pytest

from mpvnc.cairovnc import CairoVNCError, CairoVNCOptions, VNCConnection, VNCCursor, VNCServer
from mpvnc.cairovnc import server as module
from mpvnc.errors import PublishError
from tests.support.client import dial
from tests.support.waits import eventually


class Publication:
    """Stands for the worker processes."""

    def __init__(self):
        self.closed = False
        self.brought = []
        self.settings = []
        self.passwords = []
        self.events = []
        self.told = []

    def bring_viewer(self, sock):
        self.brought.append(sock.dup())
        return len(self.brought)

    def change_settings(self, settings):
        self.settings.append(settings)

    def change_passwords(self, *passwords):
        self.passwords.append(passwords)

    def get_event(self, timeout):
        return self.events.pop() if self.events else None

    def change_name(self, name):
        self.told.append(name)

    def change_clipboard(self, clipboard):
        self.told.append(clipboard.text)

    def change_cursor(self, cursor):
        self.told.append((cursor.width, cursor.height))

    def close(self):
        self.closed = True
        for sock in self.brought:
            sock.close()


@pytest.fixture
def publication(monkeypatch):
    one = Publication()
    monkeypatch.setattr(module, "publish", lambda *_, **named: setattr(one, "named", named) or one)
    monkeypatch.setattr(module.SurfaceReader, "run", lambda self, _: self._ended.wait(30))
    return one


@pytest.fixture
def server():
    surface, options = cairo.ImageSurface(cairo.FORMAT_RGB24, 8, 8), CairoVNCOptions("127.0.0.1", 0)
    one = VNCServer((options.host, options.port), surface=surface, options=options)
    yield one
    one.server_close()


def test_nobody_is_let_in_before_it_is_asked(server, publication):
    server.open()
    server.handle_request(0)
    with dial(port=server.server_address[1]):
        assert not publication.brought
        server.handle_request(None)
        assert [client.client for client in server.clients] == [1]


def test_the_worker_processes_get_the_options(server, publication):
    server.options.password = "a"
    server.open()
    assert publication.named["password"] == "a"
    assert publication.named["settings"]["server.listeners"] == "none"
    with dial(port=server.server_address[1]), dial(port=server.server_address[1]):
        server.handle_request(5)
        assert not (publication.settings or publication.passwords)
        server.options.password, server.options.max_clients = "b", None
        server.handle_request(5)
    assert publication.passwords == [("b", None)]
    assert publication.settings[0]["clients.max_connections"] == 0


def test_no_client_at_all_means_none(server, publication):
    server.options.max_clients = 0
    server.open()
    with dial(port=server.server_address[1]) as refused:
        server.handle_request(5)
        assert refused.recv(1) == b""
    assert not publication.brought


def test_lines_of_the_log_go_to_whom_they_are_about(server, capsys, caplog):
    server.options.verbose = True
    with socket.socket() as sock:
        one = VNCConnection(sock, ("127.0.0.1", 5), server)
    one.client = 7
    server.clients.append(one)
    server._hear("2026-01-31T12:00:00.123 INFO encoder[42] 7 127.0.0.1 joined")
    server._hear("2026-01-31T12:00:00.123 INFO encoder[42] 8 127.0.0.1 joined")
    server._hear("2026-01-31T12:00:00.123 WARNING encoder[42] - something is wrong")
    server._hear("2026-01-31T12:00:00.123 INFO encoder[42] 7 127.0.0.1 left: closed by the viewer")
    assert capsys.readouterr().out.splitlines() == [
        "Client: 127.0.0.1 joined", "Client: 127.0.0.1 left: closed by the viewer", "Client disconnected",
    ]  # fmt: skip
    assert server.clients == []
    assert [record.getMessage().split(" ", 4)[4] for record in caplog.records] == ["something is wrong"]


def test_closing_ends_who_accepts_and_who_waits_for_events(server, publication):
    threads = [
        threading.Thread(target=server.serve_forever),
        threading.Thread(target=server.get_event, args=(5,)),
    ]
    for thread in threads:
        thread.start()
    eventually(lambda: server._publication is not None)
    server.server_close()
    server.server_close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert publication.closed
    server.handle_request(None)


def test_it_says_when_the_worker_processes_are_gone(server, publication, monkeypatch):
    monkeypatch.setattr(module.SurfaceReader, "run", lambda *_: None)
    publication.closed = True
    with pytest.raises(CairoVNCError, match="gone"):
        server.serve_forever()


def test_nobody_waits_for_events_of_a_server_that_is_not_open(server):
    started = time.monotonic()
    assert server.get_event(0) is None
    assert server.get_event(0.1) is None
    assert time.monotonic() - started < 5


def test_a_hook_that_fails_costs_its_viewer(server, publication, monkeypatch, caplog):
    monkeypatch.setattr(server, "client_connected", lambda _: 1 / 0)
    server.open()
    with dial(port=server.server_address[1]) as refused:
        server.handle_request(5)
        assert refused.recv(1) == b""
    assert "ZeroDivisionError" in caplog.text


def test_what_changes_while_it_starts_is_told(server, publication, monkeypatch):
    def publish(*_, **__):
        server.change_name("later")
        server.change_clipboard("copied")
        server.change_cursor(VNCCursor(1, 1, (0, 0), bytes(4), b"\x80"))
        return publication

    monkeypatch.setattr(module, "publish", publish)
    server.open()
    assert publication.told == ["later", (1, 1), "copied"]


def test_a_program_may_go_on_while_the_server_ends(server, publication, monkeypatch):
    def refuse(_):
        raise PublishError("no")

    server.open()
    monkeypatch.setattr(publication, "change_name", refuse)
    with pytest.raises(PublishError):
        server.change_name("x")
    publication.closed = True
    server.change_name("x")


def test_a_viewer_that_cannot_be_handed_over_is_told_of(server, publication, monkeypatch, caplog):
    def refuse(_):
        raise PublishError("the server is away")

    monkeypatch.setattr(publication, "bring_viewer", refuse)
    server.open()
    with dial(port=server.server_address[1]) as refused:
        server.handle_request(5)
        assert refused.recv(1) == b""
    assert "the server is away" in caplog.text
    assert server.clients == []


def test_who_was_there_when_the_worker_processes_ended_has_left(server, publication, monkeypatch):
    left = []
    monkeypatch.setattr(server, "client_disconnected", left.append)
    server.open()
    with dial(port=server.server_address[1]):
        server.handle_request(5)
    (client,) = server.clients
    server._hear(
        f"2026-01-31T12:00:00.123 INFO supervisor[42] {client.client} 127.0.0.1 left: its encoder ended"
    )
    assert (server.clients, left) == ([], [client])
    with dial(port=server.server_address[1]):
        server.handle_request(5)
    server.server_close()
    assert (server.clients, len(left)) == ([], 2)


def test_a_forked_child_can_end_and_serves_nobody(server, publication):
    server.open()
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    eventually(server._entrance._waiting.locked)
    if (child := os.fork()) == 0:
        signal.alarm(10)
        server.handle_request(None)
        server.server_close()
        os._exit(publication.closed)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    server.server_close()
    serving.join(5)
