from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import mpvnc
from mpvnc import cli
from mpvnc.rfb.security.users import Cost, format_user, make_user
from tests.support.server import ROOT, Server
from tests.support.waits import eventually

SOURCE = "source.kind=demo"


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    for name in ("MPVNC_CONFIG", "MPVNC_PASSWORD", "MPVNC_VIEW_ONLY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(directory))
    return directory


@pytest.fixture
def serve(environment):
    """Start servers that end with the test, however it ends."""
    with ExitStack() as stack:

        def start(*settings, **options):
            server = Server(environment, *settings, **options)
            stack.callback(server.close)
            return server

        yield start


def run(*arguments, program=("-m", "mpvnc"), executable=sys.executable, **environ):
    return subprocess.run(
        [executable, *program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"mpvnc {mpvnc.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["start", "--help"], ["status", "-h"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "mpvnc-supervisor" in out and "publisher-fd" not in out


@pytest.mark.parametrize("arguments", [
    ["fly"], ["start", "--fly"], ["status", "--set"], ["--fly"], ["kick"], ["kick", "x"],
])  # fmt: skip
def test_wrong_usage_is_2(arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_no_command_is_start():
    assert cli._with_command([]) == ["start"]
    assert cli._with_command(["--set", "a.b=c"]) == ["start", "--set", "a.b=c"]
    assert cli._with_command(["stop"]) == ["stop"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--config", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
        (["--set", "server.prot=1"], "did you mean server.port"),
        (["--set", "security.password=x"], "refused"),
        (["--set", "server.host=0.0.0.0"], "security.allow_none"),
        (["--set", "server.listeners=127.0.0.1:1,*:2"], "security.allow_none"),
        (["--set", "server.listeners=5900"], "server.listeners"),
        (["--set", "security.password_file=/nowhere"], "security.password_file"),
        (["--set", "logging.log_file=/nowhere/log"], "logging.log_file"),
        (["--instance", "a/b"], "server.name"),
        (
            ["--set", "security.types=vncauth"],
            "security.types: no viewer could come in: vncauth: there is no password",
        ),
        (["--set", "websocket.allowed_origins=foo"], "websocket.allowed_origins: foo"),
        (["--set", "server.listeners=a:1,a:1"], "server.listeners: a:1 stands there twice"),
    ],
)
@pytest.mark.parametrize("command", ["start", "check-config"])
def test_a_bad_configuration_is_4_and_one_line(command, arguments, part, capsys):
    if command == "check-config" and "log_file" in part:
        return
    assert cli.main([command, *arguments]) == 4
    captured = capsys.readouterr()
    assert part in captured.err and captured.err.count("\n") == 1 and not captured.out


@pytest.mark.parametrize("command", ["start", "check-config"])
def test_a_password_that_no_viewer_can_give_is_4(command, monkeypatch, capsys):
    monkeypatch.setenv("MPVNC_PASSWORD", "пароль")
    assert cli.main([command]) == 4
    err = capsys.readouterr().err
    assert "MPVNC_PASSWORD: " in err and "пароль" not in err


def test_a_complaint_without_stderr_goes_nowhere_else():
    command = 'exec "$0" -m mpvnc check-config --set server.port= 2>&-'
    done = run("-c", command, sys.executable, program=(), executable="sh")
    assert (done.returncode, done.stdout) == (4, "")


def test_the_named_configuration_of_the_environment_must_exist(monkeypatch):
    monkeypatch.setenv("MPVNC_CONFIG", "/nowhere.yaml")
    assert cli.main(["check-config"]) == 4


def test_a_file_in_the_working_directory_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text("nonsense: {}\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check-config"]) == 0


def test_check_config_takes_authentication_for_exposed_listeners(monkeypatch, capsys):
    exposed = ["check-config", "--set", "server.host=::"]
    assert cli.main(exposed) == 4
    assert "[::]:5900 can be reached" in capsys.readouterr().err
    assert cli.main([*exposed, "--set", "security.allow_none=true"]) == 0
    monkeypatch.setenv("MPVNC_VIEW_ONLY_PASSWORD", "x")
    assert cli.main(exposed) == 0
    capsys.readouterr()
    assert cli.main([*exposed, "--log-level", "LOUD"]) == 0
    assert "LOUD" in capsys.readouterr().err


def test_check_config_warns_of_secrets_that_everybody_can_read(tmp_path, capsys):
    users = tmp_path / "users"
    users.write_text(format_user("alice", make_user("a", "control", bytes(16), Cost(2, 1, 1))) + "\n")
    users.chmod(0o644)
    assert cli.main(["check-config", "--set", f"security.users_file={users}"]) == 0
    said = f"mpvnc-supervisor: warning: security.users_file: {users} can be read by everybody: chmod 600\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("command", ["status", "stop", "clients", "kick 7", "reload"])
def test_commands_without_a_server_fail_with_one_line(command, capsys):
    assert cli.main(command.split()) == 1
    assert capsys.readouterr().err.startswith("mpvnc-supervisor: no server named default runs (")


def test_the_supervisors_modules_load_no_numpy_and_no_asyncio():
    code = """
import sys, mpvnc.cli, mpvnc.supervisor.main
loaded = {"numpy", "asyncio", "zmq", "cython", "xcffib", "cairo", "workers"} & set(sys.modules)
loaded |= {name for name in sys.modules if name.startswith(("mpvnc.encodings.", "mpvnc.workers."))}
print(sorted(loaded))
"""
    assert run("-c", code, program=()).stdout == "[]\n"


@pytest.mark.process
class TestRunning:
    def test_status_and_stop(self, serve, capsys):
        server = serve()
        named = ["--instance", server.name]
        viewers = [server.connect() for _ in range(2)]
        for viewer in viewers:
            viewer.hello()
            viewer.say("login")
        assert cli.main(["status", *named]) == 0
        text = capsys.readouterr().out
        assert f"vnc://127.0.0.1:{server.port}" in text and "injector" in text and "fake" in text

        def told() -> dict[str, Any]:
            assert cli.main(["status", "--json", *named]) == 0
            return json.loads(capsys.readouterr().out)

        eventually(lambda: told()["clients"]["authenticated"] == 2)
        status = told()
        assert status["bytes_sent"] > 0 and status["bytes_received"] > 0
        assert cli.main(["stop", "--instance", "other"]) == 1
        capsys.readouterr()
        assert cli.main(["stop", *named]) == 0
        assert server.process.poll() == 0, "it has ended by then"
        assert capsys.readouterr().out == "stopped\n"
        assert f"process {os.getpid()} asked for it: stopping" in server.logged()
        for viewer in viewers:
            viewer.close()
        server.close()

    def test_clients_kick_and_reload(self, serve, tmp_path, capsys):
        file = tmp_path / "config.yaml"
        file.write_text("clients: {max_connections: 7}")
        server = serve(arguments=("--config", str(file)))
        named = ["--instance", server.name]
        viewers = [server.connect() for _ in range(5)]
        for viewer in viewers:
            viewer.hello()
        assert cli.main(["clients", "--json", *named]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [client["client"] for client in told["clients"]] == [1, 2, 3, 4, 5]
        assert cli.main(["kick", "3", *named]) == 0
        assert viewers[2].read().startswith("evicted: Disconnected by the operator")
        assert cli.main(["kick", "3", *named]) == 1
        assert capsys.readouterr().err == "mpvnc-supervisor: refused: there is no client 3\n"
        file.write_text("clients: {max_connections: 8}\nsource: {display: ':5'}")
        assert cli.main(["reload", *named]) == 0
        out = capsys.readouterr().out
        assert out.splitlines() == [
            "changed: clients.max_connections",
            "source.display is :5 in the file: takes effect at the next start",
        ]
        file.write_text("clients: {max_conections: 8}")
        assert cli.main(["check-config", "--config", str(file)]) == 4
        at_start = capsys.readouterr().err
        assert cli.main(["reload", *named]) == 4
        assert capsys.readouterr().err == at_start
        for viewer in viewers:
            viewer.close()
        server.close()

    def test_a_busy_port_is_1_and_said(self, environment):
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            done = run("start", "--set", f"server.port={port}", "--set", SOURCE)
        assert done.returncode == 1 and not done.stdout
        assert f"port {port}: Address already in use" in done.stderr
        assert list(Path(environment).iterdir()) == []

    def test_an_unknown_log_level_warns_and_continues(self, serve):
        server = serve(arguments=("--log-level", "LOUD"))
        assert "'LOUD'" in server.logged()
        server.close()

    def test_the_log_goes_to_a_file(self, serve, tmp_path):
        path = tmp_path / "mpvnc.log"
        server = serve(f"logging.log_file={path}")
        server.close()
        assert " supervisor[" in path.read_text()

    def test_more_connections_than_descriptors_is_refused(self, serve):
        server = serve("clients.max_connections=2000000000", ready=False)
        assert server.wait() == 4
        assert "clients.max_connections needs" in server.logged()
        server.close()

    def test_an_unreadable_secret_file_warns_in_the_log(self, serve, tmp_path):
        path = tmp_path / "secret"
        path.write_text("sesame\n")
        path.chmod(0o644)
        server = serve(f"security.password_file={path}")
        viewer = server.connect()
        assert viewer.hello()["secret"] == "sesame"
        viewer.close()
        server.close()
        assert "chmod 600" in server.logged_at_end and "sesame" not in server.logged_at_end
