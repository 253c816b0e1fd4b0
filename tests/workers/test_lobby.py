"""Who comes is told apart and answered: real sockets, a screen that the test has, the supervisor in our hand."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mpvnc.config import Secrets, load
from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.transport.tls import server_context
from mpvnc.transport.websocket import WebSocketPipe
from mpvnc.workers.arrival import Arrival
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.lobby import Lobby
from mpvnc.workers.readiness import Readiness
from mpvnc.workers.site import static_files
from mpvnc.workers.verifier import Verifier
from tests.support import golden
from tests.support.tls import TlsPeer, client_context, make_pem
from tests.support.waits import deadline
from tests.web.test_snapshot import read_png
from tests.web.test_websocket import KEY

PASSWORDS = Secrets(password="sesame", view_only_password="peephole")
UPGRADE = (
    f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
)


class House:
    """A lobby and its surroundings; every connection is one client."""

    def __init__(self, secrets: Secrets, *settings: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.reader = SimpleNamespace(identity=31, frame=1, pixels=golden.golden(64, 48))
        self.surface = SimpleNamespace(
            name="", number=1, is_up=True, show=SimpleNamespace(reader=self.reader)
        )
        self.surfaces = {"": self.surface}
        shows = SimpleNamespace(look=self.surfaces.get)
        self.admitted: list[tuple[Arrival, Stream]] = []
        self.said: list[dict[str, Any]] = []
        self.verifier = Verifier(self.loop)
        self.readiness = Readiness(self.loop)
        handshakes = Handshakes(self.loop, self.readiness)
        self.lobby = Lobby(
            self.loop,
            shows,
            self.verifier,
            handshakes,
            admit=lambda *one: self.admitted.append(one),
            tell=self.said.append,
        )
        self.lobby.configure(load(None, settings), secrets)
        self.peers: list[socket.socket] = []

    def connect(self, judge_after_s: float = 0.0, **told: Any) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.peers.append(theirs)
        message = {
            "client": len(self.peers),
            "address": "192.0.2.1",
            "verdict": "serve",
            "reason": "",
            **told,
        }
        self.lobby.receive({**message, "judge_after_s": judge_after_s}, ours)
        return theirs

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                assert time.monotonic() < end, self.said
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())

    def ask(
        self, path: str, *headers: str, host: str = "localhost", peer: socket.socket | None = None
    ) -> None:
        peer = peer or self.connect()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *headers]
        peer.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")

    def reply(self, number: int = 0) -> tuple[int, bytes, bytes]:
        """Return status, head and body of the next answer to a client, the last one by default."""
        peer, data = self.peers[number - 1], bytearray()

        def is_whole() -> bool:
            with contextlib.suppress(BlockingIOError):
                data.extend(peer.recv(1 << 20))
            head, found, body = data.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
            return bool(found) and len(body) >= size

        self.run(is_whole)
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head[9:12]), bytes(head), bytes(body)

    def get(self, path: str, *headers: str, host: str = "localhost") -> tuple[int, bytes, bytes]:
        self.ask(path, *headers, host=host)
        return self.reply()

    def told(self, **wanted: Any) -> list[dict[str, Any]]:
        return [message for message in self.said if wanted.items() <= message.items()]

    def close(self) -> None:
        self.lobby.close("over")
        self.verifier.close()
        for peer in self.peers:
            peer.close()
        for _, stream in self.admitted:
            stream.close()
        self.readiness.close()
        self.loop.close()


@pytest.fixture
def build() -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def new(secrets: Secrets = Secrets(), *settings: str) -> House:  # noqa: B008
        made.append(House(secrets, *settings))
        return made[-1]

    yield new
    for house in made:
        house.close()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build()


def basic(password: str, user: str = "") -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


# -- who is who


def test_viewers_are_admitted_plain_and_through_a_websocket(house: House) -> None:
    house.connect()
    house.run(lambda: house.admitted)
    house.get("/anywhere", *UPGRADE.splitlines())
    house.run(lambda: len(house.admitted) == 2)
    assert [type(stream) for _, stream in house.admitted] == [Pipe, WebSocketPipe]
    assert [arrival.ident for arrival, _ in house.admitted] == [1, 2]
    house.lobby.evict(2, "is not here any more")
    assert not house.told(state="gone")


def test_a_browser_is_told_of_once_and_when_it_goes(house: House) -> None:
    house.get("/health")
    house.ask("/", peer=house.peers[0])
    assert house.reply()[0] == 200
    assert house.told(client=1, state="visiting") == [{"type": "client", "client": 1, "state": "visiting"}]
    house.peers[0].close()
    house.run(lambda: house.told(client=1, state="gone", reason="closed by the browser"))


def test_tls_without_a_certificate_is_closed(house: House) -> None:
    house.connect().sendall(b"\x16\x03\x01")
    house.run(lambda: house.told(client=1, state="gone"))
    with pytest.raises(ConnectionResetError):
        house.peers[0].recv(1)


def test_all_go_when_the_server_stops(house: House) -> None:
    house.connect(speaks="web")
    house.get("/health")
    house.lobby.close("the server stops")
    assert {one["client"] for one in house.told(state="gone", reason="the server stops")} == {1, 2}


def test_one_can_be_evicted(house: House) -> None:
    house.connect(speaks="web")
    house.get("/health")
    for client in (1, 2, 3):
        house.lobby.evict(client, "by command")
    assert [one["client"] for one in house.told(reason="by command")] == [1, 2]


# -- refusals


def test_who_is_refused_is_told_so_in_its_own_words(house: House) -> None:
    refused = {"verdict": "refuse", "reason": "Too many viewers"}
    for path in ("/health", "/snapshot.png"):
        house.ask(path, peer=house.connect(**refused))
        status, head, body = house.reply()
        assert (status, body) == (503, b"Too many viewers\n")
        assert b"Retry-After" in head and b"Connection: close" in head
    house.ask("/", peer=house.connect(**refused))
    assert house.reply()[0] == 200, "the page says why, and tries again"
    house.ask("/", *UPGRADE.splitlines(), peer=house.connect(**refused))
    house.run(lambda: house.admitted)
    assert house.admitted[0][0].refusal == "Too many viewers"


def test_names_count_only_where_nobody_authenticates(build: Callable[..., House]) -> None:
    alone, with_names = build(), build(Secrets(), "server.hosts=desk.example")
    with_password = build(PASSWORDS)
    for path, *headers in (("/",), ("/health",), ("/snapshot.png",), ("/ws", *UPGRADE.splitlines())):
        status, head, body = alone.get(path, *headers, host="desk.example")
        assert status == 421 and b"server.hosts" in body and b"Connection: close" in head
    assert not alone.admitted
    assert with_names.get("/", host="desk.example:5900")[0] == 200
    assert with_names.get("/", host="other.example")[0] == 421
    assert with_password.get("/", host="any.example")[0] == 200


def test_pages_from_elsewhere_open_nothing(build: Callable[..., House]) -> None:
    house = build(Secrets(), "websocket.allowed_origins=https://desk.example")
    upgrade = UPGRADE.splitlines()
    assert house.get("/", *upgrade, "Origin: http://evil.example")[0] == 403
    assert house.get("/", *upgrade, "Origin: http://localhost", "Origin: http://localhost")[0] == 403
    assert not house.admitted
    assert house.get("/health?page=http://localhost", *upgrade, "Origin: http://evil.example")[0] == 403
    for origin in ("http://localhost", "https://desk.example"):
        assert house.get("/", *upgrade, f"Origin: {origin}")[0] == 101
    assert house.get("/", *UPGRADE.replace("13", "12").splitlines())[0] == 426


def test_a_page_can_ask_why_it_may_not_connect(build: Callable[..., House]) -> None:
    house = build(Secrets(), "websocket.allowed_origins=https://desk.example")
    for page, status in (
        ("http://localhost", 200), ("https://desk.example", 200), ("http://evil.example", 403), ("null", 403)
    ):  # fmt: skip
        assert house.get(f"/health?page={page}")[0] == status
    assert b"allowed_origins" in house.get("/health?page=http://evil.example")[2]
    assert house.get("/health?page=http://desk.example", host="desk.example")[0] == 421


def test_other_methods_are_not_allowed(house: House) -> None:
    house.connect().sendall(b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status, head, _ = house.reply()
    assert status == 405 and b"Allow: GET, HEAD" in head


# -- what there is


def test_the_page_and_nothing_else(house: House) -> None:
    status, head, body = house.get("/")
    assert status == 200 and b"text/html" in head and b"<html" in body
    assert static_files() is static_files()
    assert house.get("/no/such/thing")[::2] == (404, b"Not here\n")


def test_health_is_that_of_the_screen(house: House) -> None:
    assert house.get("/health")[::2] == (200, b'{"status": "ok"}')
    house.surface.is_up = False
    assert house.get("/health")[::2] == (503, b'{"status": "the source is down"}')
    house.reader.frame = 0
    assert house.get("/health")[::2] == (503, b'{"status": "no frame yet"}')
    assert house.get("/snapshot.png")[0] == 503


def test_a_snapshot_is_there_for_everybody_where_nobody_authenticates(house: House) -> None:
    status, head, body = house.get("/snapshot.png")
    assert status == 200 and np.array_equal(read_png(body), house.reader.pixels)
    assert b'ETag: "1f-1"' in head and b"Cache-Control: private, no-cache" in head
    assert house.get("/snapshot.png", 'If-None-Match: "1f-1"')[0] == 304
    assert house.get("/snapshot.jpg")[2].startswith(b"\xff\xd8")


def test_a_surface_is_asked_for_by_its_name_where_the_listener_is_not_for_one(
    build: Callable[..., House],
) -> None:
    house = build(Secrets(), "source.kind=publish")
    reader = SimpleNamespace(identity=32, frame=1, pixels=golden.solid(32, 16))
    house.surfaces["left"] = SimpleNamespace(
        name="left", number=2, is_up=False, show=SimpleNamespace(reader=reader)
    )
    assert np.array_equal(read_png(house.get("/snapshot.png?a=b&surface=left")[2]), reader.pixels)
    assert np.array_equal(read_png(house.get("/snapshot.png")[2]), house.reader.pixels)
    assert house.get("/health?surface=left")[0] == 503
    assert house.get("/snapshot.png?surface=unknown")[0] == 503
    assert house.get("/?surface=no/name")[0] == 404
    assert house.get("/health?surface=unknown")[::2] == (503, b'{"status": "not published"}')
    house.surfaces["awaited"] = SimpleNamespace(name="awaited", number=0, show=SimpleNamespace(reader=None))
    assert house.get("/health?surface=awaited")[::2] == (503, b'{"status": "not published"}')
    upgrade = UPGRADE.splitlines()
    house.ask("/ws?surface=left", *upgrade)
    house.ask("/ws?surface=left", *upgrade, peer=house.connect(surface="right"))
    house.run(lambda: len(house.admitted) == 2)
    assert [arrival.surface for arrival, _ in house.admitted] == ["left", "right"]


def test_no_surface_has_a_name_where_nothing_is_published(house: House) -> None:
    for path in ("/?surface=left", "/health?surface=left", "/snapshot.png?surface=left"):
        assert house.get(path)[::2] == (
            404, b"Nothing is published here: leave ?surface= out of the address\n"
        )  # fmt: skip


# -- passwords


@pytest.mark.parametrize("password", ["sesame", "peephole", "peephole and more"])
def test_the_viewers_passwords_show_the_snapshot(build: Callable[..., House], password: str) -> None:
    house = build(PASSWORDS)
    assert house.get("/snapshot.png", basic(password, "whoever"))[0] == 200
    assert house.get("/")[0] == 200 and house.get("/health")[0] == 200, "these show nothing of the screen"


def test_without_a_password_one_is_asked_for(build: Callable[..., House]) -> None:
    house = build(PASSWORDS)
    status, head, _ = house.get("/snapshot.png")
    assert status == 401 and b'WWW-Authenticate: Basic realm="mpvnc"' in head
    assert not house.told(type="auth_failed")


@pytest.mark.parametrize("password", ["wrong", "", "sesam", "пароль"])
def test_a_wrong_password_is_answered_when_the_supervisor_says(
    build: Callable[..., House], password: str
) -> None:
    house = build(PASSWORDS)
    house.ask("/snapshot.png", basic(password))
    house.run(lambda: house.told(type="auth_failed", client=1, address="192.0.2.1"))
    with pytest.raises(BlockingIOError):
        house.peers[0].recv(1)
    house.lobby.auth_delay(1, 0.01)
    house.lobby.auth_delay(2, 0.01)
    status, head, _ = house.reply()
    assert status == 401 and b"Connection: close" in head


def test_a_password_waits_for_its_turn_right_or_wrong(build: Callable[..., House]) -> None:
    house = build(PASSWORDS)
    begin = house.loop.time()
    house.ask("/snapshot.png", basic("sesame"), peer=house.connect(judge_after_s=0.05))
    assert house.reply()[0] == 200 and house.loop.time() - begin >= 0.05
    house.ask("/snapshot.png", basic("wrong"), peer=house.connect(judge_after_s=0.02))
    house.lobby.evict(2, "gone before its turn")
    house.loop.run_until_complete(asyncio.sleep(0.04))
    assert not house.told(type="auth_failed")


def test_a_fault_after_the_password_costs_this_visitor_and_is_told_without_it(
    build: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = build(PASSWORDS)
    faults: list[Any] = []
    house.loop.set_exception_handler(lambda _loop, context: faults.append(context))
    house.surface.show = None
    house.ask("/snapshot.png", basic("sesame"))
    house.run(lambda: house.told(client=1, state="gone"))
    assert not faults and "sesame" not in caplog.text and "a fault of ours" in caplog.text


def test_passwords_that_nobody_can_give_let_nobody_in(build: Callable[..., House]) -> None:
    house = build(Secrets(password="пароль", view_only_password="\x80"))
    for password in ("пароль", "\x80", "", "\x00"):
        house.ask("/snapshot.png", basic(password))
    house.run(lambda: len(house.told(type="auth_failed")) == 4)


# -- TLS


def test_a_browser_may_begin_with_tls(house: House, tmp_path: Path) -> None:
    pem = make_pem()
    (tmp_path / "pem").write_bytes(pem)
    house.lobby.tls = server_context(str(tmp_path / "pem"))
    peer, tls = house.connect(), TlsPeer(client_context(pem))
    is_asked = False

    def answered() -> bool:
        nonlocal is_asked
        tls.go_on()
        if tls.is_established and not is_asked:
            is_asked = tls.tls.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") > 0
        peer.sendall(tls.take())
        with contextlib.suppress(BlockingIOError):
            tls.feed(peer.recv(1 << 16))
        return tls.received.endswith(b'{"status": "ok"}')

    house.run(answered)
    house.lobby.evict(1, "enough")
    house.run(lambda: house.told(reason="enough"))


def test_a_handshake_that_fails_is_told_in_words(house: House, tmp_path: Path) -> None:
    (tmp_path / "pem").write_bytes(make_pem())
    house.lobby.tls = server_context(str(tmp_path / "pem"))
    house.connect().sendall(b"\x16\x03\x01\x00\x04abcd")
    house.run(lambda: house.told(state="gone"))
    assert "TLS handshake failed" in house.said[-1]["reason"]
