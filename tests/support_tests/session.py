"""A server by hand: the bytes of a session, for tests of the viewer."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.support.formats import BGRX
from tests.support.handshake import HandshakeChoices
from tests.support.viewer import Viewer

BANNER = b"RFB 003.008\n"
NO_SECURITY = b"\x01\x01" + bytes(4)
CHALLENGE = bytes(range(16))


def server_init(width: int = 4, height: int = 2, name: str = "test") -> bytes:
    text = name.encode()
    return struct.pack(">HH", width, height) + BGRX.to_bytes() + struct.pack(">I", len(text)) + text


def rectangle(x: int, y: int, width: int, height: int, encoding: int, data: bytes = b"") -> bytes:
    return struct.pack(">4Hi", x, y, width, height, encoding) + data


def update(*rectangles: bytes, count: int | None = None) -> bytes:
    return struct.pack(">BxH", 0, len(rectangles) if count is None else count) + b"".join(rectangles)


def raw(x: int, y: int, width: int, height: int, colour: int) -> bytes:
    return rectangle(x, y, width, height, 0, struct.pack("<I", colour) * (width * height))


def fence(flags: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BxxxIB", 248, flags, len(payload)) + payload


def ready_viewer(encodings: Iterable[int] = (), *, requested: bool = True) -> Viewer:
    viewer = Viewer(HandshakeChoices())
    viewer.feed(BANNER + NO_SECURITY + server_init())
    viewer.set_encodings(encodings)
    if requested:
        viewer.request(incremental=False)
    viewer.data_to_send()
    return viewer
