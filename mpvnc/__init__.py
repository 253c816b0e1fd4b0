"""mpvnc: a multiprocess VNC server for one screen and many viewers.

The public names are loaded when they are first used: most of our own processes never need them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpvnc.errors import PublishError
    from mpvnc.publisher.events import (
        ClickEvent,
        ClipboardEvent,
        ConnectEvent,
        DisconnectEvent,
        Event,
        KeyEvent,
        MoveEvent,
        ScrollEvent,
    )
    from mpvnc.publisher.opening import publish
    from mpvnc.publisher.publication import Publication

__version__ = "0.1.0"

__all__ = [
    "ClickEvent",
    "ClipboardEvent",
    "ConnectEvent",
    "DisconnectEvent",
    "Event",
    "KeyEvent",
    "MoveEvent",
    "Publication",
    "PublishError",
    "ScrollEvent",
    "__version__",
    "publish",
]

_HOMES = {
    "Publication": "mpvnc.publisher.publication",
    "PublishError": "mpvnc.errors",
    "publish": "mpvnc.publisher.opening",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "mpvnc.publisher.events")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
