from pathlib import Path

import pytest

from mpvnc.capture.choose import SourceSettings, open_capture, settle
from mpvnc.errors import CaptureError
from tests.support.xserver import xvfb

MISSING = ":9876"


def test_auto_without_a_display_is_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert settle(SourceSettings("auto")) == "demo"


@pytest.mark.x11
def test_auto_with_a_display_that_cannot_be_captured_is_the_demo(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with xvfb(tmp_path, 320, 200, 16) as display:
        assert settle(SourceSettings("auto", display)) == "demo"
    assert "depth 16" in caplog.text


def test_auto_with_a_display_that_does_not_answer_is_the_demo(caplog: pytest.LogCaptureFixture) -> None:
    assert settle(SourceSettings("auto", MISSING)) == "demo"
    assert MISSING in caplog.text


@pytest.mark.x11
def test_auto_with_a_display_is_x11(screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settle(SourceSettings("auto", screen)) == "x11"
    monkeypatch.setenv("DISPLAY", screen)
    assert settle(SourceSettings("auto")) == "x11"


def test_a_kind_that_was_asked_for_stays() -> None:
    for kind in ("x11", "mss", "demo"):
        assert settle(SourceSettings(kind, MISSING)) == kind


def test_the_demo_has_the_size_that_was_asked_for() -> None:
    assert open_capture("demo", SourceSettings("demo", width=320, height=200)).size == (320, 200)


@pytest.mark.x11
@pytest.mark.parametrize(("kind", "backend"), [("x11", "x11"), ("mss", "mss")])
def test_backends_by_name(screen: str, kind: str, backend: str) -> None:
    capture = open_capture(kind, SourceSettings(kind, screen))
    assert capture.backend == backend
    capture.close()


@pytest.mark.x11
def test_x11_without_shared_memory_falls_back_to_mss(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with xvfb(tmp_path, 320, 200, 24, "-extension", "MIT-SHM") as display:
        capture = open_capture("x11", SourceSettings("x11", display))
        assert capture.backend == "mss (x11 without shared memory)"
        assert "MIT-SHM" in caplog.text
        capture.close()


def test_what_cannot_be_opened_is_a_capture_error() -> None:
    for kind in ("x11", "mss", "dxcam"):
        with pytest.raises(CaptureError):
            open_capture(kind, SourceSettings(kind, MISSING))
