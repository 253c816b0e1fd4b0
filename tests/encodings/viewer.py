"""One viewer's decoders and zlib streams, for encoded rectangles one by one."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from mpvnc.pixels import PixelFormat
from tests.support import pixelformat
from tests.support.decoders.base import DecoderState, Rect, decode_all
from tests.support.decoders.registry import DECODERS

HEADER_BYTES = 12
TIGHT, JPEG = 7, 21
ANY_QUALITY = frozenset({-26})


class Decoded(NamedTuple):
    encoding: int
    values: np.ndarray  # (height, width): pixel values of the client
    lossy: bool


class Viewer:
    """`fmt` may change between rectangles."""

    def __init__(self, fmt: PixelFormat) -> None:
        self.fmt = fmt
        nothing = np.zeros((0, 0), np.uint32)
        self._state = DecoderState(pixelformat.PixelFormat.from_bytes(fmt.to_bytes()), nothing, ANY_QUALITY)

    def decode(self, data: bytes) -> Decoded:
        """Decode one rectangle, header and payload; all of it must be used."""
        *place, encoding = struct.unpack(">HHHHi", data[:HEADER_BYTES])
        self._state.format = pixelformat.PixelFormat.from_bytes(self.fmt.to_bytes())
        values = decode_all(DECODERS[encoding], Rect(*place), self._state, data[HEADER_BYTES:])
        in_tight = encoding == TIGHT and data[HEADER_BYTES] >> 4 == 9
        return Decoded(encoding, values, encoding == JPEG or in_tight)
