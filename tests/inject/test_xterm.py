"""Text typed into xterm: what a program that uses Xlib and an input method reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import xcffib

from mpvnc.inject.dispatch import Dispatcher
from mpvnc.inject.xtest import XTestBackend
from mpvnc.session.input import KeyInput, PointerInput
from tests.support.held import Words
from tests.support.waits import eventually
from tests.support.xserver import xvfb

TEXT = "Hello, World! #1 (a_B) é€Ω日本😀ñ ł«x"


@pytest.mark.x11
def test_any_text_arrives_in_xterm(tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    ready = tmp_path / "ready"
    command = f"touch {ready}; cat > {typed}"
    with xvfb(tmp_path) as display:
        environment = {**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"}
        arguments = ["xterm", "-u8", "-geometry", "80x24+0+0", "-e", "sh", "-c", command]
        terminal = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
        try:
            eventually(ready.exists, 20)
            focus(display)
            type_text(display, TEXT)
            assert eventually(lambda: typed.read_text("utf-8", "replace")) == TEXT + "\n"
        finally:
            terminal.terminate()
            terminal.wait(10)


def focus(display: str) -> None:
    """Give xterm's window the focus; there is no window manager."""
    connection = xcffib.connect(display=display)
    root = connection.get_setup().roots[0].root
    window = connection.core.QueryTree(root).reply().children[-1]
    connection.core.SetInputFocus(xcffib.xproto.InputFocus.PointerRoot, window, 0)
    connection.core.GetInputFocus().reply()
    connection.disconnect()


def type_text(display: str, text: str) -> None:
    words = Words()
    dispatcher = Dispatcher(XTestBackend(display, words), words)
    dispatcher.deliver(PointerInput(1, 0.0, 0, 50, 50), 0.0)
    for character in text + "\r":
        point = ord(character)
        keysym = 0xFF0D if character == "\r" else point if point < 0x100 else 0x01000000 + point
        for down in (True, False):
            dispatcher.deliver(KeyInput(1, 0.0, down, keysym), 0.0)
        dispatcher.backend.flush()
