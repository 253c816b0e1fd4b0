"""Deflate fragments that can be spliced into anybody's zlib stream, at any place.

A fragment comes from a fresh raw compressor and is flushed: it never refers back, and it ends on a byte
boundary. RFC 1951 only; whoever begins a stream writes the zlib header (`base.ZLIB_HEADER`).

Buckets of effort, and what a fragment of 192 KiB (65,536 pixels of text as TPIXEL) costs and becomes; isal's
levels 1 and 2 are the same within 1 %:

| bucket | client's level | how    | CPU     | size  |
|--------|----------------|--------|---------|-------|
| 0      | 0-2, none      | isal 1 | 0.15 ms | 100 % |
| 1      | 3-5            | zlib 3 | 1.0 ms  | 92 %  |
| 2      | 6-9            | zlib 6 | 2.1 ms  | 77 %  |

Small data is cheap to compress harder: up to 4 KiB zlib 6 (20 us), in bucket 2 zlib 9 (140 us). Data that
isal cannot shrink (photographs, noise) is not tried harder: zlib would take 5 ms for nothing.
"""

from __future__ import annotations

import struct
import zlib

from isal import isal_zlib

SMALL_BYTES = 4096
_STUBBORN = 0.9
_LEVELS = (1, 3, 6)
_SMALL_LEVELS = (6, 6, 9)
_STORED_MAX = 0xFFFF
_STORED = struct.Struct("<BHH")


def fragment(data: bytes | bytearray, bucket: int) -> bytes:
    """Return `data` deflated; never longer than `data` and 5 bytes for each 64 KiB begun."""
    if len(data) <= SMALL_BYTES:
        deflated = _zlib(data, _SMALL_LEVELS[bucket])
    else:
        deflated = _isal(data)
        if bucket and len(deflated) < _STUBBORN * len(data):
            deflated = _zlib(data, _LEVELS[bucket])
    blocks = -(-len(data) // _STORED_MAX)
    return deflated if len(deflated) <= len(data) + _STORED.size * blocks else _stored(data)


def _isal(data: bytes | bytearray) -> bytes:
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    return bytes(compressor.compress(data) + compressor.flush(isal_zlib.Z_SYNC_FLUSH))


def _zlib(data: bytes | bytearray, level: int) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def _stored(data: bytes | bytearray) -> bytes:
    """Return stored blocks (RFC 1951 section 3.2.4), none of them the stream's last."""
    parts: list[bytes | bytearray] = []
    for start in range(0, len(data), _STORED_MAX):
        block = data[start : start + _STORED_MAX]
        parts += (_STORED.pack(0, len(block), len(block) ^ 0xFFFF), block)
    return b"".join(parts)
