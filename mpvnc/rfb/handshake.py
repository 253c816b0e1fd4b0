"""What a handshake is decided by: the settings, the client's version, the security types to offer.

Pure functions and values; `state` has the order of things, `connection` the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpvnc.constants import CHALLENGE_BYTES, VERSION_BYTES, SecurityType
from mpvnc.errors import ProtocolError
from mpvnc.rfb.events import Version
from mpvnc.rfb.messages import Limits
from mpvnc.rfb.security import SecurityExchange
from mpvnc.rfb.security.none import NoAuthentication
from mpvnc.rfb.security.vncauth import VncAuthentication, is_usable

BANNER = b"RFB 003.008\n"
_BANNER_PATTERN = re.compile(rb"RFB (\d{3})\.(\d{3})\n")


@dataclass(frozen=True, slots=True)
class HandshakeSettings:
    """Who is let in to one connection.

    A password is Latin-1 bytes (`security.vncauth.encode_password`); None means that there is none. An empty
    one is a password that nobody can give: it shuts clients out, it does not let them in.
    """

    security_types: Sequence[int]
    """What may be offered, best first."""
    password: bytes | None = field(repr=False)
    view_only_password: bytes | None = field(repr=False)
    view_only: bool
    """Whether every client may only watch, whatever it authenticated with."""
    challenge: bytes = field(repr=False)
    """16 bytes, fresh and random for each connection."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if len(self.challenge) != CHALLENGE_BYTES:
            raise ValueError(f"a challenge has {CHALLENGE_BYTES} bytes, not {len(self.challenge)}")


def parse_version(data: bytes) -> Version:
    """Return the version to speak with a client that answered the banner with `data` (12 bytes).

    RFC 6143 section 7.1.1: an unknown minor version is treated as 3.3. Those above 3.8 know 3.8 (macOS says
    3.889, RealVNC 4.1).

    Raises: ProtocolError if `data` is no version, or one below 3.3.
    """
    match = _BANNER_PATTERN.fullmatch(data)
    if match is None:
        raise ProtocolError(f"protocol version expected, got {data[:VERSION_BYTES].hex(' ')}")
    version = int(match[1]), int(match[2])
    if version < (3, 3):
        raise ProtocolError(f"protocol version {version[0]}.{version[1]} is not supported")
    if version < (3, 7):
        return 3, 3
    return min(version, (3, 8))


def offered_exchanges(settings: HandshakeSettings) -> dict[int, SecurityExchange]:
    """Return what a client may choose from, by number, best first; empty if nothing is left.

    Fails closed: as soon as any password is set, None is not offered, whatever `security_types` says; VNC
    authentication is not offered without a password that can be given.
    """
    passwords = settings.password, settings.view_only_password
    exchanges: dict[int, SecurityExchange] = {}
    for security_type in settings.security_types:
        if security_type == SecurityType.NONE and passwords == (None, None):
            exchanges[security_type] = NoAuthentication()
        elif security_type == SecurityType.VNC_AUTHENTICATION and any(map(is_usable, passwords)):
            exchanges[security_type] = VncAuthentication(*passwords, settings.challenge)
    return exchanges
