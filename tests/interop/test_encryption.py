"""TLS and users from the ready line to the picture: the TigerVNC viewer, and the bytes of a session.

Who is let in, who is refused and in which words; what a reload of the certificate does.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mpvnc.constants import VeNCryptSubtype
from mpvnc.publisher.events import KeyEvent
from mpvnc.rfb.security.users import Cost, format_user, make_user
from tests.interop.stage import Stage, read_exactly, read_to_end, staged
from tests.support import peers, processes, xserver
from tests.support.client import dial
from tests.support.handshake import vnc_response
from tests.support.tls import client_context, make_pem, write_pair
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

PEM, OTHER = make_pem("127.0.0.1", "localhost"), make_pem()
QUICK = Cost(2, 1, 1)
USERS = {"alice": ("sesame", "control"), "bob": ("peephole", "view")}
OK, FAILED = bytes(4), b"\0\0\0\1"
PLAIN, X509_NONE, X509_VNC, X509_PLAIN = VeNCryptSubtype


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, and a users file."""
    path = tmp_path_factory.mktemp("encryption")
    write_pair(path, PEM)
    write_pair(path, OTHER, "other")
    lines = [
        format_user(name, make_user(password, role, os.urandom(16), QUICK))
        for name, (password, role) in USERS.items()
    ]
    (path / "users").write_text("\n".join(lines))
    (path / "users").chmod(0o600)
    return path


@pytest.fixture(scope="module")
def guarded(directory: Path) -> Iterator[Stage]:
    """A server with everything: a password, users, a certificate of the operator's, a UNIX socket."""
    settings = (
        f"security.users_file={directory}/users", f"security.tls_cert={directory}/server.crt",
        f"security.tls_key={directory}/server.key", "security.auth_delay_s=0.02", "security.auth_delay_max_s=0.02",
        f"server.listeners=127.0.0.1:0,web:127.0.0.1:0,unix:{directory}/socket", "server.workers=1",
    )  # fmt: skip
    with staged(directory, *settings, env={"MPVNC_PASSWORD": "secret"}) as stage:
        yield stage


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server without a password that wants encryption, with a certificate of its own making."""
    listeners = "server.listeners=127.0.0.1:0,web:127.0.0.1:0"
    settings = ("security.require_encryption=true", "server.workers=1", listeners)
    with staged(tmp_path_factory.mktemp("strict"), *settings) as stage:
        yield stage


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with xserver.xvfb(tmp_path_factory.mktemp("viewers"), 640, 480) as display:
        yield display


# -- the TigerVNC viewer


@contextmanager
def tiger(
    stage: Stage, display: str, home: Path, kind: str, ca: Path, user: str = "", password: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the viewer; what it says is in `said`."""
    command = [
        "xtigervncviewer", f"-SecurityTypes={kind}", f"-X509CA={ca}", "-ReconnectOnError=0",
        "-AlertOnFatalError=0", "-NoJPEG", "-AutoSelect=0", "-MenuKey=", "-RemoteResize=0",
        f"127.0.0.1::{stage.server.port}",
    ]  # fmt: skip
    secrets = {"VNC_USERNAME": user, "VNC_PASSWORD": password, "HOME": str(home)}
    environment = xserver.x_environment(display) | secrets
    process = processes.start(command, log=home / "viewer.log", env=environment)
    try:
        yield process
    finally:
        processes.stop(process)


def said(home: Path) -> str:
    return (home / "viewer.log").read_text(errors="replace")


@pytest.mark.x11
@pytest.mark.parametrize(
    ("kind", "user", "password"),
    [("X509Plain", "alice", "sesame"), ("X509Vnc", "", "secret"), ("X509None", "", "")],
)
def test_tigervnc_shows_the_picture_through_tls(
    request: pytest.FixtureRequest, directory: Path, display: str, tmp_path: Path,
    state_directory: Path, kind: str, user: str, password: str,
) -> None:  # fmt: skip
    stage: Stage = request.getfixturevalue("strict" if kind == "X509None" else "guarded")
    ca = state_directory / "self-signed.crt" if kind == "X509None" else directory / "server.crt"
    with tiger(stage, display, tmp_path, kind, ca, user, password) as process:
        viewer = peers.TigerViewer(display, process, "stage - TigerVNC")
        viewer.wait_shows(stage.picture)
    assert f"{kind} (" in said(tmp_path)


@pytest.mark.x11
@pytest.mark.parametrize(
    ("kind", "user", "password"),
    [("X509Plain", "alice", "peephole"), ("X509Plain", "carol", "sesame"), ("X509Vnc", "", "sesame")],
)
def test_tigervnc_is_told_that_user_or_password_are_wrong(
    guarded: Stage, directory: Path, display: str, tmp_path: Path, kind: str, user: str, password: str
) -> None:
    with tiger(guarded, display, tmp_path, kind, directory / "server.crt", user, password):
        eventually(lambda: "Authentication failed" in said(tmp_path), 15)


@pytest.mark.x11
def test_tigervnc_asks_before_it_trusts_another_certificate(
    guarded: Stage, directory: Path, display: str, tmp_path: Path
) -> None:
    with tiger(guarded, display, tmp_path, "X509Vnc", directory / "other.crt", password="secret"):
        xserver.wait_window(display, "Unknown certificate issuer")


# -- bytes


def begin(sock: socket.socket, subtype: int) -> None:
    """Shake hands as far as TLS, or the subtype's own bytes."""
    assert read_exactly(sock, 12) == b"RFB 003.008\n"
    sock.sendall(b"RFB 003.008\n")
    assert 19 in read_exactly(sock, read_exactly(sock, 1)[0])
    sock.sendall(b"\x13")
    assert read_exactly(sock, 2) == b"\0\2"
    sock.sendall(b"\0\2")
    accepted, count = read_exactly(sock, 2)
    assert accepted == 0
    assert subtype in struct.unpack(f">{count}I", read_exactly(sock, 4 * count))
    sock.sendall(struct.pack(">I", subtype))
    assert subtype == PLAIN or read_exactly(sock, 1) == b"\1"


@contextmanager
def encrypted(stage: Stage, subtype: int, pem: bytes = PEM) -> Iterator[ssl.SSLSocket]:
    """Connect as far as TLS; the certificate has to be that in `pem`."""
    with stage.dial() as sock:
        begin(sock, subtype)
        with client_context(pem).wrap_socket(sock, server_hostname="127.0.0.1") as tls:
            yield tls


def credentials(user: str, password: str) -> bytes:
    return struct.pack(">II", len(user), len(password)) + user.encode() + password.encode()


def picture_of(sock: socket.socket, stage: Stage) -> bool:
    """Initialise, ask for everything once as Raw, and compare."""
    sock.sendall(b"\1")
    read_exactly(sock, 20)
    read_exactly(sock, struct.unpack(">I", read_exactly(sock, 4))[0])
    height, width = stage.picture.shape
    sock.sendall(struct.pack(">BxHi", 2, 1, 0) + struct.pack(">BB4H", 3, 0, 0, 0, width, height))
    _, count = struct.unpack(">BxH", read_exactly(sock, 4))
    shown = np.zeros_like(stage.picture)
    for _ in range(count):
        x, y, w, h, _ = struct.unpack(">4Hi", read_exactly(sock, 12))
        pixels = np.frombuffer(read_exactly(sock, w * h * 4), "<u4").reshape(h, w)
        shown[y : y + h, x : x + w] = pixels
    return np.array_equal(shown, stage.picture)


def test_users_do_what_their_role_allows(guarded: Stage) -> None:
    guarded.drain()
    for name, (password, _) in USERS.items():
        with encrypted(guarded, X509_PLAIN) as tls:
            tls.sendall(credentials(name, password))
            assert read_exactly(tls, 4) == OK
            assert picture_of(tls, guarded)
            tls.sendall(struct.pack(">BBxxI", 4, 1, ord(name[0])))
            if name == "alice":
                assert guarded.event(KeyEvent).key == ord("a")
            read_something = struct.pack(">BB4H", 3, 0, 0, 0, 1, 1)
            tls.sendall(read_something)
            read_exactly(tls, 4)
    assert not [event for event in guarded.drain() if event.name == "key" and event.down]
    assert "joined as alice\n" in guarded.server.log
    assert "joined as bob view-only\n" in guarded.server.log


def test_a_wrong_user_is_refused_with_a_reason(guarded: Stage) -> None:
    with encrypted(guarded, X509_PLAIN) as tls:
        tls.sendall(credentials("alice", "secret"))
        assert read_to_end(tls) == FAILED + struct.pack(">I", 21) + b"Authentication failed"


def test_the_password_of_all_inside_tls(guarded: Stage) -> None:
    with encrypted(guarded, X509_VNC) as tls:
        tls.sendall(vnc_response("secret", read_exactly(tls, 16)))
        assert read_exactly(tls, 4) == OK
        assert picture_of(tls, guarded)


def test_tight_with_a_password(guarded: Stage) -> None:
    with guarded.dial() as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.008\n\x10\0\0\0\2")
        assert read_exactly(sock, 4) == b"\3\x13\2\x10"
        assert read_exactly(sock, 24).hex() == "00000000000000010000000253544456564e43415554485f"
        sock.sendall(vnc_response("secret", read_exactly(sock, 16)) + b"\1")
        assert read_exactly(sock, 4) == OK
        init = read_exactly(sock, 24 + len("stage") + 8)
    assert init[24:] == b"stage" + bytes(8)


def test_tight_without_a_password(stage: Stage) -> None:
    with stage.dial() as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.008\n\x10\1")
        assert read_exactly(sock, 3 + 8 + 4) == b"\2\1\x10" + bytes(12)
        assert read_exactly(sock, 24 + len("stage") + 8)[24:] == b"stage" + bytes(8)


def test_names_and_passwords_are_taken_on_a_unix_socket_as_they_are(guarded: Stage, directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(directory / "socket"))
        begin(sock, PLAIN)
        sock.sendall(credentials("alice", "sesame"))
        assert read_exactly(sock, 4) == OK


# -- browsers


class WebSocketBytes:
    """What `read_exactly` and `begin` need of a socket, through a WebSocket inside TLS."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._left = b""
        self._timeout_s: float | None = 5.0

    def settimeout(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s

    def recv(self, size: int) -> bytes:
        if not self._left:
            message = self._connection.recv(self._timeout_s)
            assert isinstance(message, bytes)
            self._left = message
        data, self._left = self._left[:size], self._left[size:]
        return data

    def sendall(self, data: bytes) -> None:
        self._connection.send(data)


@contextmanager
def wss(stage: Stage, pem: bytes) -> Iterator[Any]:
    address = f"wss://127.0.0.1:{web_port(stage)}/"
    with connect(address, ssl=client_context(pem), compression=None, proxy=None) as connection:
        yield WebSocketBytes(connection)


def web_port(stage: Stage) -> int:
    """Return the port for browsers alone, where a slow first byte does no harm."""
    address = next(url for url in reversed(stage.server.urls) if url.startswith("http"))
    return int(address.rstrip("/").rpartition(":")[2])


def own_pem(state_directory: Path) -> bytes:
    return b"".join((state_directory / f"self-signed.{kind}").read_bytes() for kind in ("key", "crt"))


def get(stage: Stage, path: str, pem: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Ask over https if there is a certificate to trust, else over http."""
    port = web_port(stage)
    connection = (
        HTTPSConnection("127.0.0.1", port, context=client_context(pem), timeout=5)
        if pem
        else HTTPConnection("127.0.0.1", port, timeout=5)
    )
    with closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def test_the_page_over_https_and_http(guarded: Stage) -> None:
    page = get(guarded, "/", PEM)
    assert page[0] == 200 and b"<html" in page[1]
    assert get(guarded, "/") == page


def test_a_browser_whose_first_byte_comes_after_2_s_is_served_where_only_browsers_come(
    guarded: Stage,
) -> None:
    with (
        dial("127.0.0.1", web_port(guarded)) as plain,
        dial("127.0.0.1", web_port(guarded)) as secret,
    ):
        time.sleep(2.0)  # both wait at once
        for sock in (plain, client_context(PEM).wrap_socket(secret, server_hostname="127.0.0.1")):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = read_to_end(sock)
            assert answer.startswith(b"HTTP/1.1 200 ") and b"<html" in answer
            sock.close()


def test_a_viewer_through_wss(strict: Stage, state_directory: Path) -> None:
    with wss(strict, own_pem(state_directory)) as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.008\n")
        assert read_exactly(sock, 3) == b"\2\1\x10", "no TLS inside TLS"
        sock.sendall(b"\1")
        assert read_exactly(sock, 4) == OK
        assert picture_of(sock, strict)


def test_a_user_through_wss_gives_name_and_password_as_they_are(guarded: Stage) -> None:
    with wss(guarded, PEM) as sock:
        begin(sock, PLAIN)
        sock.sendall(credentials("bob", "peephole"))
        assert read_exactly(sock, 4) == OK
        assert picture_of(sock, guarded)


def test_snapshots_for_users_over_https_alone(guarded: Stage) -> None:
    alice = {"Authorization": basic("alice", "sesame")}
    assert get(guarded, "/snapshot.png", PEM, **alice)[0] == 200
    assert get(guarded, "/snapshot.png", PEM, Authorization=basic("alice", "peephole"))[0] == 401
    assert get(guarded, "/snapshot.png", PEM)[0] == 401
    assert get(guarded, "/snapshot.png", **alice)[0] == 401, "in clear it is the password of all that counts"
    assert get(guarded, "/snapshot.png", Authorization=basic("", "secret"))[0] == 200


def test_browsers_are_told_that_encryption_is_required(strict: Stage, state_directory: Path) -> None:
    assert "https://" in strict.server.ready_line and "http://" not in strict.server.ready_line
    for path in ("/", "/snapshot.png"):
        status, words = get(strict, path)
        assert status == 403 and b"wants encryption: use https" in words
        assert get(strict, path, own_pem(state_directory))[0] == 200
    assert get(strict, "/health")[0] == 200
    page = f"http://127.0.0.1:{web_port(strict)}"
    assert get(strict, f"/health?page={page}")[0] == 403, "which a page asks that was loaded before"
    address = f"ws://127.0.0.1:{web_port(strict)}/"
    with pytest.raises(InvalidStatus, match="403"), connect(address, compression=None, proxy=None):
        pass


def test_encryption_is_required_in_words(strict: Stage) -> None:
    with strict.dial() as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.003\n")
        assert b"wants encryption" in read_to_end(sock)
    with strict.dial() as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.008\n")
        assert read_exactly(sock, 2) == b"\1\x13", "nothing but VeNCrypt"


def test_another_certificate_is_taken_at_a_reload_and_a_broken_one_is_not(
    guarded: Stage, directory: Path
) -> None:
    def reload() -> None:
        before = guarded.server.log.count("SIGHUP")
        guarded.server.send_signal(signal.SIGHUP)
        eventually(lambda: guarded.server.log.count("SIGHUP") > before)

    def taken(pem: bytes) -> bool:
        try:
            with encrypted(guarded, X509_VNC, pem):
                return True
        except ssl.SSLCertVerificationError:
            return False

    fresh = make_pem("127.0.0.1")
    with encrypted(guarded, X509_VNC) as before:
        write_pair(directory, fresh)
        reload()
        eventually(lambda: taken(fresh))
        before.sendall(vnc_response("secret", read_exactly(before, 16)))
        assert read_exactly(before, 4) == OK, "who is connected stays so"
        (directory / "server.key").write_text("broken")
        reload()
        eventually(lambda: "nothing changes" in guarded.server.log)
        assert taken(fresh)
    write_pair(directory, PEM)
    reload()
    eventually(lambda: taken(PEM))
