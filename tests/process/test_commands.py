"""What is typed: commands, exit codes, listeners, instances, signals, limits, the log."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.process.conftest import Serve
from tests.process.stage import child_of, status_of, wait_viewers
from tests.process.watch import Watcher
from tests.support import processes
from tests.support.client import Client, connect
from tests.support.servers import COMMAND, ServerFailed, environment, start_supervisor
from tests.support.waits import eventually, time_factor

pytestmark = pytest.mark.process

Watch = Callable[[Client], Watcher]


def run(directory: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, beside the servers of `directory`."""
    runtime_dir = directory / "run"
    runtime_dir.mkdir(mode=0o700, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "mpvnc", *words],
        env=environment(runtime_dir, env),
        capture_output=True,
        text=True,
        timeout=20 * time_factor(),
        check=False,
    )


class TestEnds:
    @pytest.mark.parametrize("signals", [["TERM"], ["INT"], ["INT", "INT"], ["TERM", "INT"]], ids="-".join)
    def test_signals_end_it_with_its_viewers(self, serve: Serve, signals: list[str]) -> None:
        server = serve()
        clients = [server.connect() for _ in range(2)]
        begin = time.monotonic()
        for name in signals[:-1]:
            server.send_signal(signal.Signals[f"SIG{name}"])
        assert server.stop(3.0, signal.Signals[f"SIG{signals[-1]}"]) == 0
        assert time.monotonic() - begin < 3.0 * time_factor()
        for client in clients:
            client.wait_closed(1.0)
            client.close()
        assert "Traceback" not in server.log and "leaked" not in server.log

    def test_a_ctrl_c_of_the_whole_terminal_is_one_clean_stop(self, serve: Serve) -> None:
        server = serve()
        os.killpg(server.pid, signal.SIGINT)
        assert server.process.wait(5) == 0
        assert server.process.stdout is not None
        server.process.stdout.close()
        assert "Traceback" not in server.log

    def test_hup_changes_nothing_for_viewers(self, serve: Serve, watch: Watch) -> None:
        server = serve()
        watcher = watch(server.connect())
        for pid in (server.pid, *(child["pid"] for child in status_of(server)["children"])):
            os.kill(pid, signal.SIGHUP)
        watcher.wait_for_more(10)
        eventually(lambda: "SIGHUP" in server.log)
        assert not any(child["restarts"] for child in status_of(server)["children"])

    def test_the_port_is_free_at_once(self, serve: Serve) -> None:
        server = serve()
        client = server.connect()
        server.stop()
        again = serve(f"server.port={server.port}")
        assert again.port == server.port
        client.close()

    def test_stop_waits_for_the_end(self, serve: Serve, tmp_path: Path) -> None:
        server = serve()
        done = run(tmp_path, "stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert server.process.wait(2) == 0
        server.stop()
        assert run(tmp_path, "stop").returncode == 1


class TestStarts:
    def test_exit_codes(self, tmp_path: Path) -> None:
        missing = str(tmp_path / "nothing.yaml")
        for words, code, said in [
            (["start", "--nonsense"], 2, "usage"),
            (["dance"], 2, "usage"),
            (["start", "--config", missing], 4, "nothing.yaml"),
            (["start", "--set", "server.prot=1"], 4, "port"),
            (["start", "--set", "server.host=0.0.0.0"], 4, "password"),
            (["start", "--set", "security.password=x"], 4, "refused"),
            (["check-config", "--set", "server.port=70000"], 4, "port"),
            (["status"], 1, "no server named default runs"),
        ]:
            done = run(tmp_path, *words)
            assert done.returncode == code and said in done.stderr, (words, done)
            assert done.stdout == "" and "Traceback" not in done.stderr
        done = run(tmp_path, "check-config", "--set", "logging.log_level=LOUD")
        assert done.returncode == 0 and "LOUD" in done.stderr and "good" in done.stdout

    def test_a_busy_port_is_one_clear_line(self, serve: Serve, tmp_path: Path) -> None:
        server = serve()
        done = run(tmp_path, "start", "--instance", "second", "--set", f"server.port={server.port}")
        assert done.returncode == 1
        assert f"cannot listen on 127.0.0.1 port {server.port}" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_name_runs_once_and_two_names_run_beside_each_other(
        self, serve_doomed: Serve, tmp_path: Path
    ) -> None:
        first = serve_doomed()
        done = run(tmp_path, "start", "--set", "server.port=0")
        assert done.returncode == 1 and "an instance named default runs already" in done.stderr
        second = serve_doomed("server.name=second")
        for server, name in ((first, "default"), (second, "second")):
            answer = json.loads(run(tmp_path, "status", "--json", "--instance", name).stdout)
            where = f"127.0.0.1:{server.port}"
            assert (answer["instance"], answer["listeners"]) == (name, [f"vnc://{where}", f"http://{where}/"])
        assert run(tmp_path, "stop", "--instance", "second").returncode == 0
        with first.connect() as client:
            client.refresh()
        assert second.stop() == first.stop() == 0
        first.assert_nothing_left()

    def test_all_families_and_a_unix_socket(self, serve: Serve, tmp_path: Path) -> None:
        path = tmp_path / "vnc.sock"
        server = serve(f"server.listeners=127.0.0.1:0,[::1]:0,unix:{path}")
        ports = dict(re.findall(r"vnc://(\S+):(\d+)", server.ready_line))
        assert set(ports) == {"127.0.0.1", "[::1]"}
        for where in (
            {"port": int(ports["127.0.0.1"])},
            {"host": "::1", "port": int(ports["[::1]"])},
            {"path": path},
        ):
            with connect(**where) as client:
                assert client.refresh().any()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", int(ports["127.0.0.1"])), timeout=2).close()

    def test_every_family_has_the_same_port_and_is_named_by_an_address(self, serve: Serve) -> None:
        server = serve("server.host=*", "security.allow_none=true")
        named = {urlsplit(url).hostname for url in server.urls}
        assert len(named) == 2 and not named & {"0.0.0.0", "::"}
        for host in ("127.0.0.1", "::1", *named):
            with connect(host, server.port) as client:
                assert client.refresh().any()

    def test_a_unix_socket_left_by_a_killed_one_is_taken_over(
        self, serve_doomed: Serve, tmp_path: Path
    ) -> None:
        listeners = f"server.listeners=127.0.0.1:0,unix:{tmp_path / 'vnc.sock'}"
        killed = serve_doomed(listeners)
        killed.send_signal(signal.SIGKILL)
        killed.process.wait(5)
        server = serve_doomed(listeners)
        with connect(path=tmp_path / "vnc.sock") as client:
            assert client.refresh().any()
        assert server.stop() == 0
        server.assert_nothing_left()

    def test_without_a_command_and_as_a_module_it_starts(self, tmp_path: Path) -> None:
        server = start_supervisor(tmp_path, "source.kind=demo", command=(sys.executable, "-m", "mpvnc"))
        assert server.source == "demo" and server.stop() == 0
        server.assert_nothing_left()

    def test_the_name_of_the_desktop(self, serve: Serve) -> None:
        name = "Bildschirm ä€"
        with serve(f"server.desktop_name={name}").connect() as client:
            assert client.viewer.name == name


class TestDescriptorLimit:
    def limited(self, *, privileged: bool, hard: int) -> tuple[str, ...]:
        """Return the command of a supervisor whose limit of open files is too low."""
        alone = [] if privileged else ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
        return ("prlimit", f"--nofile=100:{hard}", *(alone if os.geteuid() == 0 else []), *COMMAND)

    def test_a_low_soft_limit_is_raised(self, serve: Serve) -> None:
        server = serve(
            command=self.limited(privileged=True, hard=resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
        for pid in (server.pid, child_of(server, "encoder")["pid"]):
            limits = Path(f"/proc/{pid}/limits").read_text()
            found = re.search(r"Max open files\s+(\d+)", limits)
            assert found and int(found[1]) >= 1000

    def test_a_low_hard_limit_refuses_to_start(self, tmp_path: Path) -> None:
        with pytest.raises(ServerFailed, match=r"max_connections needs \d+ open files, the limit is 150"):
            start_supervisor(tmp_path, command=self.limited(privileged=False, hard=150))

    def test_fewer_viewers_need_fewer_descriptors(self, serve: Serve) -> None:
        command = self.limited(privileged=False, hard=400)
        server = serve("clients.max_connections=10", "clients.max_unauthenticated=20", command=command)
        with server.connect() as client:
            assert client.refresh().any()


class TestStatus:
    def test_its_numbers_move(self, serve: Serve, tmp_path: Path) -> None:
        server = serve(env={"MPVNC_PASSWORD": "sesame"})
        before = json.loads(run(tmp_path, "status", "--json").stdout)
        assert before["clients"]["authenticated"] == before["bytes_sent"] == before["auth_failures"] == 0
        guess = Client(socket.create_connection((server.host, server.port)))
        guess.close()
        clients = [server.connect(password="sesame") for _ in range(2)]
        for client in clients:
            client.refresh()
        wait_viewers(server, 2)
        eventually(
            lambda: status_of(server)["bytes_sent"] > 2 * 320 * 240, what="counters, written every second"
        )
        after = json.loads(run(tmp_path, "status", "--json").stdout)
        assert after["clients"]["authenticated"] == 2
        assert after["source"]["frame"] > before["source"]["frame"]
        assert after["uptime_s"] > before["uptime_s"] and after["kernels"] == "compiled"
        assert after["source"]["backend"] == "demo"
        words = run(tmp_path, "status").stdout
        assert "2 of 1000" in words and "capture" in words and "320x240" in words
        for client in clients:
            client.close()


class TestLog:
    STUFFED = (
        "import fcntl, os, sys; r, w = os.pipe(); fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096);"
        "os.set_inheritable(r, True); os.dup2(w, 2); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )

    def test_a_log_that_nobody_reads_blocks_nothing(self, serve: Serve, watch: Watch) -> None:
        command = (sys.executable, "-c", self.STUFFED, *COMMAND[1:])
        server = serve("logging.log_level=DEBUG", command=command)
        watcher = watch(server.connect())
        begin = time.monotonic()
        for _ in range(100):
            server.connect().close()
        watcher.wait_for_more()
        assert watcher.longest_gap(begin) < 2.0
        capture = child_of(server, "capture")
        os.kill(capture["pid"], signal.SIGKILL)
        eventually(lambda: child_of(server, "capture")["restarts"] == 1)
        watcher.wait_for_more(10)
        assert server.stop() == 0

    def test_levels_and_the_file(self, serve: Serve, tmp_path: Path) -> None:
        lines = {}
        for level in ("DEBUG", "WARNING"):
            file = tmp_path / f"{level}.log"
            server = serve(f"logging.log_file={file}", f"logging.log_level={level}", f"server.name={level}")
            server.connect().close()
            server.stop()
            lines[level] = file.read_text().splitlines()
        assert not any(" INFO " in line for line in lines["WARNING"])
        for role in ("supervisor", "encoder", "capture"):
            assert any(re.match(rf"\S+ [A-Z]+ {role}\[\d+\] \S+ ", line) for line in lines["DEBUG"])
        assert all("127.0.0.1 joined" not in line for line in server.log.splitlines())


@pytest.mark.parametrize("rate", [5, 20])
def test_the_frame_rate_is_capped(serve: Serve, watch: Watch, rate: int) -> None:
    watcher = watch(serve(f"source.frame_rate={rate}").connect())
    watcher.wait_for_more(3)
    begin = time.monotonic()
    eventually(lambda: time.monotonic() >= begin + 2.0)
    count = watcher.count(begin, begin + 2.0)
    assert 0.6 * rate * 2 <= count <= rate * 2 + 2


def test_idle_viewers_cost_nothing(serve: Serve) -> None:
    """Whatever asks for nothing gets nothing, and the workers sleep."""
    server = serve("source.frame_rate=1")
    with server.connect() as client:
        client.refresh()
        pids = [child["pid"] for child in status_of(server)["children"] if child["role"] == "encoder"]
        before = sum(map(processes.cpu_seconds, pids))
        client.listen(2.0)
        assert sum(map(processes.cpu_seconds, pids)) - before < 0.2
