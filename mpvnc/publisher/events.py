"""The events that `Publication.get_event` returns, under the names that a program uses."""

from mpvnc.session.animator_events import (
    ClickEvent,
    ClipboardEvent,
    ConnectEvent,
    DisconnectEvent,
    Event,
    KeyEvent,
    MoveEvent,
    ResizeEvent,
    ScrollEvent,
)

__all__ = [
    "ClickEvent",
    "ClipboardEvent",
    "ConnectEvent",
    "DisconnectEvent",
    "Event",
    "KeyEvent",
    "MoveEvent",
    "ResizeEvent",
    "ScrollEvent",
]
