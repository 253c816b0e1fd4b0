"""Security type None (RFC 6143 section 7.2.1): everybody is let in.

That this is what the operator wants is decided in `mpvnc.rfb.offer`, never here.
"""

from __future__ import annotations

from mpvnc.rfb.security import Access, Turn, Verdict


class NoAuthentication:
    """Asks nothing and grants full control."""

    def begin(self) -> Turn:
        """Grant it."""
        return Verdict(Access.FULL, is_tacit=True)

    def go_on(self, answer: bytes) -> Turn:
        """Raise: nothing was asked."""
        raise RuntimeError(f"nothing was asked, and {len(answer)} bytes answered")
