from __future__ import annotations

import pytest

from mpvnc.config import Config, load
from mpvnc.supervisor.reload import compare


@pytest.mark.parametrize(
    "live",
    [
        "server.hosts=desk.example", "websocket.allowed_origins=https://desk.example",
        "clients.max_connections=9", "security.view_only=true", "security.password_file=/x",
        "limits.max_set_encodings=9",
        "encoding.jpeg=false", "timeouts.drain_s=9.0", "server.desktop_name=x", "source.frame_rate=9",
        "input.control_policy=single-controller", "input.max_age_s=9.0", "logging.log_level=DEBUG",
    ],
)  # fmt: skip
def test_what_can_change_live(live):
    read = load(None, [live])
    change = compare(Config(), read)
    assert change.config == read
    assert (change.changed, change.later) == ([live.partition("=")[0]], [])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server.name=x", "x"), ("server.port=5901", "5901"), ("server.listeners=:1,:2", "[:1, :2]"),
        ("server.host=::", "::"),
        ("server.workers=3", "3"), ("source.kind=mss", "mss"), ("source.display=:9", ":9"),
        ("input.backend=none", "none"), ("logging.log_file=x", "x"),
    ],
)  # fmt: skip
def test_what_waits_for_a_start_is_named_and_not_taken(setting, value):
    change = compare(Config(), load(None, [setting, "clients.stall_timeout_s=9"]))
    assert change.later == [
        f"{setting.partition('=')[0]} is {value} in the file: takes effect at the next start"
    ]
    assert change.config == load(None, ["clients.stall_timeout_s=9"])


def test_an_empty_value_is_visible():
    change = compare(load(None, ["source.display=:0"]), Config())
    assert change.later == ['source.display is "" in the file: takes effect at the next start']


def test_nothing():
    change = compare(Config(), Config())
    assert (change.config, change.changed, change.later) == (Config(), [], [])
