"""Deflate fragments that can be spliced into anybody's zlib stream, at any place.

A fragment comes from a fresh raw compressor and is flushed: it never refers back, and it ends on a byte
boundary. RFC 1951 only; whoever begins a stream writes the zlib header (`base.ZLIB_HEADER`).

Buckets of effort, with what they cost and make of 1080p of text on top of the encoding (Xeon, one core):

| bucket | client's level | how    | ZRLE            | Tight           |
|--------|----------------|--------|-----------------|-----------------|
| 0      | 0-2, none      | isal 2 |  2 ms, 182 kB   |  2 ms, 244 kB   |
| 1      | 3-5            | zlib 4 |  7 ms, 155 kB   | 20 ms, 210 kB   |
| 2      | 6-9            | zlib 6 | 13 ms, 146 kB   | 29 ms, 200 kB   |

Small data is cheap to compress harder: up to 4 KiB zlib 6 (20 us), in bucket 2 zlib 9 (140 us). Photographs,
which isal shrinks to no less than 55 %, get zlib 1: it makes them 14 % smaller, for 20 us per KiB once; 6 makes
3 % more of that. No level is always the best: more effort keeps the shorter result. Noise is not tried harder.
"""

from __future__ import annotations

import struct
import zlib

from isal import isal_zlib

SMALL_BYTES = 4096
_SAMPLE_BYTES = 16384
_PHOTO = 0.55
_NOISE = 0.97
_ISAL_LEVEL = 2
_EFFORTS: tuple[tuple[int | None, ...], ...] = ((None,), (None, 4), (None, 6))
_SMALL_LEVELS = (6, 6, 9)
_SMALL_MEMORY = (12, 6)
"""A window of 4 KiB, which loses nothing on so little data; the usual 256 KiB cost more to clear than to fill."""
_PHOTO_LEVEL, _PHOTO_MEMORY = 1, (14, 9)
"""Half the usual window and twice the hash table: a tenth faster there, and as short within 1.5 %."""
_PHOTO_EFFORTS = ((_PHOTO_LEVEL,), (_PHOTO_LEVEL,), (_PHOTO_LEVEL, 6))
_STORED_MAX = 0xFFFF
_STORED = struct.Struct("<BHH")


def fragment(data: bytes | bytearray, bucket: int) -> bytes:
    """Return `data` deflated; never longer than `data` and 5 bytes for each 64 KiB begun."""
    if len(data) <= SMALL_BYTES:
        deflated = _zlib(data, _SMALL_LEVELS[bucket], *_SMALL_MEMORY)
    else:
        deflated = min((_deflated(data, level) for level in _efforts(data, bucket)), key=len)
    blocks = -(-len(data) // _STORED_MAX)
    return deflated if len(deflated) <= len(data) + _STORED.size * blocks else _stored(data)


def _efforts(data: bytes | bytearray, bucket: int) -> tuple[int | None, ...]:
    """Return the levels of zlib to try, judged by a part of the data; None is isal."""
    middle = max(len(data) - _SAMPLE_BYTES, 0) // 2
    sample = data[middle : middle + _SAMPLE_BYTES]
    ratio = len(_isal(sample)) / len(sample)
    if ratio > _NOISE:
        return (None,)
    return (_PHOTO_EFFORTS if ratio > _PHOTO else _EFFORTS)[bucket]


def _deflated(data: bytes | bytearray, level: int | None) -> bytes:
    if level is None:
        return _isal(data)
    return _zlib(data, level, *(_PHOTO_MEMORY if level == _PHOTO_LEVEL else ()))


def _isal(data: bytes | bytearray) -> bytes:
    compressor = isal_zlib.compressobj(_ISAL_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    return bytes(compressor.compress(data) + compressor.flush(isal_zlib.Z_SYNC_FLUSH))


def _zlib(
    data: bytes | bytearray, level: int, window_bits: int = zlib.MAX_WBITS, memory: int = zlib.DEF_MEM_LEVEL
) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits, memory)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def _stored(data: bytes | bytearray) -> bytes:
    """Return stored blocks (RFC 1951 section 3.2.4), none of them the stream's last."""
    parts: list[bytes | bytearray] = []
    for start in range(0, len(data), _STORED_MAX):
        block = data[start : start + _STORED_MAX]
        parts += (_STORED.pack(0, len(block), len(block) ^ 0xFFFF), block)
    return b"".join(parts)
