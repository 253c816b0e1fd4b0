"""Security type None (RFC 6143 section 7.2.1): everybody is let in.

That this is what the operator wants is decided in `mpvnc.rfb.handshake`, never here.
"""

from __future__ import annotations

from mpvnc.constants import SecurityType
from mpvnc.rfb.security import Access


class NoAuthentication:
    """Asks nothing and grants full control."""

    security_type = SecurityType.NONE
    question = b""
    answer_bytes = 0

    def judge(self, answer: bytes) -> Access:
        """Return FULL."""
        return Access.FULL
