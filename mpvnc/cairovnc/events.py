"""The events by CairoVNC's names, made from those of a publication.

A key's constants are X11's: where CairoVNC has another number for a name (Print, ScrollLock, Break, the keypad's
Delete), the name counts.
"""

from __future__ import annotations

import time

from mpvnc import keysyms
from mpvnc.cairovnc.clipboard import VNCClipboard
from mpvnc.session.animator_events import ClickEvent, ClipboardEvent, Event, KeyEvent, MoveEvent, ScrollEvent


class VNCEvent:
    """The base of all events.

    Attributes:
        timestamp: when it reached the server, in seconds since 1970; by default now.
        client: a number for the viewer it is from; None if it is from nobody.
    """

    name = "base"

    def __init__(self, *, timestamp: float | None = None, client: int | None = None) -> None:
        self.timestamp = time.time() if timestamp is None else timestamp
        self.client = client

    def __repr__(self) -> str:
        """Return the class and what it was made of."""
        told = ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if key != "timestamp")
        return f"<{type(self).__name__}({told})>"


class VNCEventKey(VNCEvent):
    """A key went down or up; `key` is an X11 keysym. Auto-repeat is several downs."""

    name = "key"

    Key_Backspace = keysyms.XK_BackSpace
    Key_Tab = keysyms.XK_Tab
    Key_Return = keysyms.XK_Return
    Key_Escape = keysyms.XK_Escape
    Key_Insert = keysyms.XK_Insert
    Key_Delete = keysyms.XK_Delete
    Key_Home = keysyms.XK_Home
    Key_End = keysyms.XK_End
    Key_PageUp = keysyms.XK_Page_Up
    Key_PageDown = keysyms.XK_Page_Down
    Key_CursorLeft = keysyms.XK_Left
    Key_CursorUp = keysyms.XK_Up
    Key_CursorRight = keysyms.XK_Right
    Key_CursorDown = keysyms.XK_Down
    Key_AltGr = keysyms.XK_Mode_switch
    Key_Numpad_Enter = keysyms.XK_KP_Enter
    Key_Numpad_Delete = keysyms.XK_KP_Delete
    Key_Numpad_0 = keysyms.XK_KP_0
    Key_Numpad_1 = keysyms.XK_KP_1
    Key_Numpad_2 = keysyms.XK_KP_2
    Key_Numpad_3 = keysyms.XK_KP_3
    Key_Numpad_4 = keysyms.XK_KP_4
    Key_Numpad_5 = keysyms.XK_KP_5
    Key_Numpad_6 = keysyms.XK_KP_6
    Key_Numpad_7 = keysyms.XK_KP_7
    Key_Numpad_8 = keysyms.XK_KP_8
    Key_Numpad_9 = keysyms.XK_KP_9
    Key_F1 = keysyms.XK_F1
    Key_F2 = keysyms.XK_F2
    Key_F3 = keysyms.XK_F3
    Key_F4 = keysyms.XK_F4
    Key_F5 = keysyms.XK_F5
    Key_F6 = keysyms.XK_F6
    Key_F7 = keysyms.XK_F7
    Key_F8 = keysyms.XK_F8
    Key_F9 = keysyms.XK_F9
    Key_F10 = keysyms.XK_F10
    Key_F11 = keysyms.XK_F11
    Key_F12 = keysyms.XK_F12
    Key_Print = keysyms.XK_Print
    Key_ScrollLock = keysyms.XK_Scroll_Lock
    Key_Break = keysyms.XK_Break
    Key_ShiftLeft = keysyms.XK_Shift_L
    Key_ShiftRight = keysyms.XK_Shift_R
    Key_ControlLeft = keysyms.XK_Control_L
    Key_ControlRight = keysyms.XK_Control_R
    Key_MetaLeft = keysyms.XK_Meta_L
    Key_MetaRight = keysyms.XK_Meta_R
    Key_AltLeft = keysyms.XK_Alt_L
    Key_AltRight = keysyms.XK_Alt_R
    Key_MetaRight_2 = keysyms.XK_Super_L
    Key_AltLeft_2 = keysyms.XK_ISO_Level3_Shift

    def __init__(
        self, key: int, down: bool, *, timestamp: float | None = None, client: int | None = None
    ) -> None:
        super().__init__(timestamp=timestamp, client=client)
        self.key = key
        self.down = bool(down)


class VNCEventMove(VNCEvent):
    """The pointer moved; `buttons` as they are now, bit 0 for the first, without the wheel."""

    name = "move"

    def __init__(
        self, x: int, y: int, buttons: int, *, timestamp: float | None = None, client: int | None = None
    ) -> None:
        super().__init__(timestamp=timestamp, client=client)
        self.x, self.y = x, y
        self.buttons = buttons


class VNCEventClick(VNCEvent):
    """A button changed: 0 left, 1 middle, 2 right."""

    name = "click"

    def __init__(
        self,
        x: int,
        y: int,
        button: int,
        down: bool,
        *,
        timestamp: float | None = None,
        client: int | None = None,
    ) -> None:
        super().__init__(timestamp=timestamp, client=client)
        self.x, self.y = x, y
        self.button = button
        self.down = bool(down)


class VNCEventScroll(VNCEvent):
    """A step of the wheel: up is dy 1, right is dx 1."""

    name = "scroll"

    def __init__(
        self, x: int, y: int, dx: int, dy: int, *, timestamp: float | None = None, client: int | None = None
    ) -> None:
        super().__init__(timestamp=timestamp, client=client)
        self.x, self.y = x, y
        self.dx, self.dy = dx, dy


class VNCEventClipboard(VNCEvent):
    """A viewer has copied something; `text` is None if not as text."""

    name = "clipboard"

    def __init__(
        self, clipboard: VNCClipboard, *, timestamp: float | None = None, client: int | None = None
    ) -> None:
        super().__init__(timestamp=timestamp, client=client)
        self.clipboard = clipboard
        self.text = clipboard.text


def event_of(event: Event) -> VNCEvent | None:
    """Return a publication's event as CairoVNC knows it; None for one that it does not know."""
    match event:
        case KeyEvent(client, stamp, key, down):
            return VNCEventKey(key, down, timestamp=stamp, client=client)
        case MoveEvent(client, stamp, x, y, buttons):
            return VNCEventMove(x, y, buttons, timestamp=stamp, client=client)
        case ClickEvent(client, stamp, x, y, button, down):
            return VNCEventClick(x, y, button, down, timestamp=stamp, client=client)
        case ScrollEvent(client, stamp, x, y, dx, dy):
            return VNCEventScroll(x, y, dx, dy, timestamp=stamp, client=client)
        case ClipboardEvent(client, stamp, text, rtf, html):
            clipboard = VNCClipboard.from_parts(text, rtf, html)
            return VNCEventClipboard(clipboard, timestamp=stamp, client=client)
    return None
