"""The handshake from the client's side: RFC 6143 sections 7.1 to 7.3, and rfbproto for older versions."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from Crypto.Cipher import DES

from tests.support.errors import ProtocolViolation, Refused
from tests.support.pixelformat import PixelFormat
from tests.support.wire import Parser

NONE, VNC_AUTHENTICATION = 1, 2
MAX_REASON_BYTES = 4096
_BANNER = re.compile(rb"RFB (\d{3})\.(\d{3})\n")


@dataclass(frozen=True)
class HandshakeChoices:
    """What the client does in the handshake. `line` overrides the version line that is sent."""

    version: tuple[int, int] = (3, 8)
    password: str | None = None
    security_type: int | None = None
    shared: bool = True
    line: bytes | None = None

    @property
    def rules(self) -> int:
        """3, 7 or 8: the version whose rules the server has to follow."""
        minor = self.version[1]
        return 3 if minor < 7 else 7 if minor == 7 else 8


class ServerInit(NamedTuple):
    """What the server announces, and how the handshake went."""

    width: int
    height: int
    format: PixelFormat
    name: str
    banner: bytes
    security_types: tuple[int, ...]


def vnc_response(password: str, challenge: bytes) -> bytes:
    """Return the DES response to a challenge: 8 Latin-1 characters, each byte's bits mirrored."""
    key = password.encode("latin-1")[:8].ljust(8, b"\0")
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
    return DES.new(mirrored, DES.MODE_ECB).encrypt(challenge)


def handshake(choices: HandshakeChoices, send: Callable[[bytes], None]) -> Parser[ServerInit]:
    """Shake hands up to ServerInit. Raises: Refused, ProtocolViolation."""
    banner = yield 12
    if not _BANNER.fullmatch(banner):
        raise ProtocolViolation(f"banner {banner!r}")
    send(choices.line or b"RFB %03d.%03d\n" % choices.version)
    if choices.rules == 3:
        types, chosen = yield from _dictated_type()
    else:
        types, chosen = yield from _chosen_type(choices, send)
    if chosen == VNC_AUTHENTICATION:
        send(vnc_response(choices.password or "", (yield 16)))
    if chosen == VNC_AUTHENTICATION or choices.rules == 8:
        yield from _security_result(choices.rules)
    send(bytes([choices.shared]))
    return (yield from _server_init(banner, types))


def _dictated_type() -> Parser[tuple[tuple[int, ...], int]]:
    (kind,) = struct.unpack(">I", (yield 4))
    if kind == 0:
        raise Refused((yield from _reason()))
    if kind not in (NONE, VNC_AUTHENTICATION):
        raise ProtocolViolation(f"security type {kind} in version 3.3")
    return (kind,), kind


def _chosen_type(
    choices: HandshakeChoices, send: Callable[[bytes], None]
) -> Parser[tuple[tuple[int, ...], int]]:
    (count,) = yield 1
    if count == 0:
        raise Refused((yield from _reason()))
    types = tuple((yield count))
    chosen = choices.security_type
    if chosen is None:
        wanted = (VNC_AUTHENTICATION, NONE) if choices.password is not None else (NONE,)
        chosen = next((kind for kind in wanted if kind in types), None)
    if chosen is None:
        raise Refused(f"the server offers security types {types} only")
    send(bytes([chosen]))
    return types, chosen


def _security_result(rules: int) -> Parser[None]:
    (result,) = struct.unpack(">I", (yield 4))
    if result == 1:
        raise Refused((yield from _reason()) if rules == 8 else "")
    if result != 0:
        raise ProtocolViolation(f"security result {result}")


def _reason() -> Parser[str]:
    (length,) = struct.unpack(">I", (yield 4))
    if length > MAX_REASON_BYTES:
        raise ProtocolViolation(f"a reason of {length} bytes")
    return (yield length).decode()


def _server_init(banner: bytes, types: tuple[int, ...]) -> Parser[ServerInit]:
    width, height = struct.unpack(">HH", (yield 4))
    fmt = PixelFormat.from_bytes((yield 16))
    (length,) = struct.unpack(">I", (yield 4))
    if length > MAX_REASON_BYTES:
        raise ProtocolViolation(f"a name of {length} bytes")
    name = (yield length).decode()
    if fmt.bits_per_pixel not in (8, 16, 32) or not 0 < fmt.depth <= fmt.bits_per_pixel:
        raise ProtocolViolation(f"server format {fmt}")
    return ServerInit(width, height, fmt, name, banner, types)
