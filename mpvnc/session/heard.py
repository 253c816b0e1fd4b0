"""What a session hears from its client that concerns others. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from mpvnc.rfb import events
from mpvnc.session.announcing import IgnoredClipboard
from mpvnc.session.clipboard import Clipboard


@dataclass(frozen=True, slots=True)
class Joined:
    """The client is in: authenticated and initialised."""

    view_only: bool
    shared: bool


Heard = (
    Joined
    | events.StartTls
    | events.Credentials
    | events.WrongPassword
    | events.KeyEvent
    | events.PointerEvent
    | events.SetDesktopSize
    | Clipboard
    | IgnoredClipboard
)
"""What a client said that concerns others than its session."""
