from __future__ import annotations

import os

import pytest

from mpvnc.errors import ConfigError, ControlError
from mpvnc.supervisor import instance
from mpvnc.supervisor.instance import open_instance


def test_one_instance_per_name(tmp_path):
    directory = tmp_path / "run"
    first = open_instance(directory, "a")
    other = open_instance(directory, "b")
    with pytest.raises(ControlError, match="named a runs already"):
        open_instance(directory, "a")
    first.close()
    again = open_instance(directory, "a")
    assert (directory.stat().st_mode & 0o777, again.path.stat().st_mode & 0o777) == (0o700, 0o700)
    again.close()
    other.close()
    assert list(directory.iterdir()) == []


def test_what_a_killed_predecessor_left_is_cleared(tmp_path):
    killed = open_instance(tmp_path / "run", "a")
    (killed.path / "control").write_text("")
    (killed.path / "input").write_text("")
    os.close(killed._lock_fd)
    successor = open_instance(tmp_path / "run", "a")
    assert [entry.name for entry in successor.path.iterdir()] == ["lock"]
    successor.close()


def test_nameless_leftovers_are_swept_and_running_ones_are_not(tmp_path):
    directory = tmp_path / "run"
    killed = open_instance(directory, f"{instance.NAMELESS}1")
    (killed.path / "control").write_text("")
    os.close(killed._lock_fd)
    running = open_instance(directory, f"{instance.NAMELESS}2")
    third = open_instance(directory, "a")
    assert sorted(entry.name for entry in directory.iterdir()) == ["a", f"{instance.NAMELESS}2"]
    third.close()
    running.close()


def test_a_directory_open_to_others_is_refused(tmp_path):
    directory = tmp_path / "run"
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    with pytest.raises(ConfigError, match="open to others"):
        open_instance(directory, "a")


def test_another_users_directory_is_refused(tmp_path, monkeypatch):
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(ConfigError, match="belongs to user"):
        open_instance(directory, "a")


def test_a_symlink_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="not a directory"):
        open_instance(tmp_path / "run", "a")


def test_a_path_too_long_for_sockets_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="too long"):
        open_instance(tmp_path / ("x" * 100), "a")
