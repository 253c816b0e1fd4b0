from __future__ import annotations

import socket

import pytest

from mpvnc import config
from mpvnc.errors import ConfigError
from mpvnc.supervisor import source
from mpvnc.supervisor.source import display_answers, resolve_kind, roles_of, worker_count


def loaded(*overrides):
    return config.load(None, overrides)


def test_roles():
    assert roles_of("publish") == (None, "animator")
    assert roles_of("x11") == roles_of("mss") == roles_of("demo") == ("capture", "injector")


def test_an_explicit_kind_is_taken_as_it_is():
    assert resolve_kind(loaded("source.kind=mss"), {"DISPLAY": ":99999"}) == "mss"


def test_a_display_has_to_be_named():
    with pytest.raises(ConfigError, match=r"no display: set source\.display or DISPLAY"):
        resolve_kind(loaded("source.kind=x11"), {})


def test_auto_warns_of_a_display_that_does_not_answer(monkeypatch, caplog):
    monkeypatch.setattr(source, "display_answers", lambda display: False)
    assert resolve_kind(loaded(), {}) == "demo" and not caplog.messages
    resolve_kind(loaded("source.display=:55"), {})
    assert caplog.messages == ["source.kind auto: nothing answers at display ':55'; showing the demo"]


def test_auto_is_x11_if_a_server_answers_else_demo(monkeypatch):
    monkeypatch.setattr(source, "display_answers", lambda display: display == ":7")
    assert resolve_kind(loaded(), {"DISPLAY": ":7"}) == "x11"
    assert resolve_kind(loaded(), {"DISPLAY": ":8"}) == "demo"
    assert resolve_kind(loaded("source.display=:7"), {"DISPLAY": ":8"}) == "x11"
    assert resolve_kind(loaded(), {}) == "demo"


@pytest.mark.parametrize(
    "display", ["", "x", ":", "host:", ":1x", ":65000", "unix:64999.0", "127.0.0.1:59999"]
)
def test_no_server_there(display):
    assert not display_answers(display)


def test_a_tcp_display():
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1] - 6000
        assert display_answers(f"127.0.0.1:{number}.0")


def test_a_local_display():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X64001")
        server.listen()
        assert display_answers(":64001") and display_answers("unix:64001.0")


def test_workers():
    assert worker_count(loaded("server.workers=3")) == 3
    assert worker_count(loaded()) >= 1
