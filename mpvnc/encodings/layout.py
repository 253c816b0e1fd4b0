"""How a pixel lies in the bytes of an encoding: canonical pixel formats, and pixels as units for the kernels.

Several PIXEL_FORMATs, and the shortened pixels of ZRLE (CPIXEL, RFC 6143 section 7.7.6) and Tight (TPIXEL,
rfbproto "Tight Encoding"), come down to the same bytes. A canonical format is one name for each such set.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from mpvnc.constants import Encoding
from mpvnc.kernels import coding
from mpvnc.pixels import PixelFormat, Pixels

_TPIXEL = PixelFormat(24, 24, False, True, 255, 255, 255, 0, 8, 16)


def canonical(fmt: PixelFormat, encoding: Encoding) -> PixelFormat:
    """Return the format that stands for all whose pixels have the same bytes under `encoding`.

    Its bits_per_pixel are those that are sent (24 for a shortened pixel) and its depth equals them; it is
    little-endian unless a channel straddles bytes.
    """
    if encoding is Encoding.TIGHT and fmt.has_tpixel:
        return _TPIXEL
    sent = fmt.cpixel if encoding is Encoding.ZRLE else slice(0, fmt.bytes_per_pixel)
    size = sent.stop - sent.start
    dropped = fmt.bytes_per_pixel - sent.stop if fmt.big_endian else sent.start
    shifts = [shift - 8 * dropped for _, shift in fmt.channels]
    big_endian = size > 1 and fmt.big_endian
    if big_endian and not any(map(_straddles, fmt.channels)):
        big_endian = False
        shifts = [8 * (size - 1 - shift // 8) + shift % 8 for shift in shifts]
    red, green, blue = shifts
    return replace(
        fmt, bits_per_pixel=8 * size, depth=8 * size, big_endian=big_endian,
        red_shift=red, green_shift=green, blue_shift=blue,
    )  # fmt: skip


def _straddles(channel: tuple[int, int]) -> bool:
    maximum, shift = channel
    return shift // 8 != (shift + maximum.bit_length() - 1) // 8


class Layout:
    """Turns framebuffer pixels into units (see `mpvnc.kernels.coding_numpy`) of one canonical format.

    `size` bytes of a unit are sent, in reverse if `reverse`. Formats that only reorder the framebuffer's own
    bytes need no conversion: their units are the pixels themselves.
    """

    __slots__ = ("_tables", "reverse", "size")

    def __init__(self, fmt: PixelFormat) -> None:
        self.size = fmt.bytes_per_pixel
        shifts = [(255, shift) for shift in (16, 8, 0)]
        turned = [(255, 8 * self.size - 8 - shift) for _, shift in shifts]
        self.reverse = not fmt.big_endian and list(fmt.channels) == turned
        plain = self.reverse or (not fmt.big_endian and list(fmt.channels) == shifts)
        self._tables = None if plain else _tables(fmt)

    def units(self, pixels: Pixels) -> Pixels:
        """Return the units of `pixels`; it may be `pixels` itself, which is not to be modified."""
        return pixels if self._tables is None else coding.convert(pixels, self._tables)

    def pack(self, units: Pixels) -> bytearray:
        """Return the bytes of units, row by row."""
        return coding.pack(units, self.size, self.reverse)


@lru_cache(maxsize=256)
def layout(fmt: PixelFormat) -> Layout:
    """Return the layout of a canonical format."""
    return Layout(fmt)


def _tables(fmt: PixelFormat) -> Pixels:
    """Return what each value of red, green and blue adds to a unit: (3, 256) u4.

    A channel is scaled with rounding, as in `mpvnc.pixels.convert`.
    """
    value = np.arange(256, dtype=np.uint32)
    tables = np.stack([((value * maximum + 127) // 255) << shift for maximum, shift in fmt.channels])
    tables = tables.astype(np.uint32)
    if fmt.big_endian:
        tables = tables.byteswap() >> np.uint32(32 - fmt.bits_per_pixel)
    return tables
