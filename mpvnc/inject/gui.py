"""Input by PyAutoGUI: the named alternative where XTEST cannot be used directly.

Owns: the translation of keysyms to PyAutoGUI's key names, and the settings that make it fit for a server
(no pause, no fail-safe corner). It types what has a name there, which is ASCII and the usual function keys;
everything else cannot be typed. Its wheel has steps, not buttons: a press is one step.

The package is imported when a backend is made, because importing it opens the display.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from mpvnc.errors import InjectError
from mpvnc.inject.base import Backend, Press

KEY_NAMES = {
    0xFF08: "backspace", 0xFF09: "tab", 0xFF0D: "enter", 0xFF1B: "esc", 0xFF13: "pause", 0xFF14: "scrolllock",
    0xFF50: "home", 0xFF51: "left", 0xFF52: "up", 0xFF53: "right", 0xFF54: "down", 0xFF55: "pageup",
    0xFF56: "pagedown", 0xFF57: "end", 0xFF61: "printscreen", 0xFF63: "insert", 0xFF7F: "numlock",
    0xFF8D: "enter", 0xFFAA: "multiply", 0xFFAB: "add", 0xFFAD: "subtract", 0xFFAE: "decimal",
    0xFFAF: "divide", 0xFFE1: "shiftleft", 0xFFE2: "shiftright", 0xFFE3: "ctrlleft", 0xFFE4: "ctrlright",
    0xFFE5: "capslock", 0xFFE9: "altleft", 0xFFEA: "altright", 0xFFEB: "winleft", 0xFFEC: "winright",
    0xFFFF: "delete", 0xFE20: "tab",
    **{0xFFB0 + digit: f"num{digit}" for digit in range(10)},
    **{0xFFBE + index: f"f{index + 1}" for index in range(12)},
}  # fmt: skip
_BUTTONS = {1: "left", 2: "middle", 3: "right"}
_WHEEL = {4: ("vscroll", 1), 5: ("vscroll", -1), 6: ("hscroll", -1), 7: ("hscroll", 1)}


def key_name(keysym: int) -> str | None:
    """Return PyAutoGUI's name of a key, None if it has none."""
    return chr(keysym) if 0x20 <= keysym <= 0x7E else KEY_NAMES.get(keysym)


class GuiBackend(Backend):
    """Types and clicks by PyAutoGUI on $DISPLAY. Raises: InjectError if it cannot be imported here."""

    name = "pyautogui"

    def __init__(self, display: str = "") -> None:
        if display:
            os.environ["DISPLAY"] = display
        self._gui = _import_pyautogui()
        self._gui.PAUSE = 0
        self._gui.FAILSAFE = False

    def plan(self, keysym: int, held_codes: set[int]) -> Press | None:
        """Return a press if PyAutoGUI knows the key and can type it here."""
        name = key_name(keysym)
        if name is None or not self._gui.isValidKey(name):
            return None
        return Press(keysym, keysym & 0xFFFFFF)

    def press(self, press: Press) -> None:
        """Press a key."""
        self._key(press.keysym, True)

    def repeat(self, keysym: int, code: int) -> None:
        """Press it again."""
        self._key(keysym, True)

    def release(self, keysym: int, code: int) -> None:
        """Release a key."""
        self._key(keysym, False)

    def button(self, number: int, down: bool) -> None:
        """Press or release one of three buttons, or turn the wheel by a step on the press."""
        with _gui_errors():
            if number in _BUTTONS:
                change = self._gui.mouseDown if down else self._gui.mouseUp
                change(button=_BUTTONS[number])
            elif number in _WHEEL and down:
                direction, step = _WHEEL[number]
                getattr(self._gui, direction)(step)

    def move(self, x: int, y: int) -> None:
        """Put the pointer at x, y."""
        with _gui_errors():
            self._gui.moveTo(x, y)

    def flush(self) -> None:
        """PyAutoGUI delivers every call by itself."""

    def restore(self, code: int) -> None:
        """It takes no keycodes."""

    def close(self) -> None:
        """Nothing is open that could be closed."""

    def _key(self, keysym: int, down: bool) -> None:
        name = key_name(keysym)
        if name is not None:
            with _gui_errors():
                (self._gui.keyDown if down else self._gui.keyUp)(name)


@contextlib.contextmanager
def _gui_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # PyAutoGUI and its X library raise whatever they like
        raise InjectError(f"pyautogui: {type(error).__name__} {error}") from error


def _import_pyautogui() -> Any:
    """Import it without what it does not need here: tkinter, and an Xauthority file of the user's."""
    if importlib.util.find_spec("tkinter") is None:
        sys.modules.setdefault("mouseinfo", None)  # type: ignore[arg-type]  # it would exit the process
    try:
        with _some_xauthority():
            return importlib.import_module("pyautogui")
    except (Exception, SystemExit) as error:
        raise InjectError(f"pyautogui: {type(error).__name__} {error}") from error


@contextlib.contextmanager
def _some_xauthority() -> Iterator[None]:
    """Let an empty file stand in where there is none: PyAutoGUI's X library insists on one."""
    if "XAUTHORITY" in os.environ or os.path.exists(os.path.expanduser("~/.Xauthority")):
        yield
        return
    with tempfile.NamedTemporaryFile(prefix="mpvnc-xauthority-") as empty:
        os.environ["XAUTHORITY"] = empty.name
        try:
            yield
        finally:
            del os.environ["XAUTHORITY"]
