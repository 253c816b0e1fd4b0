"""Passwords over a real socket: who is slowed down, who is not, who may control, what the log tells."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process.conftest import Serve
from tests.process.stage import connect_from, status_of
from tests.support.client import Client
from tests.support.errors import Refused
from tests.support.handshake import vnc_response
from tests.support.servers import Server
from tests.support.waits import eventually
from tests.support.websocket import web_client

pytestmark = pytest.mark.process

RIGHT, ONLY_LOOK, WRONG = "sesame", "peephole", "wrong"
BOTH = {"MPVNC_PASSWORD": RIGHT, "MPVNC_VIEW_ONLY_PASSWORD": ONLY_LOOK}
DELAYS = ("security.auth_delay_s=0.2", "security.auth_delay_max_s=1.6")


def refusal_s(server: Server, address: str = "127.0.0.1", password: str = WRONG) -> float:
    """Return how long a wrong password takes to be refused."""
    begin = time.monotonic()
    with connect_from(server, address, password=password) as client, pytest.raises(Refused, match="failed"):
        client.wait_for(lambda viewer: viewer.ready)
    return time.monotonic() - begin


def login_s(server: Server, password: str, address: str = "127.0.0.1", timeout_s: float = 5.0) -> float:
    """Return how long a right password takes."""
    begin = time.monotonic()
    with connect_from(server, address, password=password) as client:
        client.wait_for(lambda viewer: viewer.ready, timeout_s)
    return time.monotonic() - begin


def test_wrong_passwords_are_slowed_down_more_and_more_and_right_ones_never(serve: Serve) -> None:
    server = serve(*DELAYS, env=BOTH)
    delays = [refusal_s(server) for _ in range(4)]
    assert delays[0] < 0.6 and delays[3] >= 1.5, delays
    assert delays[1] >= 0.39 and delays[2] >= 0.79, delays
    for password in (RIGHT, ONLY_LOOK):
        assert login_s(server, password) < 0.5
    assert refusal_s(server, "127.0.0.2") < 0.6
    assert status_of(server)["auth_failures"] == 5


def test_wrong_passwords_at_the_same_time_are_slowed_down_too(serve: Serve) -> None:
    server = serve(*DELAYS, env=BOTH)
    with ThreadPoolExecutor(6) as pool:
        took = sorted(pool.map(lambda _: refusal_s(server), range(6)))
    assert took[0] < 0.8 and took[2] >= 0.79 and took[3] >= 1.5, took


def test_hanging_up_early_buys_no_guesses(serve: Serve) -> None:
    """Who does not wait for the answer to a wrong password learns from 10 guesses, then from few a second."""
    server = serve(env=BOTH)
    begin = time.monotonic()
    results = [quick_guess(server, f"guess{number}") for number in range(30)]
    assert not any(results)
    lucky = [quick_guess(server, RIGHT) for _ in range(20)]
    took_s = time.monotonic() - begin
    assert sum(lucky) <= took_s / 0.25, "as if each guess had been the right one"
    assert sum(lucky) < 10
    assert status_of(server)["auth_failures"] < 11 + took_s / 0.25
    assert login_s(server, RIGHT, timeout_s=20.0) < 5
    assert login_s(server, RIGHT, "127.0.0.2") < 0.5


def quick_guess(server: Server, password: str) -> bool:
    """Guess, and hang up after 50 ms; return whether it is known by then that the guess was right."""
    with socket.create_connection((server.host, server.port), timeout=5.0) as sock:
        stream = sock.makefile("rb")
        stream.read(12)
        sock.sendall(b"RFB 003.008\n")
        stream.read(stream.read(1)[0])
        sock.sendall(b"\x02")
        sock.sendall(vnc_response(password, stream.read(16)))
        stream.close()
        sock.settimeout(0.05)
        try:
            return sock.recv(4) == bytes(4)
        except TimeoutError:
            return False


@pytest.mark.parametrize(
    ("passwords", "logins"),
    [
        (BOTH, {RIGHT: True, ONLY_LOOK: False}),
        ({"MPVNC_PASSWORD": RIGHT}, {RIGHT: True, ONLY_LOOK: None, "": None}),
        ({"MPVNC_VIEW_ONLY_PASSWORD": ONLY_LOOK}, {ONLY_LOOK: False, RIGHT: None, "": None}),
    ],
    ids=["both", "one", "only view-only"],
)
def test_who_may_look_and_who_may_control(
    serve: Serve, tmp_path: Path, passwords: dict[str, str], logins: dict[str, bool | None]
) -> None:
    record = tmp_path / "record.jsonl"
    server = serve(
        "input.backend=recorder", f"input.record_file={record}", "security.auth_delay_s=0.05", env=passwords
    )
    with pytest.raises(Refused, match="security types"):
        server.connect()
    for keysym, (password, may_control) in enumerate(logins.items(), ord("a")):
        if may_control is None:
            assert refusal_s(server, password=password) < 2
            continue
        with server.connect(password=password) as client:
            client.send_key(True, keysym)
            client.send_key(False, keysym)
            client.refresh()
            if may_control:
                eventually(lambda keysym=keysym: keysym in pressed(record))  # type: ignore[misc]
            else:
                client.listen(0.2)
                assert keysym not in pressed(record)


def pressed(record: Path) -> set[int]:
    """Return the keysyms that were pressed."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return {line["keysym"] for line in lines if line["do"] == "press"}


def test_a_password_file_and_its_warning(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"{RIGHT}\n{ONLY_LOOK}\n")
    file.chmod(0o644)
    server = serve(f"security.password_file={file}")
    for password in (RIGHT, ONLY_LOOK):
        server.connect(password=password).close()
    assert "can be read by everybody" in server.log


def test_the_log_tells_no_secret_at_any_level(serve: Serve) -> None:
    server = serve(*DELAYS, env=BOTH, arguments=("--log-level", "DEBUG"))
    secrets = {RIGHT.encode(), ONLY_LOOK.encode(), b"guesswrk"}
    for password in (RIGHT, ONLY_LOOK, "guesswrk"):
        secrets |= exchange(server, password)
    eventually(lambda: "wrong password" in server.log)
    with server.connect(password=RIGHT) as client:
        client.cut_text("a private word")
        client.refresh()
    server.stop()
    assert " DEBUG " in server.log
    for secret in secrets:
        for form in (secret.decode("latin-1"), secret.hex(), secret.hex(" "), repr(secret)[2:-1]):
            assert form not in server.log
    assert "a private word" not in server.log


def test_the_log_tells_once_and_with_the_client_of_a_wrong_password(serve: Serve) -> None:
    server = serve(*DELAYS, env=BOTH)
    refusal_s(server)
    server.connect(password=RIGHT).close()
    eventually(lambda: re.search(r" INFO encoder\[\d+\] 2 127\.0\.0\.1 left: ", server.log))
    assert re.search(r" INFO encoder\[\d+\] 2 127\.0\.0\.1 joined", server.log)
    (line,) = (line for line in server.log.splitlines() if "wrong password" in line)
    assert re.search(r" WARNING supervisor\[\d+\] 1 wrong password from 127\.0\.0\.1", line)


def exchange(server: Server, password: str) -> set[bytes]:
    """Shake hands by hand; return the challenge and the response."""
    with socket.create_connection((server.host, server.port), timeout=5.0) as sock:
        stream = sock.makefile("rb")
        assert stream.read(12) == b"RFB 003.008\n"
        sock.sendall(b"RFB 003.008\n")
        assert 2 in stream.read(stream.read(1)[0])
        sock.sendall(b"\x02")
        challenge = stream.read(16)
        response = vnc_response(password, challenge)
        sock.sendall(response)
        (result,) = struct.unpack(">I", stream.read(4))
        assert result == (password == "guesswrk")
        stream.close()
    return {challenge, response}


@pytest.mark.parametrize(("policy", "stays"), [("share", "both"), ("evict", "asker"), ("refuse", "first")])
def test_exclusive_access(serve: Serve, policy: str, stays: str) -> None:
    server = serve(f"clients.when_not_shared={policy}", env=BOTH)
    first = web_client(server.host, server.port, password=RIGHT)
    first.refresh()
    asker = server.connect(password=RIGHT, shared=False)
    remaining = {"both": [first, asker], "asker": [asker], "first": [first]}[stays]
    for client in (first, asker):
        if client in remaining:
            client.refresh()
        else:
            client.wait_closed()
        client.close()


@pytest.mark.parametrize("policy", ["evict", "refuse"])
def test_a_view_only_viewer_cannot_evict(serve: Serve, policy: str) -> None:
    server = serve(f"clients.when_not_shared={policy}", env=BOTH)
    first = server.connect(password=RIGHT)
    looker = web_client(server.host, server.port, password=ONLY_LOOK, shared=False)
    stay(first, looker)


def stay(*clients: Client) -> None:
    """Both are served, and still are after a while."""
    for client in clients:
        client.refresh()
    for client in clients:
        client.listen(0.3)
        client.refresh()
        client.close()
