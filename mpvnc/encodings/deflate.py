"""Deflate fragments that can be spliced into anybody's zlib stream, at any place.

A fragment comes from a fresh raw compressor and is flushed: it never refers back, and it ends on a byte
boundary. RFC 1951 only; whoever begins a stream writes the zlib header (`base.ZLIB_HEADER`).

Buckets of effort, with what they cost and make of 1080p of text on top of the encoding (Xeon, one core):

| bucket | client's level | how    | ZRLE            | Tight           |
|--------|----------------|--------|-----------------|-----------------|
| 0      | 0-2, none      | isal 2 |  2 ms, 182 kB   |  2 ms, 244 kB   |
| 1      | 3-5            | zlib 4 |  7 ms, 155 kB   | 20 ms, 210 kB   |
| 2      | 6-9            | zlib 6 | 13 ms, 146 kB   | 29 ms, 200 kB   |

Small data is cheap to compress harder: up to 4 KiB zlib 6 (20 us), in bucket 2 zlib 9 (140 us). Above
64 KiB, what isal shrinks by less than a quarter (photographs, noise) is not tried harder: zlib would spend up
to 5 ms on it to gain 2 %.
"""

from __future__ import annotations

import struct
import zlib

from isal import isal_zlib

SMALL_BYTES = 4096
_STUBBORN_BYTES = 1 << 16
_STUBBORN = 0.75
_ISAL_LEVEL = 2
_LEVELS = (None, 4, 6)
_SMALL_LEVELS = (6, 6, 9)
_STORED_MAX = 0xFFFF
_STORED = struct.Struct("<BHH")


def fragment(data: bytes | bytearray, bucket: int) -> bytes:
    """Return `data` deflated; never longer than `data` and 5 bytes for each 64 KiB begun."""
    if len(data) <= SMALL_BYTES:
        deflated = _zlib(data, _SMALL_LEVELS[bucket])
    else:
        deflated = _isal(data)
        level = _LEVELS[bucket]
        stubborn = len(data) > _STUBBORN_BYTES and len(deflated) > _STUBBORN * len(data)
        if level is not None and not stubborn:
            deflated = min(deflated, _zlib(data, level), key=len)
    blocks = -(-len(data) // _STORED_MAX)
    return deflated if len(deflated) <= len(data) + _STORED.size * blocks else _stored(data)


def _isal(data: bytes | bytearray) -> bytes:
    compressor = isal_zlib.compressobj(_ISAL_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
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
