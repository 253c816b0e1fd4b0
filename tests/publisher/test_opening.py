"""What the arguments of `publish()` mean, and how it fails."""

from __future__ import annotations

from pathlib import Path

import cairo
import pytest

import mpvnc
from mpvnc.errors import PublishError
from mpvnc.publisher import opening
from tests.support.drawn import colours
from tests.support.supervisor_thread import FakeSupervisor
from tests.support.waits import eventually


def test_the_surface_is_shown_at_once(supervisor: FakeSupervisor, publication: mpvnc.Publication) -> None:
    assert colours(supervisor) == {0xFF0000}
    eventually(lambda: supervisor.types() == ["publish", "allocate", "published"])
    hello = supervisor.heard[0]
    assert (hello["width"], hello["height"], hello["view_only"]) == (200, 100, False)
    assert publication.listeners == ("vnc://127.0.0.1:5900",)


def test_a_refusal_names_its_reason(supervisor: FakeSupervisor, surface: cairo.ImageSurface) -> None:
    supervisor.refuse_with = "another program publishes here"
    with pytest.raises(PublishError, match="another program publishes here"):
        mpvnc.publish(surface, name="stage")


def test_joining_needs_a_server(surface: cairo.ImageSurface, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(PublishError, match="no server named default"):
        mpvnc.publish(surface, name="stage")


@pytest.mark.parametrize("name", ["password", "view_only_password"])
def test_a_password_that_no_viewer_can_give(surface: cairo.ImageSurface, name: str) -> None:
    with pytest.raises(PublishError, match=f"^{name}: .*Latin-1") as raised:
        mpvnc.publish(surface, port=0, **{name: "пароль"})
    assert "пароль" not in str(raised.value)


def test_what_only_an_own_server_can_have(surface: cairo.ImageSurface) -> None:
    with pytest.raises(PublishError, match="port="):
        mpvnc.publish(surface, name="stage", password="secret")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"name": "../x"}, "name='../x' is no name"),
        ({"instance": "a b"}, "instance='a b' is no name"),
        ({"log": 3}, "log is a function"),
        ({"settings": {"workers": 1}}, "'section.key'"),
        ({"title": 3}, "a name is a str"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_started(
    surface: cairo.ImageSurface, monkeypatch, wrong: dict[str, object], reason: str
) -> None:
    monkeypatch.setattr(opening, "OwnSupervisor", None)
    with pytest.raises(PublishError, match=reason):
        mpvnc.publish(surface, port=0, **wrong)
