"""The wire class of a client: all that the bytes of its rectangles depend on, and nothing else.

Clients of one class get the same bytes, so a class is equal to another if and only if they encode everything
alike: what an encoding does not use is normalised away. Owns the choice of the encoding from a client's
SetEncodings (RFC 6143 section 7.5.2: in order of preference) and the meaning of the quality and compression
levels (rfbproto "JPEG Quality Level Pseudo-encoding", "Compression Level Pseudo-encoding").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from mpvnc.constants import Encoding
from mpvnc.encodings.layout import Layout, canonical, layout
from mpvnc.pixels import PixelFormat

PIXEL_ENCODINGS = frozenset(
    {
        Encoding.RAW,
        Encoding.RRE,
        Encoding.HEXTILE,
        Encoding.ZLIB,
        Encoding.TIGHT,
        Encoding.ZRLE,
        Encoding.JPEG,
    }
)
"""What `encode` can make."""

DEFAULT_QUALITY = 6
"""Of a client that lists nothing but JPEG and Raw, and no level."""

_DEFLATING = frozenset({Encoding.ZLIB, Encoding.TIGHT, Encoding.ZRLE})
_BUCKETS = (0, 0, 0, 1, 1, 1, 2, 2, 2, 2)


@dataclass(frozen=True, slots=True)
class WireOptions:
    """What the configuration allows: the encodings, and the bounds of the clients' compression buckets."""

    encodings: frozenset[Encoding] = PIXEL_ENCODINGS
    jpeg: bool = True
    compression_min: int = 0
    compression_default: int = 0
    compression_max: int = 2


DEFAULT_OPTIONS = WireOptions()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class WireClass:
    """How rectangles are encoded. Made by `intern` only: two of equal content are the same object.

    encoding: what rectangles are primarily sent as.
    fallback: what everything but photographs is sent as when `encoding` is JPEG; else the same.
    format: the canonical pixel format of the encoding (of the fallback, if that differs).
    quality: JPEG level 0-9; None if nothing may be lossy.
    compression: bucket 0, 1 or 2 (see `mpvnc.encodings.deflate`).
    layout: the format, ready to use.
    """

    encoding: Encoding
    fallback: Encoding
    format: PixelFormat
    quality: int | None
    compression: int
    layout: Layout

    def with_quality(self, quality: int | None) -> WireClass:
        """Return the class of the same client on another rung of quality; None for lossless.

        A class without a quality level stays as it is: its clients never agreed to losses.
        """
        if self.quality is None:
            return self
        return intern(self.encoding, self.fallback, self.format, quality, self.compression)


_Key = tuple[Encoding, Encoding, PixelFormat, int | None, int]
_classes: WeakValueDictionary[_Key, WireClass] = WeakValueDictionary()


def wire_class(
    fmt: PixelFormat, encodings: Sequence[int], *, options: WireOptions = DEFAULT_OPTIONS
) -> WireClass:
    """Return the class of a client by its pixel format and its SetEncodings list, in its order.

    The first usable encoding is the primary one; Raw if none is. JPEG is usable at 32 bits per pixel by
    clients that gave a quality level, or have nothing but JPEG and Raw. Tight holds JPEG under the same
    conditions. Unknown numbers are skipped. Of several levels the first counts.
    """
    listed = [Encoding(number) for number in encodings if number in PIXEL_ENCODINGS]
    may_lose = options.jpeg and fmt.bits_per_pixel == 32
    quality = _level(encodings, Encoding.JPEG_QUALITY_LEVEL_0) if may_lose else None
    if may_lose and quality is None and set(listed) <= {Encoding.JPEG, Encoding.RAW}:
        quality = DEFAULT_QUALITY
    usable = [
        encoding
        for encoding in listed
        if encoding in options.encodings and (encoding is not Encoding.JPEG or quality is not None)
    ]
    level = _level(encodings, Encoding.COMPRESSION_LEVEL_0)
    bucket = options.compression_default if level is None else compression_bucket(level)
    bucket = min(max(bucket, options.compression_min), options.compression_max)
    primary = usable[0] if usable else Encoding.RAW
    fallback = next((encoding for encoding in usable if encoding is not Encoding.JPEG), Encoding.RAW)
    return intern(primary, fallback, fmt, quality, bucket)


def compression_bucket(level: int) -> int:
    """Return the bucket of a compression level 0-9."""
    return _BUCKETS[level]


def intern(
    encoding: Encoding, fallback: Encoding, fmt: PixelFormat, quality: int | None, compression: int
) -> WireClass:
    """Return the one class of this content, normalised; `fmt` may be any true-colour format.

    JPEG without a quality level is its fallback.
    """
    if encoding is Encoding.JPEG and quality is None:
        encoding = fallback
    if encoding is not Encoding.JPEG:
        fallback = encoding
    if encoding not in (Encoding.JPEG, Encoding.TIGHT):
        quality = None
    if fallback not in _DEFLATING:
        compression = 0
    fmt = canonical(fmt, fallback)
    key = (encoding, fallback, fmt, quality, compression)
    known = _classes.get(key)
    if known is None:
        known = _classes[key] = WireClass(*key, layout(fmt))
    return known


def _level(encodings: Sequence[int], lowest: Encoding) -> int | None:
    return next((number - lowest for number in encodings if 0 <= number - lowest <= 9), None)
