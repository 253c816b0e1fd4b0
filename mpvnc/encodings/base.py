"""The encoded rectangle, which every encoding returns, and its header (RFC 6143 section 7.6.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from mpvnc.constants import Encoding
from mpvnc.geometry import Rect

_HEADER = struct.Struct(">HHHHi")
_LENGTH = struct.Struct(">I")

HEADER_BYTES = _HEADER.size
ZLIB_HEADER = b"\x78\x01"
"""Begins a zlib stream (RFC 1950): deflate, a window of 32 KiB, no dictionary."""


class Stream(Enum):
    """A zlib stream that lives as long as the connection and needs `ZLIB_HEADER` once, at its beginning."""

    ZLIB = "zlib"
    ZRLE = "zrle"


@dataclass(frozen=True, slots=True)
class EncodedRectangle:
    """A rectangle as it goes over the wire, good for every client of its wire class. Immutable, shared.

    rect: where it lies.
    encoding: the number in its header, which always tells what the payload is.
    data: header and payload, as sent to a client whose stream has begun.
    stream: the long-lived stream that the payload continues; None if there is none.
    is_lossy: whether the client sees other pixels than were encoded (JPEG, also inside Tight).
    """

    rect: Rect
    encoding: Encoding
    data: bytes
    stream: Stream | None = None
    is_lossy: bool = False

    def first(self) -> bytes:
        """Return `data` for a client whose stream begins here: with the zlib header, counted in the length.

        Equal to `data` if there is no stream.
        """
        if self.stream is None:
            return self.data
        body = HEADER_BYTES + _LENGTH.size
        (length,) = _LENGTH.unpack_from(self.data, HEADER_BYTES)
        length += len(ZLIB_HEADER)
        return b"".join((self.data[:HEADER_BYTES], _LENGTH.pack(length), ZLIB_HEADER, self.data[body:]))


def read_header(data: bytes) -> tuple[Rect, int]:
    """Return where a rectangle lies and the number of its encoding; `data` has at least `HEADER_BYTES`."""
    x, y, width, height, encoding = _HEADER.unpack_from(data)
    return Rect(x, y, width, height), encoding


def rectangle(
    rect: Rect, encoding: Encoding, *payload: bytes | bytearray, is_lossy: bool = False
) -> EncodedRectangle:
    """Return the rectangle with its header in front of the parts of its payload."""
    data = b"".join((_HEADER.pack(*rect, encoding), *payload))
    return EncodedRectangle(rect, encoding, data, is_lossy=is_lossy)


def stream_rectangle(
    rect: Rect, encoding: Encoding, fragment: bytes | bytearray, stream: Stream
) -> EncodedRectangle:
    """Return a rectangle whose payload is a length and a fragment of a long-lived stream."""
    header = _HEADER.pack(*rect, encoding)
    return EncodedRectangle(rect, encoding, b"".join((header, _LENGTH.pack(len(fragment)), fragment)), stream)
