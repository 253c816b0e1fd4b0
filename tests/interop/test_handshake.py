"""Handshake and security over the socket."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from mpvnc.publisher.events import DisconnectEvent, KeyEvent
from tests.interop.stage import Stage, read_exactly, read_to_end, staged
from tests.support import processes
from tests.support.errors import Refused
from tests.support.formats import BGRX
from tests.support.handshake import vnc_response
from tests.support.waits import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

VERSIONS = {
    (3, 3): 3, (3, 5): 3, (3, 7): 7, (3, 8): 8, (3, 889): 8, (4, 0): 8, (4, 1): 8, (5, 0): 8, (999, 999): 8
}  # fmt: skip
QUICK = ("security.auth_delay_s=0.02", "security.auth_delay_max_s=0.02")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both passwords; the first is longer than the eight bytes that count."""
    passwords = {"MPVNC_PASSWORD": "verylongpassword12345", "MPVNC_VIEW_ONLY_PASSWORD": "p\u00e9"}
    with staged(tmp_path_factory.mktemp("guarded"), *QUICK, env=passwords) as stage:
        yield stage


@pytest.fixture(scope="module")
def look_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Only the view-only password is set, and nothing but VNC authentication is wanted."""
    settings, password = (*QUICK, "security.types=vncauth"), {"MPVNC_VIEW_ONLY_PASSWORD": "xyz"}
    with staged(tmp_path_factory.mktemp("look"), *settings, env=password) as stage:
        yield stage


def choices(version: tuple[int, int]) -> dict[str, object]:
    """Every line is sent as it stands; the viewer follows the rules that hold for it."""
    minor = VERSIONS[version]
    return {"version": (3, minor), "line": b"RFB %03d.%03d\n" % version}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_without_a_password(stage: Stage, version: tuple[int, int]) -> None:
    with stage.client(**choices(version)) as client:
        server = client.viewer.server
        assert server is not None
        assert server.banner == b"RFB 003.008\n"
        assert server.security_types == ((1,) if VERSIONS[version] == 3 else (1, 16))
        assert (server.width, server.height, server.format, server.name) == (320, 200, BGRX, "stage")
        assert np.array_equal(client.refresh(), stage.picture)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_with_a_password(guarded: Stage, version: tuple[int, int]) -> None:
    # An address of its own: who guesses more than ten times in a minute waits for a turn.
    own = {**choices(version), "source": f"127.0.1.{1 + list(VERSIONS).index(version)}"}
    for password in ("verylongpassword12345", "verylong", "verylongXXX", "p\u00e9"):
        with guarded.client(**own, password=password) as client:
            assert client.viewer.server is not None
            assert client.viewer.server.security_types == ((2,) if VERSIONS[version] == 3 else (2, 16))
            assert np.array_equal(client.refresh(), guarded.picture)
    for password in ("", "verylon", "wrong"):
        with pytest.raises(Refused) as refusal:
            guarded.client(**own, password=password)
        assert bool(str(refusal.value)) == (VERSIONS[version] == 8)


def test_the_bytes_of_a_session_without_a_password(stage: Stage) -> None:
    with stage.dial() as sock:
        assert read_exactly(sock, 12).hex() == "524642203030332e3030380a"
        sock.sendall(b"RFB 003.008\n")
        assert read_exactly(sock, 3) == b"\2\1\x10"
        sock.sendall(b"\1")
        assert read_exactly(sock, 4) == bytes(4)
        sock.sendall(b"\1")
        init = read_exactly(sock, 24 + 5)
        assert (
            init
            == struct.pack(">HH", 320, 200)
            + bytes.fromhex("2018000100ff00ff00ff10080000000000000005")
            + b"stage"
        )
        sock.sendall(struct.pack(">BB4H", 3, 0, 0, 0, 1, 1))
        assert read_exactly(sock, 4) == b"\0\0\0\1", "no capabilities stand behind ServerInit"


def test_3_3_with_a_password_dictates_its_type(guarded: Stage) -> None:
    with guarded.dial() as sock:
        read_exactly(sock, 12)
        sock.sendall(b"RFB 003.003\n")
        assert read_exactly(sock, 4) == b"\0\0\0\2"
        sock.sendall(vnc_response("verylong", read_exactly(sock, 16)))
        assert read_exactly(sock, 4) == bytes(4)


def test_challenges_differ(guarded: Stage) -> None:
    seen = set()
    for _ in range(8):
        with guarded.dial() as sock:
            read_exactly(sock, 12)
            sock.sendall(b"RFB 003.008\n")
            assert read_exactly(sock, 3) == b"\2\2\x10"
            sock.sendall(b"\2")
            seen.add(read_exactly(sock, 16))
    assert len(seen) == 8


def test_a_wrong_answer_is_refused_with_its_reason_and_closed(guarded: Stage) -> None:
    with guarded.dial() as sock:
        sock.sendall(b"RFB 003.008\n\2" + b"\xff" * 16 + b"\1")
        rest = read_to_end(sock)[12 + 3 + 16 :]
    result, length = struct.unpack(">II", rest[:8])
    assert result == 1
    assert len(rest) == 8 + length > 8


def test_3_7_refuses_without_a_reason(guarded: Stage) -> None:
    with guarded.dial() as sock:
        sock.sendall(b"RFB 003.007\n\2" + b"\xff" * 16 + b"\1")
        assert read_to_end(sock)[12 + 3 + 16 :] == b"\0\0\0\1"


def test_a_type_that_was_not_offered(stage: Stage, guarded: Stage) -> None:
    for server, choice in itertools.product((stage, guarded), (42, 0, 19)):
        with server.dial() as sock:
            sock.sendall(b"RFB 003.008\n" + bytes([choice]))
            rest = read_to_end(sock)[15:]
        result, length = struct.unpack(">II", rest[:8])
        assert result == 1
        assert len(rest) == 8 + length > 8
    with guarded.dial() as sock:
        sock.sendall(b"RFB 003.008\n\1")
        assert read_to_end(sock)[15:19] == b"\0\0\0\1"


@pytest.mark.parametrize("line", [b"NOTVRB 1.0\n\n", b"RFB 2.0\n....", b"RFB 003.0x8\n"])
def test_garbage_for_a_version_is_closed(stage: Stage, line: bytes) -> None:
    with stage.dial() as sock:
        sock.sendall(line)
        read_to_end(sock)


def test_endless_version_lines_cost_no_memory(stage: Stage) -> None:
    workers = stage.server.children_of_role("encoder")
    before = sum(map(processes.resident_bytes, workers))
    for _ in range(4):
        with stage.dial() as sock:
            try:
                for _ in range(10):
                    sock.sendall(b"x" * (1 << 20))
            except (BrokenPipeError, ConnectionResetError):
                pass
            read_to_end(sock)
    assert sum(map(processes.resident_bytes, workers)) - before < 8 << 20


def test_the_view_only_password_gives_no_control(guarded: Stage) -> None:
    with (
        guarded.client([0], password="p\u00e9") as watching,
        guarded.client([0], password="verylong") as controlling,
    ):
        guarded.drain()
        watching.send_key(True, 0x61)
        watching.send_pointer(9, 10, 10)
        watching.cut_text("private")
        assert np.array_equal(watching.refresh(), guarded.picture)
        watching.close()
        controlling.send_key(True, 0x62)
        kinds = {(event.client, event.name) for event in guarded.events_until(KeyEvent, DisconnectEvent)}
    assert len(kinds) == 2
    assert {name for _, name in kinds} == {"key", "disconnect"}
    assert len({client for client, _ in kinds}) == 2


def test_only_a_view_only_password(look_only: Stage) -> None:
    for password in ("", "anything", "xy"):
        with pytest.raises(Refused):
            look_only.client(password=password)
    with pytest.raises(Refused):
        look_only.client(security_type=1)
    with look_only.client([0], password="xyz") as client:
        assert client.viewer.server.security_types == (2,), "Tight (16) can be left out"
        client.send_key(True, 0x61)
        client.send_pointer(1, 10, 10)
        assert np.array_equal(client.refresh(), look_only.picture)
    names = [event.name for event in look_only.events_until(DisconnectEvent)]
    assert names == ["connect", "disconnect"]


def test_a_name_in_utf_8(stage: Stage) -> None:
    stage.publication.change_name("Bildschirm \u00e4\u20ac")
    try:

        def name() -> str:
            with stage.server.connect() as client:
                return client.viewer.name

        eventually(lambda: name() == "Bildschirm \u00e4\u20ac" and name() == "Bildschirm \u00e4\u20ac")
    finally:
        stage.publication.change_name("stage")
