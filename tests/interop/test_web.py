"""Browsers and viewers on one port, over real sockets: what each of them gets, and how each refusal is spoken.

The client of the `websockets` package and the pixels of tests/support; sockets and bytes where a client would
not break the rules.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import numpy as np
import pytest
import simplejpeg
from websockets.exceptions import InvalidStatus

from mpvnc.session.animator_events import ClickEvent, KeyEvent
from tests.interop.stage import Stage, read_exactly, read_to_end
from tests.support import golden
from tests.support.client import connect as connect_native
from tests.support.waits import TIME_FACTOR, deadline
from tests.support.websocket import open_websocket, web_client
from tests.web.test_snapshot import read_png
from tests.web.test_websocket import CLOSE, CONTINUATION, KEY, PING, TEXT, frame

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

BANNER = b"RFB 003.008\n"
RAW, TIGHT, ZRLE = 0, 7, 16
UPGRADE = {
    "Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13",
}  # fmt: skip


def get(
    stage: Stage, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(stage.server.host, stage.web_port, timeout=5)
    with closing(connection):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        return response, response.read()


def request_bytes(fields: dict[str, str], path: str = "/websockify") -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def status_of(reply: bytes) -> int:
    assert reply.startswith(b"HTTP/1.1 "), reply
    return int(reply[9:12])


def upgraded(stage: Stage, *, behind: bytes = b"") -> socket.socket:
    """Return a socket on which a WebSocket is open and the server has greeted."""
    sock = stage.dial_web()
    sock.sendall(request_bytes(UPGRADE) + behind)
    reply = b""
    while b"\r\n\r\n" not in reply:
        reply += read_exactly(sock, 1)
    assert status_of(reply) == 101
    assert read_exactly(sock, 14) == b"\x82\x0c" + BANNER
    return sock


class Payload:
    """What comes in the messages of a server, as a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = b""

    def read(self, count: int) -> bytes:
        while len(self._left) < count:
            _, size = read_exactly(self._sock, 2)
            size = size if size < 126 else int.from_bytes(read_exactly(self._sock, 2), "big")
            self._left += read_exactly(self._sock, size)
        data, self._left = self._left[:count], self._left[count:]
        return data

    def read_security_types(self) -> bytes:
        return self.read(self.read(1)[0])


def send_until_closed(sock: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        for _ in range(20000):
            sock.sendall(data)


# -- one port


def test_a_silent_peer_is_greeted_as_a_viewer(stage: Stage) -> None:
    with stage.dial_web() as sock:
        assert read_exactly(sock, 12) == BANNER


def test_viewers_are_greeted_within_50_ms_where_browsers_come_too(stage: Stage) -> None:
    """The tail of it (p99 of 200) is what `scripts/soak greeting` looks at, on a machine of its own."""
    took_s = []
    for _ in range(20):
        began = time.perf_counter()
        # Not from where other tests load pages: those get more time.
        address = stage.server.host, stage.web_port
        with socket.create_connection(address, 5, source_address=("127.0.0.2", 0)) as sock:
            read_exactly(sock, 12)
        took_s.append(time.perf_counter() - began)
    assert np.median(took_s) < 0.05 * TIME_FACTOR


def test_a_browser_gets_the_page_beside_silent_spare_connections(stage: Stage) -> None:
    spare = [stage.dial_web() for _ in range(4)]
    for _ in range(10):
        response, body = get(stage, "/")
        assert response.status == 200 and b"<html" in body
    for sock in spare:
        assert read_exactly(sock, 12) == BANNER
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"version" in read_to_end(sock)  # it is told, and closed: a browser takes another connection
        sock.close()


def test_a_viewer_that_speaks_first_is_a_viewer(stage: Stage) -> None:
    with stage.dial_web() as sock:
        sock.sendall(BANNER)
        assert read_exactly(sock, 12) == BANNER
        assert 1 in read_exactly(sock, read_exactly(sock, 1)[0])


def test_a_request_may_come_in_pieces_and_many_on_one_connection(stage: Stage) -> None:
    with stage.dial_web() as sock:
        for piece in (b"G", b"ET /health HT", b"TP/1.1\r\nHost: localhost\r", b"\n\r\n"):
            sock.sendall(piece)
            time.sleep(0.02)  # so that they are pieces; the first comes within the greeting's delay
        sock.sendall(request_bytes({"Host": "localhost"}, "/health") * 2)
        sock.sendall(request_bytes({"Host": "localhost", "Connection": "close"}, "/nope"))
        replies = read_to_end(sock)
    assert [reply[:3] for reply in replies.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"200", b"404"]


# -- HTTP


def test_answers_of_http(stage: Stage) -> None:
    response, body = get(stage, "/health")
    assert response.status == 200 and json.loads(body) == {"status": "ok"}
    for path in ("/nope", "/../etc/passwd", "/%2e%2e/x", "/snapshot.gif"):
        response, body = get(stage, path)
        assert response.status == 404 and len(body) < 100
    response, body = get(stage, "/", "POST")
    assert response.status == 405 and response.getheader("Allow") == "GET, HEAD"
    response, body = get(stage, "/", "HEAD")
    assert response.status == 200 and body == b"" and int(response.getheader("Content-Length")) > 0
    policy = response.getheader("Content-Security-Policy")
    assert policy and "unsafe" not in policy and response.getheader("X-Content-Type-Options") == "nosniff"
    again, body = get(stage, "/", If_None_Match=response.getheader("ETag"))
    assert again.status == 304 and body == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\nX Y: z\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.0\r\n\r\n", 421),
        (request_bytes(UPGRADE | {"Host": "evil.example:5900", "Origin": "http://evil.example:5900"}), 421),
    ],
    ids=["short line", "no host", "no header", "large header", "long line", "rebound", "nameless", "rebound socket"],
)  # fmt: skip
def test_what_is_refused_by_http(stage: Stage, data: bytes, status: int) -> None:
    with stage.dial_web() as sock:
        sock.sendall(data)
        assert status_of(read_to_end(sock)) == status


def test_a_snapshot_is_the_current_frame(stage: Stage) -> None:
    response, body = get(stage, "/snapshot.png")
    assert (response.status, response.getheader("Content-Type")) == (200, "image/png")
    assert response.getheader("Cross-Origin-Resource-Policy") == "same-origin"
    assert np.array_equal(read_png(body), stage.picture)
    again, nothing = get(stage, "/snapshot.png", If_None_Match=response.getheader("ETag"))
    assert again.status == 304 and nothing == b""
    stage.show(golden.solid())
    end = deadline(5.0)
    while not np.array_equal(read_png(get(stage, "/snapshot.png")[1]), stage.picture):
        assert time.monotonic() < end
    response, body = get(stage, "/snapshot.jpg")
    assert response.getheader("Content-Type") == "image/jpeg"
    assert simplejpeg.decode_jpeg_header(body)[:2] == (200, 320)


# -- WebSocket: the handshake


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Connection": "keep-alive"}, 426),
        ({"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket"}, 101),
        ({"Origin": "http://127.0.0.1"}, 101),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "HTTPS://desk.example:8443"}, 101),
        ({"X": "y" * 20000}, 431),
    ],
    ids=["version", "key", "connection", "list", "own page", "foreign page", "opaque page", "listed page",
         "large header"],
)  # fmt: skip
def test_handshakes(stage: Stage, changes: dict[str, str | None], status: int) -> None:
    fields = {name: value for name, value in (UPGRADE | changes).items() if value is not None}
    with stage.dial_web() as sock:
        sock.sendall(request_bytes(fields))
        reply = read_exactly(sock, 12) if status == 101 else read_to_end(sock)
        assert status_of(reply) == status
        assert status != 426 or b"\r\nupgrade: websocket\r\n" in reply.lower()


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["base64", "binary"], "binary"), (["binary"], "binary"), (None, None)]
)
def test_the_subprotocol(stage: Stage, offered: list[str] | None, chosen: str | None) -> None:
    with open_websocket(stage.server.host, stage.web_port, subprotocols=offered) as websocket:
        assert websocket.subprotocol == chosen
        assert websocket.recv() == BANNER


def test_a_client_that_cannot_wait_is_heard(stage: Stage) -> None:
    with upgraded(stage, behind=frame(BANNER) + frame(b"\1")) as sock:
        payload = Payload(sock)
        assert 1 in payload.read_security_types()
        assert payload.read(4) == bytes(4)


def test_a_refusal_is_an_error_of_the_client(stage: Stage) -> None:
    with pytest.raises(InvalidStatus) as caught:
        web_client(stage.server.host, stage.web_port, origin="http://evil.example")
    assert caught.value.response.status_code == 403


# -- WebSocket: pixels and input


@pytest.fixture
def viewers(stage: Stage) -> Iterator[list]:
    made = [web_client(stage.server.host, stage.web_port) for _ in range(2)]
    yield made
    for client in made:
        client.close()


@pytest.mark.parametrize("encodings", [[TIGHT], [ZRLE], [RAW]], ids=["tight", "zrle", "raw"])
def test_every_pixel_comes_through(stage: Stage, viewers: list, encodings: list[int]) -> None:
    for client in viewers:
        client.set_encodings(encodings)
    for scene in ("golden", "noise", "text", "solid", "golden"):
        stage.show(golden.SCENES[scene]())
        for client in viewers:
            stage.check(client)
    with stage.client(encodings) as native:
        stage.check(native)


def test_a_picture_of_8_mib_is_one_message(stage: Stage) -> None:
    stage.show(golden.noise(2048, 1024))
    with closing(web_client(stage.server.host, stage.web_port)) as client:
        client.set_encodings([RAW])
        assert np.array_equal(client.refresh(), stage.picture)
        assert client.socket.largest_message_bytes > 8 << 20


@pytest.mark.parametrize("connect", ["native", "web"])
def test_a_small_change_takes_less_than_5_ms(stage: Stage, connect: str) -> None:
    """Nagle's algorithm would have it wait for the acknowledgement of the one before, 40 ms and more."""
    host, port = stage.server.host, stage.server.port
    dial = {"native": lambda: connect_native(host, port), "web": lambda: web_client(host, stage.web_port)}
    took_s = []
    with closing(dial[connect]()) as client:
        client.set_encodings([RAW])
        client.refresh()
        picture = stage.picture.copy()
        for number in range(40):
            client.request()
            picture[10:14, 10:14] = number
            began = time.perf_counter()
            stage.show(picture)
            client.wait_update()
            took_s.append(time.perf_counter() - began)
    assert np.median(took_s) < 0.005 * TIME_FACTOR


def test_keys_and_pointer_arrive(stage: Stage, viewers: list) -> None:
    stage.drain()
    viewers[0].send_key(True, 0x61)
    assert stage.event(KeyEvent).key == 0x61
    viewers[0].send_key(False, 0x61)
    viewers[1].send_pointer(1, 30, 40)
    event = stage.event(ClickEvent)
    assert (event.x, event.y) == (30, 40)


# -- WebSocket: the rules


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes.fromhex("820568656c6c6f"), 1002),
        (frame(b"RFB", TEXT), 1003),
        (frame(b"RFB", rsv=4), 1002),
        (frame(b"a" * 126, PING), 1002),
        (frame(b"", PING, fin=False), 1002),
        (frame(b"", CONTINUATION), 1002),
        (b"\x82\xff" + struct.pack(">Q", 1 << 40), 1009),
        (frame(struct.pack(">H", 1000), CLOSE), 1000),
    ],
    ids=["unmasked", "text", "reserved", "long ping", "cut ping", "continues nothing", "too long", "close"],
)
def test_closes_with_a_code(stage: Stage, data: bytes, code: int) -> None:
    with upgraded(stage) as sock:
        sock.sendall(data)
        reply = read_to_end(sock)
        assert reply[0] == 0x88 and struct.unpack_from(">H", reply, 2)[0] == code


def test_fragments_and_pings_between_them(stage: Stage) -> None:
    with upgraded(stage) as sock:
        sock.sendall(frame(BANNER[:5], fin=False) + frame(b"abc", PING))
        assert read_exactly(sock, 5) == b"\x8a\3abc"
        sock.sendall(frame(BANNER[5:9], CONTINUATION, fin=False) + frame(BANNER[9:], CONTINUATION))
        assert 1 in Payload(sock).read_security_types()


def test_fragments_without_end_are_ended(stage: Stage) -> None:
    with upgraded(stage) as sock:
        sock.sendall(frame(BANNER) + frame(b"\1") + frame(b"\1"))
        payload = Payload(sock)
        payload.read_security_types()
        payload.read(4 + 24 + len("stage"))
        request = struct.pack(">BB4H", 3, 1, 0, 0, 1, 1)
        sock.sendall(frame(request, fin=False))
        fragments = frame(request * 100, CONTINUATION, fin=False)
        sender = threading.Thread(target=send_until_closed, args=(sock, fragments))
        sender.start()
        reply = read_to_end(sock, 10.0)
        sender.join()
        assert struct.pack(">BBH", 0x88, reply[-1 - reply[::-1].index(0x88) + 1], 1009) in reply


def test_a_wrong_message_of_rfb_closes_it_politely(stage: Stage) -> None:
    with upgraded(stage) as sock:
        sock.sendall(frame(b"nonsense 123"))
        reply = read_to_end(sock)
    _, _, goodbye = reply.rpartition(b"\x88")
    assert goodbye[1:3] == struct.pack(">H", 1008) and goodbye[3:].startswith(b"protocol version expected")
