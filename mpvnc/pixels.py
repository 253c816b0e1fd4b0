"""Pixels in memory and on the wire: the array types and the client's PixelFormat.

A framebuffer is an array of shape (height, width), dtype u4: 0x00RRGGBB, which in memory reads B, G, R, 0.
Whoever hands pixels to an encoder has cleared the top byte. Views may have any row stride; the pixels of a
row are contiguous.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpvnc.errors import ProtocolError

Pixels = npt.NDArray[np.uint32]
"""(height, width), 0x00RRGGBB; a view that is not to be modified unless it says so."""

Wire = npt.NDArray[np.unsignedinteger]
"""(height, width), C-contiguous, dtype u1, u2 or u4: pixel values whose bytes are in the client's order."""

_FORMAT = struct.Struct(">BBBBHHHBBB3x")
PIXEL_FORMAT_BYTES = _FORMAT.size


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a client wants its pixels. RFC 6143 section 7.4 (PIXEL_FORMAT)."""

    bits_per_pixel: int
    depth: int
    big_endian: bool
    true_colour: bool
    red_max: int
    green_max: int
    blue_max: int
    red_shift: int
    green_shift: int
    blue_shift: int

    @classmethod
    def from_bytes(cls, data: bytes) -> PixelFormat:
        """Read the 16 bytes of a PIXEL_FORMAT.

        Raises: ProtocolError if no pixel can be written that way: bits per pixel other than 8, 16 or 32, a
        depth beyond them, a maximum of 0, or channels outside the pixel or over each other.
        """
        bpp, depth, big, true_colour, *channels = _FORMAT.unpack(data)
        fmt = cls(bpp, depth, bool(big), bool(true_colour), *channels)
        fmt._check(data)
        return fmt

    def to_bytes(self) -> bytes:
        """Return the 16 bytes of the PIXEL_FORMAT."""
        return _FORMAT.pack(
            self.bits_per_pixel, self.depth, self.big_endian, self.true_colour,
            self.red_max, self.green_max, self.blue_max,
            self.red_shift, self.green_shift, self.blue_shift,
        )  # fmt: skip

    @property
    def bytes_per_pixel(self) -> int:
        """1, 2 or 4."""
        return self.bits_per_pixel // 8

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """(maximum, shift) of red, green and blue."""
        return (
            (self.red_max, self.red_shift),
            (self.green_max, self.green_shift),
            (self.blue_max, self.blue_shift),
        )

    @property
    def is_native(self) -> bool:
        """Whether the framebuffer's own bytes are what the client wants."""
        return self.bits_per_pixel == 32 and not self.big_endian and self.channels == NATIVE.channels

    @property
    def has_tpixel(self) -> bool:
        """Whether Tight sends its pixels as three bytes R, G, B (rfbproto "Tight Encoding", TPIXEL)."""
        maxima = (self.red_max, self.green_max, self.blue_max)
        return self.bits_per_pixel == 32 and self.depth == 24 and maxima == (255, 255, 255)

    @property
    def cpixel(self) -> slice:
        """The bytes of a pixel that ZRLE sends (RFC 6143 section 7.7.5, CPIXEL)."""
        whole = slice(0, self.bytes_per_pixel)
        if self.bits_per_pixel != 32 or self.depth > 24:
            return whole
        used = 0
        for maximum, shift in self.channels:
            used |= (1 << maximum.bit_length()) - 1 << shift
        fits_low, fits_high = used < 1 << 24, used & 0xFF == 0
        if not (fits_low or fits_high):
            return whole
        return slice(0, 3) if fits_low != self.big_endian else slice(1, 4)

    def _check(self, data: bytes) -> None:
        def refuse(why: str) -> ProtocolError:
            return ProtocolError(f"pixel format {data.hex(' ')}: {why}")

        if self.bits_per_pixel not in (8, 16, 32):
            raise refuse(f"{self.bits_per_pixel} bits per pixel, expected 8, 16 or 32")
        if not 1 <= self.depth <= self.bits_per_pixel:
            raise refuse(f"depth {self.depth}, expected 1 to {self.bits_per_pixel}")
        if not self.true_colour:
            return
        used = 0
        for maximum, shift in self.channels:
            if maximum == 0:
                raise refuse("a channel's maximum is 0")
            mask = ((1 << maximum.bit_length()) - 1) << shift
            if mask >> self.bits_per_pixel:
                raise refuse(f"maximum {maximum} shifted by {shift} lies outside the pixel")
            if used & mask:
                raise refuse("channels overlap")
            used |= mask


NATIVE = PixelFormat(32, 24, False, True, 255, 255, 255, 16, 8, 0)
"""The framebuffer's own format, announced in ServerInit."""


def convert(pixels: Pixels, fmt: PixelFormat) -> Wire:
    """Return a C-contiguous copy of `pixels` in the client's format (true colour only).

    A channel is scaled with rounding, `(value * maximum + 127) // 255`, so that white has every bit of every
    channel set and nothing else.
    """
    dtype = np.dtype(f"u{fmt.bytes_per_pixel}").newbyteorder(">" if fmt.big_endian else "<")
    if fmt.is_native:
        return np.array(pixels, dtype=dtype, order="C")
    wire = np.zeros(pixels.shape, np.uint32)
    for (maximum, shift), position in zip(fmt.channels, (16, 8, 0), strict=True):
        wire |= _scaled(maximum)[(pixels >> position) & 0xFF] << np.uint32(shift)
    return wire.astype(dtype)


def _scaled(maximum: int) -> npt.NDArray[np.uint32]:
    return ((np.arange(256, dtype=np.uint32) * maximum + 127) // 255).astype(np.uint32)
