"""One file per security type, and the shape that they share.

A security type asks at most one question and judges the answer; it knows neither versions nor sockets.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from mpvnc.constants import SecurityType


class Access(Enum):
    """A security type's verdict."""

    FULL = auto()
    VIEW_ONLY = auto()
    DENIED = auto()


class SecurityExchange(Protocol):
    """One client's passage through a security type."""

    @property
    def security_type(self) -> SecurityType:
        """Its number on the wire."""

    @property
    def question(self) -> bytes:
        """What the server sends first; empty if there is nothing to answer."""

    @property
    def answer_bytes(self) -> int:
        """The length of what the client sends then."""

    def judge(self, answer: bytes) -> Access:
        """Return what the client may do after `answer`, which has `answer_bytes` bytes."""
