"""Security type Tight: a list of authentications, with room for tunnels (rfbproto "Tight Security Type").

No tunnel is offered. ServerInit has a list of capabilities behind it for whoever chose this type; it is empty.
"""

from __future__ import annotations

import struct

from mpvnc.constants import SecurityType
from mpvnc.rfb.security import Ask, Reject, SecurityExchange, Turn, Verdict

NO_CAPABILITIES = bytes(8)
"""Counts of server messages, client messages and encodings, and padding."""
_NO_TUNNELS = bytes(4)
_CODE = struct.Struct(">i")
_COUNT = struct.Struct(">I")
_VNC_CAPABILITY = struct.pack(">i4s8s", SecurityType.VNC_AUTHENTICATION, b"STDV", b"VNCAUTH_")


class TightSecurity:
    """VNC authentication inside Tight, or, without it, nothing to answer.

    Args:
        inner: the exchange of None, or that of VNC authentication, which is then the one authentication offered.
        is_none: whether it is that of None.
    """

    def __init__(self, inner: SecurityExchange, *, is_none: bool) -> None:
        self._inner = inner
        self._is_none = is_none
        self._has_chosen = False

    def begin(self) -> Turn:
        """Offer no tunnel, and the one authentication; without any, nothing is asked."""
        if not self._is_none:
            return Ask(_NO_TUNNELS + _COUNT.pack(1) + _VNC_CAPABILITY, _CODE.size)
        verdict = self._inner.begin()
        assert isinstance(verdict, Verdict)
        return verdict._replace(say=_NO_TUNNELS + _COUNT.pack(0))

    def go_on(self, answer: bytes) -> Turn:
        """Take the choice, then what it asked for."""
        if self._has_chosen:
            return self._inner.go_on(answer)
        (code,) = _CODE.unpack(answer)
        if code != SecurityType.VNC_AUTHENTICATION:
            return Reject(b"", f"Tight authentication {code} was chosen, which was not offered")
        self._has_chosen = True
        return self._inner.begin()
