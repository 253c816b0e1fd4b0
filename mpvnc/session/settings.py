"""What the configuration says about sessions. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mpvnc.encodings.wire import WireClass, wire_class


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the configuration says about every session."""

    handshake_s: float = 10.0
    authentication_s: float = 60.0
    message_s: float = 60.0
    with_cursor: bool = True
    with_pointer: bool = True
    pushes: bool = False
    """Whether every client is sent updates unasked once it has asked for one, not only those that list it."""
    takes_clipboards: bool = True
    """Whether anybody wants what viewers copy; if not, it is neither asked for nor read."""
    forwards_resize: bool = False
    wire_class: Callable[..., WireClass] = field(default=wire_class)
