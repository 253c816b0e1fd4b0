"""mpvnc: a multiprocess VNC server for one screen and many viewers.

The public names are loaded when they are first used: most of our own processes never need them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpvnc import keysyms
    from mpvnc.errors import MpvncError, PublishError
    from mpvnc.frames.audience import Shown
    from mpvnc.pointer import Cursor
    from mpvnc.publisher.events import (
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
    from mpvnc.publisher.opening import publish
    from mpvnc.publisher.publication import Publication
    from mpvnc.session.clipboard import Clipboard

__version__ = "0.1.0"

__all__ = [
    "ClickEvent",
    "Clipboard",
    "ClipboardEvent",
    "ConnectEvent",
    "Cursor",
    "DisconnectEvent",
    "Event",
    "KeyEvent",
    "MoveEvent",
    "MpvncError",
    "Publication",
    "PublishError",
    "ResizeEvent",
    "ScrollEvent",
    "Shown",
    "__version__",
    "keysyms",
    "publish",
]

_HOMES = {
    "Clipboard": "mpvnc.session.clipboard",
    "Cursor": "mpvnc.pointer",
    "MpvncError": "mpvnc.errors",
    "Publication": "mpvnc.publisher.publication",
    "PublishError": "mpvnc.errors",
    "Shown": "mpvnc.frames.audience",
    "publish": "mpvnc.publisher.opening",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "keysyms":
        return importlib.import_module("mpvnc.keysyms")
    value = getattr(importlib.import_module(_HOMES.get(name, "mpvnc.publisher.events")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
