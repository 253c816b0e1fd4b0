"""A viewer on a blocking socket, for `benchmarks.greeting`: it comes in, follows Raw and ZRLE, decodes nothing.

Owns the handshake (RFC 6143 sections 7.1 to 7.3, versions 3.3, 3.7 and 3.8, security None and VNC Authentication)
and the framing of what a server says to a viewer that lists no more. Standard library alone, but for DES and the
sum of what was drawn. Measures nothing.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

import numpy as np

from benchmarks.processes import BenchError
from mpvnc.constants import CHALLENGE_BYTES, VERSION_BYTES, Encoding, SecurityType, ServerMessage
from mpvnc.geometry import Rect
from mpvnc.pixels import NATIVE
from mpvnc.rfb.security.vncauth import response

_RECT = struct.Struct(">HHHHi")
_INIT = struct.Struct(">HH16xI")
_PIXEL_BYTES = 4


class Drawn(NamedTuple):
    """A rectangle as it came; `data` are its pixels if it is Raw, else something deflated."""

    rect: Rect
    encoding: int
    data: bytes


class Guest:
    """A connection from the first byte on. Every wait ends after `timeout_s` (OSError)."""

    def __init__(self, host: str, port: int, timeout_s: float = 10.0) -> None:
        self.socket = socket.create_connection((host, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.width = self.height = 0
        self.bytes_received = 0

    def shake_hands(self, password: str | None = None) -> None:
        """Come in, as far as ServerInit, with a shared session. Raises: BenchError if that is refused."""
        minor = spoken(self.read(VERSION_BYTES))
        self.socket.sendall(b"RFB 003.%03d\n" % minor)
        kind = self._security(minor, password)
        if kind == SecurityType.VNC_AUTHENTICATION:
            challenge = self.read(CHALLENGE_BYTES)
            self.socket.sendall(response((password or "").encode("latin-1", "replace"), challenge))
        if (minor >= 8 or kind != SecurityType.NONE) and self._number():
            raise BenchError(f"not let in: {self._reason() if minor >= 8 else 'no reason given'}")
        self.socket.sendall(b"\1")
        self.width, self.height, name_bytes = _INIT.unpack(self.read(_INIT.size))
        self.read(name_bytes)

    def list_encodings(self, *encodings: int) -> None:
        """Ask for pixels of 32 bits, in these encodings: Raw and ZRLE alone can be read."""
        listed = struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)
        self.socket.sendall(b"\0\0\0\0" + NATIVE.to_bytes() + listed)

    def request(self, rect: Rect, *, incremental: bool) -> None:
        """Request an update of a rectangle."""
        self.socket.sendall(struct.pack(">BB4H", 3, incremental, *rect))

    def read_update(self) -> list[Drawn]:
        """Read up to the end of the next FramebufferUpdate; return its rectangles."""
        while (kind := self.read(1)[0]) != ServerMessage.FRAMEBUFFER_UPDATE:
            self._skip(kind)
        (count,) = struct.unpack(">xH", self.read(3))
        return [self._rectangle() for _ in range(count)]

    def read_picture(self) -> None:
        """Request the whole screen and read until all of it has come, in however many updates."""
        screen = Rect(0, 0, self.width, self.height)
        missing = np.ones((self.height, self.width), np.bool_)
        self.request(screen, incremental=False)
        while True:
            for rect, _, _ in self.read_update():
                missing[rect.y : rect.bottom, rect.x : rect.right] = False
            if not missing.any():
                return
            self.request(screen, incremental=True)

    def read(self, count: int) -> bytes:
        """Read so many bytes. Raises: BenchError if the server hangs up."""
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            received = self.socket.recv_into(view[got:])
            if not received:
                raise BenchError("the server hung up")
            got += received
        self.bytes_received += count
        return bytes(data)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _number(self) -> int:
        return int.from_bytes(self.read(4), "big")

    def _reason(self) -> str:
        return self.read(self._number()).decode(errors="replace")

    def _security(self, minor: int, password: str | None) -> int:
        """Agree on a security type; return it. The server decides alone in version 3.3."""
        kinds = [kind for kind in self._kinds(minor) if kind]
        if not kinds:
            raise BenchError(f"turned away: {self._reason()}")
        kind = chosen(kinds, password)
        if minor >= 7:
            self.socket.sendall(bytes([kind]))
        return kind

    def _kinds(self, minor: int) -> list[int]:
        return list(self.read(self.read(1)[0])) if minor >= 7 else [self._number()]

    def _skip(self, kind: int) -> None:
        """Read the rest of a message that is no update."""
        if kind == ServerMessage.SERVER_CUT_TEXT:
            self.read(3)
            self.read(self._number())
        elif kind == ServerMessage.SET_COLOUR_MAP_ENTRIES:
            (count,) = struct.unpack(">3xH", self.read(5))
            self.read(6 * count)
        elif kind != ServerMessage.BELL:
            raise BenchError(f"the server sent a message {kind}, which was not asked for")

    def _rectangle(self) -> Drawn:
        x, y, width, height, encoding = _RECT.unpack(self.read(_RECT.size))
        if encoding == Encoding.RAW:
            size = width * height * _PIXEL_BYTES
        elif encoding == Encoding.ZRLE:
            size = self._number()
        else:
            raise BenchError(f"the server sent encoding {encoding}, which was not asked for")
        return Drawn(Rect(x, y, width, height), encoding, self.read(size))


def spoken(banner: bytes) -> int:
    """Return the minor version to speak with a server of that banner: 3, 7 or 8. Raises: BenchError."""
    try:
        major, minor = int(banner[4:7]), int(banner[8:11])
    except ValueError:
        major = minor = -1
    if not banner.startswith(b"RFB ") or major < 3:
        raise BenchError(f"this is no VNC server: it says {banner!r}")
    return 8 if (major, minor) >= (3, 8) else 7 if minor == 7 else 3


def chosen(kinds: list[int], password: str | None) -> int:
    """Return the security type to take: the password's if there is one. Raises: BenchError."""
    wanted = SecurityType.NONE if password is None else SecurityType.VNC_AUTHENTICATION
    if wanted not in kinds:
        names = {SecurityType.NONE: "None", SecurityType.VNC_AUTHENTICATION: "VNC authentication"}
        raise BenchError(f"the server offers security types {kinds}, not {names[wanted]} ({wanted:d})")
    return wanted
