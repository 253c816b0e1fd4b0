"""Security type VeNCrypt, version 0.2: a choice of subtypes, some of which begin with TLS (rfbproto "VeNCrypt").

Note the two opposite acknowledgements: 0 accepts the version, 1 accepts a subtype that begins with TLS.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from mpvnc.constants import VeNCryptSubtype
from mpvnc.rfb.security import Ask, Encrypt, Reject, SecurityExchange, Turn, Verdict

VERSION = b"\0\2"
_VERSION_OK, _VERSION_FAILED = b"\0", b"\xff"
_SUBTYPE_OK, _SUBTYPE_FAILED = b"\1", b"\0"
_SUBTYPE = struct.Struct(">I")
_IN_TLS = {VeNCryptSubtype.X509_NONE, VeNCryptSubtype.X509_VNC, VeNCryptSubtype.X509_PLAIN}


class VeNCrypt:
    """The subtypes on offer, best first, and what each goes on with."""

    def __init__(self, subtypes: Mapping[int, SecurityExchange]) -> None:
        self.subtypes = subtypes
        self._is_in_tls = False
        self._next: Callable[[bytes], Turn] = self._take_version

    def begin(self) -> Turn:
        """Say the version and ask for the client's."""
        return Ask(VERSION, len(VERSION))

    def go_on(self, answer: bytes) -> Turn:
        """Take what was asked for."""
        return self._next(answer)

    def _take_version(self, version: bytes) -> Turn:
        if version != VERSION:
            return Reject(_VERSION_FAILED, f"VeNCrypt {version[0]}.{version[1]} is not supported")
        self._next = self._take_subtype
        listed = b"".join(map(_SUBTYPE.pack, self.subtypes))
        return Ask(_VERSION_OK + bytes([len(self.subtypes)]) + listed, _SUBTYPE.size)

    def _take_subtype(self, answer: bytes) -> Turn:
        (subtype,) = _SUBTYPE.unpack(answer)
        inner = self.subtypes.get(subtype)
        if inner is None:
            return Reject(_SUBTYPE_FAILED, f"VeNCrypt subtype {subtype} was chosen, which was not offered")
        self._is_in_tls = subtype in _IN_TLS
        self._next = lambda _nothing: self._enter(inner)
        return Encrypt(_SUBTYPE_OK) if self._is_in_tls else self._enter(inner)

    def _enter(self, inner: SecurityExchange) -> Turn:
        self._next = inner.go_on
        turn = inner.begin()
        return turn._replace(is_tacit=False) if self._is_in_tls and isinstance(turn, Verdict) else turn
