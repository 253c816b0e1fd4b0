"""clients, kick and reload, as they are typed, with real workers and viewers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mpvnc.constants import Encoding
from tests.process.conftest import Serve
from tests.process.stage import status_of, wait_viewers
from tests.support.errors import Refused
from tests.support.servers import Server, environment
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def typed(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mpvnc", *arguments],
        env=environment(server.runtime_dir), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_who_watches_and_how_and_one_is_thrown_out(serve: Serve) -> None:
    server = serve()
    tight, raw = server.connect(), server.connect()
    tight.set_encodings((Encoding.TIGHT, Encoding.JPEG_QUALITY_LEVEL_0 + 6))
    raw.set_encodings((Encoding.RAW,))
    for viewer in (tight, raw):
        viewer.refresh()
    wait_viewers(server, 2)
    done = typed(server, "clients")
    assert done.returncode == 0, done.stderr
    head, first, second = done.stdout.splitlines()
    assert "ADDRESS" in head and "tight q6" in first and "raw" in second
    told = json.loads(typed(server, "clients", "--json").stdout)["clients"]
    assert [client["client"] for client in told] == [1, 2] and {client["worker"] for client in told} == {0, 1}
    assert all(client["bytes_out"] > 0 and client["rtt_ms"] > 0 for client in told)
    assert typed(server, "kick", "1").returncode == 0
    tight.wait_closed()
    eventually(lambda: "left: Disconnected by the operator" in server.log)
    nobody = typed(server, "kick", "1")
    assert nobody.returncode == 1 and nobody.stderr.endswith("there is no client 1\n")
    raw.refresh()
    counters = ("encodes", "cache_misses", "bytes_encoded", "pixels_encoded", "bytes_sent")
    eventually(lambda: all(status_of(server)[counter] for counter in counters))
    for viewer in (tight, raw):
        viewer.close()


def test_a_hung_worker_is_named_after_a_second(serve: Serve) -> None:
    server = serve("timeouts.heartbeat_s=30")
    viewer = server.connect()
    (pid,) = (child["pid"] for child in status_of(server)["children"] if child["slot"] == 0)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    done = typed(server, "clients", "--json")
    took_s = time.monotonic() - began
    os.kill(pid, signal.SIGCONT)
    assert "worker 0 does not answer" in done.stderr and took_s < 5
    assert [client["address"] for client in json.loads(done.stdout)["clients"]] == ["127.0.0.1"]
    viewer.close()


def test_new_passwords_are_for_new_viewers(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text("sesame\n")
    file.chmod(0o600)
    server = serve(f"security.password_file={file}", "security.auth_delay_s=0.05")
    stays = server.connect(password="sesame")
    file.write_text("simsala\n")
    done = typed(server, "reload")
    assert (done.returncode, done.stdout) == (0, "changed: passwords\n"), done.stderr
    with pytest.raises(Refused):
        server.connect(password="sesame")
    server.connect(password="simsala").close()
    stays.refresh()
    file.write_text("")
    broken = typed(server, "reload")
    assert broken.returncode == 4 and "holds no password" in broken.stderr
    server.connect(password="simsala").close()
    stays.close()


def test_a_new_name_and_other_encodings_are_taken_over(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("encoding: {enabled: [zrle, raw]}")
    server = serve(arguments=("--config", str(file)))
    wants = (Encoding.ZRLE, Encoding.RAW, Encoding.DESKTOP_NAME)
    viewer = server.connect()
    viewer.set_encodings(wants)
    viewer.refresh()
    file.write_text(
        "encoding: {enabled: [raw]}\nserver: {desktop_name: Stage}\n"
        "source: {display: ':5'}\nlogging: {log_level: DEBUG}"
    )
    done = typed(server, "reload")
    assert done.stdout.splitlines() == [
        "changed: server.desktop_name, encoding.enabled, logging.log_level",
        "source.display is :5 in the file: takes effect at the next start",
    ]
    viewer.request()
    viewer.wait_for(lambda seen: seen.name == "Stage")
    late = server.connect()
    late.set_encodings(wants)
    assert late.viewer.name == "Stage"
    late.refresh()
    told = json.loads(typed(server, "clients", "--json").stdout)["clients"]
    assert [client["class"] for client in told] == ["zrle", "raw"]
    for one in (viewer, late):
        one.close()
