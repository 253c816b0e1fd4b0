"""Input into an X11 display by the XTEST extension, through xcffib.

Owns: one X connection, the spare keycodes it has taken, and the modifier state it last saw. Which keycode
types a keysym is `mpvnc.inject.keymap`'s choice. Sources: XTEST protocol 2.2 (FakeInput, GrabControl), X11
protocol (GetKeyboardMapping, ChangeKeyboardMapping, MappingNotify).

Key and button numbers go to the server as they are, the wheel is buttons 4 to 7. Requests are sent in
`flush`; the one round trip (QueryPointer, for Shift and Caps Lock) is made at most once per batch and
modifier change.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

import xcffib
import xcffib.xproto
import xcffib.xtest

from mpvnc.errors import InjectError
from mpvnc.inject.base import Backend, Press, Wait
from mpvnc.inject.held import Held, HeldKind, HeldWords
from mpvnc.inject.keymap import NO_SYMBOL, KeyMap, SpareKeycodes, canonical, is_modifier

KEY_PRESS, KEY_RELEASE, BUTTON_PRESS, BUTTON_RELEASE, MOTION = 2, 3, 4, 5, 6
_SHIFT, _LOCK = 1, 2
_X_ERRORS = (xcffib.XcffibException, OSError)

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def _display_errors(what: str) -> Iterator[None]:
    try:
        yield
    except xcffib.ConnectionException as error:
        raise InjectError(f"{what}: no connection") from error
    except _X_ERRORS as error:
        raise InjectError(f"{what}: {type(error).__name__} {error}".rstrip()) from error


class XTestBackend(Backend):
    """Types and clicks on an X display.

    Args:
        display: its name; "" for $DISPLAY.
        words: where keycodes in use are noted for a successor.

    Raises: InjectError if the display cannot be opened or has no XTEST.
    """

    name = "xtest"

    def __init__(self, display: str, words: HeldWords) -> None:
        self._words = words
        self._spares = SpareKeycodes()
        self._modifiers: int | None = None
        with _display_errors(f"display {display or '$DISPLAY'}"):
            self._connection = _connect(display)
            try:
                self._open()
            except BaseException:
                self._connection.disconnect()
                raise

    def plan(self, keysym: int, held_codes: set[int]) -> Press | None:
        """Return how to press `keysym` by the map, or by the spare keycode that it has already."""
        with _display_errors("the display is gone"):
            self._read_events()
            shift, lock = self._shift_and_lock()
            wanted = canonical(keysym)
            choice = self._keymap.choose(wanted, shift, lock, self._spares.codes)
            if choice is not None:
                return Press(keysym, choice.code, choice.with_shift)
            code = self._spares.find(wanted, time.monotonic())
            return None if code is None else Press(keysym, code)

    def remap(self, keysym: int, held_codes: set[int]) -> Press | Wait | None:
        """Give `keysym` a spare keycode, noted first for a successor; one used just now has to wait."""
        now = time.monotonic()
        chosen = self._spares.choose(self._keymap.spare, held_codes, now)
        if chosen is None:
            return None
        code, wait_s = chosen
        if wait_s:
            return Wait(wait_s)
        if not self._words.add(_spare_word(code)):
            return None
        with _display_errors("the display is gone"):
            self._change(code, canonical(keysym))
        self._spares.take(code, canonical(keysym), now)
        return Press(keysym, code)

    def press(self, press: Press) -> None:
        """Press a key; a Shift that it needs goes down for the moment of the press only."""
        shift = self._keymap.shift
        if press.with_shift and shift is not None:
            self._fake(KEY_PRESS, shift)
        self._fake(KEY_PRESS, press.code)
        if press.with_shift and shift is not None:
            self._fake(KEY_RELEASE, shift)
        self._touched(press.keysym)

    def repeat(self, keysym: int, code: int) -> None:
        """Repeat a key as X does, by a release and a press; modifiers do not repeat."""
        if not is_modifier(keysym):
            self._fake(KEY_RELEASE, code)
            self._fake(KEY_PRESS, code)

    def release(self, keysym: int, code: int) -> None:
        """Release a key."""
        self._fake(KEY_RELEASE, code)
        self._touched(keysym)

    def button(self, number: int, down: bool) -> None:
        """Press or release a button."""
        self._fake(BUTTON_PRESS if down else BUTTON_RELEASE, number)

    def move(self, x: int, y: int) -> None:
        """Move the pointer, in root window coordinates."""
        self._fake(MOTION, 0, x, y)

    def flush(self) -> None:
        """Send everything. Raises: InjectError if the display is gone."""
        with _display_errors("the display is gone"):
            self._connection.flush()
            self._read_events()
            self._modifiers = None

    def restore(self, code: int) -> None:
        """Empty a keycode again."""
        with _display_errors("the display is gone"):
            self._change(code, NO_SYMBOL)

    def close(self) -> None:
        """Empty the spare keycodes, wait until the server has it all, and disconnect."""
        with contextlib.suppress(*_X_ERRORS):
            for code in self._spares.codes:
                self._change(code, NO_SYMBOL)
                self._words.discard(_spare_word(code))
            self._connection.core.GetInputFocus().reply()
        with contextlib.suppress(*_X_ERRORS):
            self._connection.disconnect()

    def _open(self) -> None:
        setup = self._connection.get_setup()
        self._root = setup.roots[self._connection.pref_screen].root
        self._keycodes = (setup.min_keycode, setup.max_keycode)
        if not self._connection.core.QueryExtension(len("XTEST"), "XTEST").reply().present:
            raise InjectError("the display has no XTEST extension")
        self._xtest = self._connection(xcffib.xtest.key)
        self._xtest.GrabControl(True)
        self._keymap = self._read_keymap()

    def _read_keymap(self) -> KeyMap:
        first, last = self._keycodes
        core = self._connection.core
        table = core.GetKeyboardMapping(first, last - first + 1)
        modifiers = core.GetModifierMapping().reply()
        reply = table.reply()
        held = {code for code in modifiers.keycodes if code}
        return KeyMap(first, reply.keysyms_per_keycode, list(reply.keysyms), held)

    def _read_events(self) -> None:
        """Take what the server says: a changed map is read anew, an error of a request is logged."""
        changed = False
        while True:
            try:
                event = self._connection.poll_for_event()
            except (xcffib.ProtocolException, xcffib.XcffibNotImplemented) as error:
                logger.debug("X error: %r", error)
                continue
            if event is None:
                break
            changed |= isinstance(event, xcffib.xproto.MappingNotifyEvent)
        if changed:
            self._keymap = self._read_keymap()
            for code in self._spares.keep_only(self._keymap):
                self._words.discard(_spare_word(code))

    def _shift_and_lock(self) -> tuple[bool, bool]:
        if self._modifiers is None:
            self._modifiers = self._connection.core.QueryPointer(self._root).reply().mask
        return bool(self._modifiers & _SHIFT), bool(self._modifiers & _LOCK)

    def _change(self, code: int, keysym: int) -> None:
        self._connection.core.ChangeKeyboardMapping(1, code, 2, [keysym, keysym])

    def _touched(self, keysym: int) -> None:
        if is_modifier(keysym):
            self._modifiers = None

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        with _display_errors("the display is gone"):
            request: Any = self._xtest.FakeInput
            request(kind, detail, 0, self._root, x, y, 0)


def _connect(display: str) -> Any:
    connection_class: Any = xcffib.Connection
    return connection_class(display=display or None)


def _spare_word(code: int) -> int:
    return Held(HeldKind.SPARE_KEYCODE, code).word
