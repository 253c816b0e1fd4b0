"""clients, kick and reload. A real supervisor, fake roles (tests/support/fake_role.py)."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.server import close_all, viewers
from tests.support.waits import eventually

pytestmark = pytest.mark.process


def asked(server, kind, **fields):
    """Ask; return all messages of the answer."""
    control = server.control()
    control.send({"type": kind, **fields})
    answers = [control.receive()[0]]
    while answers[-1].get("more"):
        answers.append(control.receive()[0])
    control.close()
    return answers


def test_clients_of_all_workers_in_several_messages(start):
    server = start()
    connected = viewers(server, 7)
    answers = eventually(lambda: (now := asked(server, "clients")) and len(now) >= 5 and now)
    told = [client for answer in answers for client in answer["clients"]]
    assert sorted(client["client"] for client in told) == list(range(1, 8))
    assert {client["worker"] for client in told} == {0, 1} and answers[-1]["silent_workers"] == []
    close_all(connected)


def test_a_hung_worker_costs_a_second_and_is_named(start):
    server = start()
    connected = viewers(server, 2)
    eventually(lambda: server.status()["clients"]["authenticated"] == 2)
    hung = server.pids()[1]
    os.kill(hung, signal.SIGSTOP)
    began = time.monotonic()
    answers = asked(server, "clients")
    took_s = time.monotonic() - began
    os.kill(hung, signal.SIGCONT)
    told = {client["client"]: client for answer in answers for client in answer["clients"]}
    assert answers[-1]["silent_workers"] == [1] and took_s < 2
    assert told.keys() == {1, 2}
    assert [client["address"] for client in told.values() if client["worker"] == 1] == ["127.0.0.1"]
    close_all(connected)


def test_kick(start):
    server = start()
    first, second = viewers(server, 2)
    assert asked(server, "kick", client=2) == [{"type": "kicked", "client": 2}]
    assert second.read() == "evicted: Disconnected by the operator\n"
    eventually(lambda: server.status()["clients"]["authenticated"] == 1)
    for nobody in (2, 99, None, "1"):
        (answer,) = asked(server, "kick", client=nobody)
        assert (answer["type"], answer["reason"]) == ("refused", f"there is no client {nobody}")
    first.say("bye")
    assert first.read() == ""
    close_all([first, second])


@pytest.fixture
def reloadable(start, directory):
    """A server with a configuration file, and what writes another one."""
    file, passwords = directory / "config.yaml", directory / "passwords"

    def write(text, password="sesame"):
        file.write_text(text + f"\nsecurity: {{password_file: {passwords}, auth_delay_s: 0}}\n")
        passwords.write_text(password)
        passwords.chmod(0o600)

    write("")
    return start(arguments=("--config", str(file))), write


def test_reload_tells_everybody_and_names_what_has_to_wait(reloadable):
    server, write = reloadable
    stays = viewers(server, 1)[0]
    write(
        "input: {control_policy: single-controller}\n"
        "clients: {max_connections: 1}\nserver: {desktop_name: Stage, workers: 5, port: 1}",
        "simsalabim",
    )
    (answer,) = asked(server, "reload")
    assert set(answer["changed"]) == {
        "input.control_policy", "clients.max_connections", "server.desktop_name", "passwords",
    }  # fmt: skip
    assert answer["later"] == [], "--set of the start is stronger than the file"
    eventually(lambda: server.status()["input"]["backend"] == "single-controller None")
    assert server.status()["source"]["name"] == "Stage"
    late = server.connect()
    assert late.hello()["reason"] == "Too many viewers"
    stays.say("bye")
    assert stays.read() == ""
    eventually(lambda: not server.status()["clients"]["authenticated"])
    new = server.connect()
    assert new.hello()["secret"] == "simsalabim"
    assert "simsalabim" not in server.logged()
    close_all([stays, late, new])


def test_a_child_that_starts_later_has_the_new_configuration(reloadable):
    server, write = reloadable
    write("source: {frame_rate: 7}", "simsalabim")
    asked(server, "reload")
    killed = server.pids()[:2]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not {None, *killed} & set(server.pids()[:2]))
    viewer = server.connect()
    assert viewer.hello()["secret"] == "simsalabim"
    viewer.close()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("server: {prot: 1}", "did you mean server.port"),
        ("clients: {max_connections: -1}", "clients.max_connections"),
        ("clients: {max_connections: 2000000000}", "clients.max_connections needs"),
        ("server: {host: 0.0.0.0}\nsecurity: {auth_delay_s: 0}", "twice"),
        ("[", "is not YAML"),
    ],
)
def test_a_broken_configuration_changes_nothing(reloadable, text, part):
    server, write = reloadable
    write(f"{text}", "simsalabim")
    (answer,) = asked(server, "reload")
    assert answer["type"] == "bad_config" and part in answer["reason"]
    viewer = server.connect()
    assert viewer.hello()["secret"] == "sesame"
    viewer.close()
    assert server.status()["clients"]["max_connections"] == 1000
    eventually(lambda: part in server.logged())


def test_passwords_cannot_go_while_others_can_reach_the_listeners(start, directory):
    file, passwords = directory / "config.yaml", directory / "passwords"
    passwords.write_text("sesame\n")
    passwords.chmod(0o600)
    file.write_text(f"server: {{host: 0.0.0.0}}\nsecurity: {{password_file: {passwords}}}")
    server = start(arguments=("--config", str(file)), ready=False)
    eventually(lambda: "listening on" in server.logged(), 15)
    file.write_text("server: {host: 127.0.0.1}")
    (answer,) = asked(server, "reload")
    assert answer["type"] == "bad_config" and "security.allow_none" in answer["reason"]
