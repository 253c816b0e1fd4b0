"""An X client that logs the input it gets."""

from __future__ import annotations

from typing import NamedTuple

import xcffib
import xcffib.xproto

from tests.support.waits import eventually


class Logged(NamedTuple):
    """An event as the client saw it; keysym by the core protocol's rules for Shift."""

    what: str
    detail: int
    state: int = 0
    x: int = 0
    y: int = 0


class LoggingClient:
    """A full-screen window with the focus that notes keys (as keysyms), buttons and motion."""

    def __init__(self, display: str) -> None:
        self._connection = connection = xcffib.connect(display=display)
        screen = connection.get_setup().roots[0]
        self._setup = connection.get_setup()
        self._window = connection.generate_id()
        mask = xcffib.xproto.EventMask
        connection.core.CreateWindow(
            screen.root_depth, self._window, screen.root, 0, 0, 640, 480, 0,
            xcffib.xproto.WindowClass.InputOutput, screen.root_visual,
            xcffib.xproto.CW.OverrideRedirect | xcffib.xproto.CW.EventMask,
            [1, mask.KeyPress | mask.KeyRelease | mask.ButtonPress | mask.ButtonRelease | mask.PointerMotion],
        )  # fmt: skip
        connection.core.MapWindow(self._window)
        connection.core.SetInputFocus(xcffib.xproto.InputFocus.PointerRoot, self._window, 0)
        connection.core.GetInputFocus().reply()
        self._read_map()
        self.log: list[Logged] = []

    def read(self) -> list[Logged]:
        """Take what has come and return the whole log."""
        while (event := self._connection.poll_for_event()) is not None:
            self._note(event)
        return self.log

    def wait(self, count: int) -> list[Logged]:
        """Wait until so many events are logged."""
        return eventually(lambda: len(self.read()) >= count and self.log)

    def pressed(self) -> tuple[int, int]:
        """Return (how many keys are down, mask of buttons and modifiers) as the server says."""
        keys = self._connection.core.QueryKeymap().reply().keys
        mask = self._connection.core.QueryPointer(self._window).reply().mask
        return sum(int(byte).bit_count() for byte in keys), mask

    def mapping(self) -> list[int]:
        """Return the server's keyboard map, flat."""
        self._read_map()
        return self._keysyms

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()

    def _read_map(self) -> None:
        first, last = self._setup.min_keycode, self._setup.max_keycode
        reply = self._connection.core.GetKeyboardMapping(first, last - first + 1).reply()
        self._first, self._width, self._keysyms = first, reply.keysyms_per_keycode, list(reply.keysyms)

    def _note(self, event: object) -> None:
        names = {
            xcffib.xproto.KeyPressEvent: "press", xcffib.xproto.KeyReleaseEvent: "release",
            xcffib.xproto.ButtonPressEvent: "button", xcffib.xproto.ButtonReleaseEvent: "unbutton",
            xcffib.xproto.MotionNotifyEvent: "move",
        }  # fmt: skip
        if isinstance(event, xcffib.xproto.MappingNotifyEvent):
            self._read_map()
        what = names.get(type(event))
        if what is None:
            return
        key = what in ("press", "release")
        detail = self._keysym(event.detail, event.state) if key else event.detail
        self.log.append(Logged(what, detail, event.state, event.event_x, event.event_y))

    def _keysym(self, code: int, state: int) -> int:
        row = self._keysyms[(code - self._first) * self._width :][: self._width]
        shift, lock = state & 1, state >> 1 & 1
        if lock and chr(row[0]).isalpha() and row[0] != row[1]:
            shift ^= 1
        return row[1] if shift and row[1] else row[0]
