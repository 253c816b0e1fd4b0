"""The version that is spoken with a client. `offer` has the security types, `state` the order of things."""

from __future__ import annotations

import re

from mpvnc.constants import VERSION_BYTES
from mpvnc.errors import ProtocolError
from mpvnc.rfb.events import Version

BANNER = b"RFB 003.008\n"
_BANNER_PATTERN = re.compile(rb"RFB (\d{3})\.(\d{3})\n")


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
