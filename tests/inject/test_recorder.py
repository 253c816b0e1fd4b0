from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpvnc.errors import InjectError
from mpvnc.inject.dispatch import Dispatcher
from mpvnc.inject.recorder import RecorderBackend
from mpvnc.session.input import ClientGone, KeyInput, PointerInput
from tests.support.held import Words


def test_it_writes_down_what_would_be_pressed(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    dispatcher = Dispatcher(RecorderBackend(path), Words())
    for event in (KeyInput(1, 0.0, True, 0x0101F600), PointerInput(1, 0.0, 1, 3, 4), ClientGone(1, 0.0)):
        dispatcher.deliver(event, 0.0)
    dispatcher.backend.flush()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"do": "press", "keysym": 0x0101F600},
        {"do": "move", "x": 3, "y": 4},
        {"do": "button", "number": 1, "down": True},
        {"do": "button", "number": 1, "down": False},
        {"do": "release", "keysym": 0x0101F600},
    ]
    dispatcher.backend.close()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InjectError):
        RecorderBackend(tmp_path / "no" / "such" / "file")
