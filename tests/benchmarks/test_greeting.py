from __future__ import annotations

import json
import math
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import greeting
from benchmarks.greeting import Plan, Timing, address, delay_ms, measure, report, timing
from benchmarks.guest import Guest, chosen, spoken
from benchmarks.peers import PEERS
from benchmarks.processes import BenchError
from mpvnc.rfb.security.vncauth import response
from tests.support.servers import running_supervisor


def test_percentiles_of_a_step() -> None:
    found = timing("mpvnc", "connect", [float(ms) for ms in range(1, 101)], [1000, 3000, 2000])
    assert found == Timing("mpvnc", "connect", 50.0, 95.0, 99.0, 100, 2.0)
    assert math.isnan(timing("mpvnc", "change", []).p50_ms)


def test_the_table_has_a_line_for_each_step() -> None:
    line = report([Timing("xvnc", "handshake", 1.0, 2.0, 3.25, 50)]).splitlines()[-1]
    assert line == "| xvnc | handshake | 1.00 | 2.00 | 3.25 | 50 |  |"


@pytest.mark.parametrize(
    ("now_us", "mark", "ms"), [(5_000_000, 4_998_500, 1.5), (1 << 24, (1 << 24) - 250, 0.25)]
)
def test_the_time_of_a_mark_turns_over(now_us: int, mark: int, ms: float) -> None:
    assert delay_ms(now_us * 1000 + 999, mark) == ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:5900", ("127.0.0.1", 5900)), ("[::1]:1", ("::1", 1)), ("a.b:7", ("a.b", 7))],
)
def test_an_address(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("words", [["nowhere"], ["--password", "secret"], [":x"]])
def test_a_wrong_command_line(words: list[str]) -> None:
    with pytest.raises(SystemExit) as failed:
        greeting.main(words)
    assert failed.value.code == 2


@pytest.mark.parametrize(
    ("banner", "minor"),
    [(b"RFB 003.008\n", 8), (b"RFB 003.889\n", 8), (b"RFB 004.001\n", 8), (b"RFB 003.007\n", 7),
     (b"RFB 003.005\n", 3), (b"RFB 003.003\n", 3)],
)  # fmt: skip
def test_the_version_that_is_spoken(banner: bytes, minor: int) -> None:
    assert spoken(banner) == minor


@pytest.mark.parametrize("banner", [b"HTTP/1.1 400", b"RFB 00a.008\n", b"SSH 003.008\n"])
def test_no_vnc_server(banner: bytes) -> None:
    with pytest.raises(BenchError, match="no VNC server"):
        spoken(banner)


def test_the_security_type_follows_from_the_password() -> None:
    assert (chosen([2, 1], None), chosen([1, 19, 2], "p")) == (1, 2)
    with pytest.raises(BenchError, match=r"\[19\].*None"):
        chosen([19], None)


@contextmanager
def scripted(*script: bytes | int) -> Iterator[tuple[Guest, list[bytes]]]:
    """A guest of a server that sends what it is told, and reads so many bytes where there is a number."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for part in script:
                    if isinstance(part, int):
                        heard.append(connection.recv(part, socket.MSG_WAITALL))
                    else:
                        connection.sendall(part)

        server = threading.Thread(target=serve)
        server.start()
        guest = Guest("127.0.0.1", listener.getsockname()[1], 5)
        try:
            yield guest, heard
        finally:
            guest.close()
            server.join(5)


INIT = struct.pack(">HH16xI", 40, 30, 2) + b"hi"


@pytest.mark.parametrize(
    "script",
    [
        (b"RFB 003.008\n", 12, b"\1\2", 1, bytes(16), 16, bytes(4), 1, INIT),
        (b"RFB 003.007\n", 12, b"\1\2", 1, bytes(16), 16, bytes(4), 1, INIT),
        (b"RFB 003.003\n", 12, b"\0\0\0\2", bytes(16), 16, bytes(4), 1, INIT),
    ],
)
def test_a_password_is_proved_in_every_version(script: tuple[bytes | int, ...]) -> None:
    with scripted(*script) as (guest, heard):
        guest.shake_hands("secret")
        assert (guest.width, guest.height) == (40, 30)
    assert heard[0] == script[0]
    assert response(b"secret", bytes(16)) in heard


@pytest.mark.parametrize(
    "script",
    [
        (b"RFB 003.007\n", 12, b"\1\1", 1, 1, INIT),
        (b"RFB 003.003\n", 12, b"\0\0\0\1", 1, INIT),
        (b"RFB 003.008\n", 12, b"\1\1", 1, bytes(4), 1, INIT),
    ],
)
def test_without_a_password_old_servers_give_no_result(script: tuple[bytes | int, ...]) -> None:
    with scripted(*script) as (guest, _):
        guest.shake_hands()
        assert guest.width == 40


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ((b"RFB 003.008\n", 12, b"\0\0\0\0\4busy"), "turned away: busy"),
        ((b"RFB 003.003\n", 12, b"\0\0\0\0\0\0\0\4busy"), "turned away: busy"),
        ((b"RFB 003.008\n", 12, b"\1\2", 1, bytes(16), 16, b"\0\0\0\1\0\0\0\2no"), "not let in: no"),
        ((b"RFB 003.008\n", 12), "hung up"),
    ],
)
def test_a_refusal_has_its_reason(script: tuple[bytes | int, ...], reason: str) -> None:
    with scripted(*script) as (guest, _), pytest.raises(BenchError, match=reason):
        guest.shake_hands("wrong")


def rectangle(x: int, y: int, width: int, height: int, encoding: int, payload: bytes) -> bytes:
    return struct.pack(">HHHHi", x, y, width, height, encoding) + payload


def test_a_picture_that_comes_in_parts_is_read_to_its_end() -> None:
    first = b"\2\0\0\0\1" + rectangle(0, 0, 40, 10, 0, bytes(1600))
    cut_text = b"\3\0\0\0\0\0\0\3abc"
    second = b"\0\0\0\1" + rectangle(0, 10, 40, 20, 16, b"\0\0\0\5zzzzz")
    script = (b"RFB 003.007\n", 12, b"\1\1", 1, 1, INIT, 10, first, 10, cut_text + second)
    with scripted(*script) as (guest, heard):
        guest.shake_hands()
        before = guest.bytes_received
        guest.read_picture()
        assert guest.bytes_received - before == len(first + cut_text + second)
    assert [request[:2] for request in heard[-2:]] == [b"\3\0", b"\3\1"]


def test_what_was_not_asked_for_is_named() -> None:
    with scripted(b"\xff") as (guest, _), pytest.raises(BenchError, match="message 255"):
        guest.read_update()
    with (
        scripted(b"\0\0\0\1" + rectangle(0, 0, 1, 1, 7, b"")) as (guest, _),
        pytest.raises(BenchError, match="7"),
    ):
        guest.read_update()


@pytest.mark.process
def test_a_server_with_a_password_is_greeted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"MPVNC_PASSWORD": "secret"}
    path = tmp_path / "ledger.jsonl"
    with running_supervisor(tmp_path, "source.kind=demo", "server.workers=1", env=secret) as server:
        place = f"127.0.0.1:{server.port}"
        assert greeting.main([place, "--password", "secret", "--count", "2", "--ledger", str(path)]) == 0
        assert greeting.main([place, "--count", "1"]) == 1
    printed = capsys.readouterr()
    assert f"| {place} | handshake |" in printed.out
    assert "None (1)" in printed.err
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == ["connect", "handshake", "first picture, zrle"]
    assert all(row["samples"] == 2 and 0 < row["p50_ms"] <= row["p99_ms"] for row in rows)
    assert rows[2]["kb"] > 1


@pytest.mark.process
def test_a_change_is_timed(tmp_path: Path) -> None:
    found = measure(PEERS["mpvnc"], Plan(1, 5.0, "raw"))
    assert [one.step for one in found] == ["connect", "handshake", "first picture, raw", "change"]
    assert found[2].kb == pytest.approx(1920 * 1080 * 4 / 1000, rel=0.01)
    assert (found[3].samples, 0 < found[3].p50_ms < 1000) == (1, True)
