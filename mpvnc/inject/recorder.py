"""A backend that presses nothing and writes down what it would have pressed, one JSON object per line.

Owns: the file. For tests, and for looking at what viewers send. Codes are the keysyms themselves.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TextIO

from mpvnc.errors import InjectError
from mpvnc.inject.base import Backend, Press


class RecorderBackend(Backend):
    """Appends to `path`: {"do": "press", "keysym": 97} (or repeat, release), {"do": "button", "number": 1,
    "down": true}, {"do": "move", "x": 1, "y": 2}.

    Raises: InjectError if the file cannot be opened or written.
    """

    name = "recorder"

    def __init__(self, path: str | Path) -> None:
        try:
            self._file: TextIO = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed in close()
        except OSError as error:
            raise InjectError(f"cannot record input in {path}: {error.strerror}") from error

    def plan(self, keysym: int, held_codes: set[int]) -> Press | None:
        """Return the keysym's low 24 bits as its code."""
        return Press(keysym, keysym & 0xFFFFFF)

    def press(self, press: Press) -> None:
        """Write a press."""
        self._write(do="press", keysym=press.keysym)

    def repeat(self, keysym: int, code: int) -> None:
        """Write a repeat."""
        self._write(do="repeat", keysym=keysym)

    def release(self, keysym: int, code: int) -> None:
        """Write a release."""
        self._write(do="release", keysym=keysym)

    def button(self, number: int, down: bool) -> None:
        """Write a change of a button."""
        self._write(do="button", number=number, down=down)

    def move(self, x: int, y: int) -> None:
        """Write a motion."""
        self._write(do="move", x=x, y=y)

    def flush(self) -> None:
        """Let readers of the file see all of it."""
        try:
            self._file.flush()
        except OSError as error:
            raise InjectError(f"cannot record input: {error.strerror}") from error

    def restore(self, code: int) -> None:
        """It takes no keycodes."""

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _write(self, **what: object) -> None:
        try:
            self._file.write(json.dumps(what) + "\n")
        except OSError as error:
            raise InjectError(f"cannot record input: {error.strerror}") from error
