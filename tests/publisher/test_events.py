from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mpvnc
from mpvnc.publisher import events

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("name", events.__all__)
def test_the_package_has_the_same(name: str) -> None:
    assert getattr(mpvnc, name) is getattr(events, name)


def test_every_event_says_its_name_client_and_time() -> None:
    event = mpvnc.KeyEvent(7, 1.5, 0x61, True)
    assert (event.name, event.client, event.time, event.key, event.down) == ("key", 7, 1.5, 0x61, True)
    names = [getattr(events, name).name for name in events.__all__ if name != "Event"]
    assert sorted(names) == ["click", "clipboard", "connect", "disconnect", "key", "move", "resize", "scroll"]


def test_public_names_are_listed_and_others_missing() -> None:
    assert {"publish", "Publication", "PublishError", *events.__all__} <= set(dir(mpvnc))
    with pytest.raises(AttributeError):
        _ = mpvnc.nothing


def test_importing_the_package_loads_nothing_else() -> None:
    program = "import sys, mpvnc; print([m for m in sys.modules if m.startswith('mpvnc.') or m == 'numpy'])"
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": ROOT}, check=True
    )
    assert done.stdout.strip() == "[]"
