from __future__ import annotations

from pathlib import Path

import pytest

from mpvnc.errors import PublishError
from mpvnc.publisher import launch
from mpvnc.publisher.launch import OwnSupervisor, instance_for, join_supervisor

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ROOT)


def test_nobody_to_join() -> None:
    with pytest.raises(PublishError, match="no server named stage"):
        join_supervisor("stage")


@pytest.mark.process
def test_a_wrong_setting_ends_it_and_secrets_are_no_arguments() -> None:
    lines: list[str] = []
    own = OwnSupervisor({"server.wrokers": 3}, {"password": "hush"}, lines.append)
    assert "hush" not in " ".join(own.process.args)
    assert own.process.wait(30) == 4
    own.control.close()
    assert own.end() == 4
    assert any("server.wrokers" in line for line in lines)


@pytest.mark.process
def test_a_password_that_no_viewer_can_give_ends_it() -> None:
    own = OwnSupervisor({"source.kind": "publish"}, {"password": "пароль"})
    assert own.process.wait(30) == 4
    own.control.close()


@pytest.mark.process
def test_it_ends_when_its_socket_is_closed() -> None:
    own = OwnSupervisor({"server.port": 0, "source.kind": "publish"}, {"password": None})
    own.control.close()
    assert own.end() >= 0


@pytest.mark.process
def test_a_supervisor_that_hangs_is_helped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "STOP_TIMEOUT_S", 0.1)
    own = OwnSupervisor({"server.port": 0, "source.kind": "publish"}, {"password": None})
    assert own.process.poll() is None
    own.end()
    assert own.process.returncode is not None
    own.control.close()


def test_which_instance_is_joined(tmp_path: Path) -> None:
    assert instance_for("stage") == "default"
    for name in ("stage", "default"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "control").touch()
        assert instance_for("stage") == name, "the default one wins"
    assert instance_for(None) == "default"
    with pytest.raises(PublishError, match="one of: default, stage"):
        join_supervisor("other")
