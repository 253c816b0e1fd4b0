"""PyAutoGUI against a real X server. In a process of its own: the package binds to one display on import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpvnc.inject.gui import key_name
from tests.support.display import LoggingClient
from tests.support.xserver import xvfb

SCRIPT = """
import sys
from mpvnc.inject.gui import GuiBackend
backend = GuiBackend(sys.argv[1])
assert backend.plan(0x20AC, set()) is None
for keysym in (0x61, 0x31, 0xFF0D):
    press = backend.plan(keysym, set())
    backend.press(press)
    backend.release(keysym, press.code)
backend.move(0, 0)
backend.move(33, 44)
for number in (1, 4):
    backend.button(number, True)
    backend.button(number, False)
"""


@pytest.mark.x11
def test_keys_buttons_and_the_wheel_arrive(tmp_path: Path) -> None:
    with xvfb(tmp_path) as display:
        client = LoggingClient(display)
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        }
        environment.pop("XAUTHORITY", None)
        subprocess.run([sys.executable, "-c", SCRIPT, display], check=True, env=environment, timeout=60)
        log = client.wait(10)
        assert [one.detail for one in log if one.what == "press"] == [0x61, 0x31, 0xFF0D]
        buttons = [(one.detail, one.x, one.y) for one in log if one.what == "button"]
        assert buttons == [(1, 33, 44), (4, 33, 44)]
        client.close()


@pytest.mark.parametrize(
    ("keysym", "name"),
    [(0x61, "a"), (0x41, "A"), (0xFF08, "backspace"), (0xFFC9, "f12"), (0xFFB9, "num9"), (0xE9, None)],
)
def test_names(keysym: int, name: str | None) -> None:
    assert key_name(keysym) == name
