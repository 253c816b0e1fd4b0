from __future__ import annotations

import os
from pathlib import Path

from mpvnc.ipc.places import control_path, runtime_directory, state_directory


def test_where_the_runtime_directory_is(monkeypatch):
    both = {"MPVNC_RUNTIME_DIR": "/a", "XDG_RUNTIME_DIR": "/b"}
    assert runtime_directory("/c", both) == Path("/c")
    assert runtime_directory("", both) == Path("/a")
    assert runtime_directory("", {"XDG_RUNTIME_DIR": "/b"}) == Path("/b/mpvnc")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert runtime_directory("", {}) == Path("/run/mpvnc")
    monkeypatch.setattr(os, "geteuid", lambda: 77)
    assert runtime_directory("", {}).name == "mpvnc-77"


def test_where_the_control_socket_is():
    assert control_path(Path("/a"), "default") == Path("/a/default/control")


def test_where_the_state_directory_is():
    everything = {"MPVNC_STATE_DIR": "/a", "XDG_STATE_HOME": "/b", "HOME": "/home/x"}
    assert state_directory("/c", everything) == Path("/c")
    assert state_directory("", everything) == Path("/a")
    assert state_directory("", {"XDG_STATE_HOME": "/b", "HOME": "/home/x"}) == Path("/b/mpvnc")
    assert state_directory("", {"HOME": "/home/x"}) == Path("/home/x/.local/state/mpvnc")
    assert state_directory("", {}) == Path("/var/lib/mpvnc")
