"""The viewer's own PIXEL_FORMAT (RFC 6143 section 7.4): pixel values from bytes, colours from pixel values.

Images here are arrays of shape (height, width), dtype uint32: client pixel values, or 0x00RRGGBB where it
says rgb. The fields stand in the order of `mpvnc.pixels.PixelFormat`: a test can build one from the other.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint32]

_STRUCT = struct.Struct(">BBBBHHHBBB3x")


class PixelFormat(NamedTuple):
    """The fields of a PIXEL_FORMAT, in the order of the wire."""

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
        """Read the 16 bytes of a PIXEL_FORMAT."""
        bpp, depth, big, true, *channels = _STRUCT.unpack(data)
        return cls(bpp, depth, bool(big), bool(true), *channels)

    def to_bytes(self) -> bytes:
        """Return the 16 bytes of the PIXEL_FORMAT."""
        return _STRUCT.pack(*self)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a PIXEL."""
        return self.bits_per_pixel // 8

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """(max, shift) of red, green and blue."""
        return tuple(zip(self[4:7], self[7:10], strict=True))

    @property
    def mask(self) -> int:
        """The bits of a pixel value that carry colour; a well-behaved server sets no others."""
        bits = 0
        for maximum, shift in self.channels:
            bits |= maximum << shift
        return bits

    @property
    def has_tpixel(self) -> bool:
        """Whether Tight packs a pixel into three bytes R, G, B (rfbproto "Tight Encoding")."""
        return self.true_colour and self[0:2] == (32, 24) and self[4:7] == (255, 255, 255)

    @property
    def cpixel(self) -> str:
        """'low' or 'high' if ZRLE sends only those three bytes of a value, else 'whole' (RFC 6143 7.7.6)."""
        if not (self.true_colour and self.bits_per_pixel == 32 and self.depth <= 24):
            return "whole"
        if self.mask <= 0xFFFFFF:
            return "low"
        return "high" if self.mask & 0xFF == 0 else "whole"

    @property
    def cpixel_bytes(self) -> int:
        """Bytes of a CPIXEL."""
        return self.pixel_bytes if self.cpixel == "whole" else 3

    @property
    def tpixel_bytes(self) -> int:
        """Bytes of a TPIXEL."""
        return 3 if self.has_tpixel else self.pixel_bytes

    def pixels(self, data: bytes) -> Image:
        """Return the values of a PIXEL array, flat."""
        order = ">" if self.big_endian else "<"
        return np.frombuffer(data, dtype=f"{order}u{self.pixel_bytes}").astype(np.uint32)

    def cpixels(self, data: bytes) -> Image:
        """Return the values of a CPIXEL array, flat; the byte that is not sent is 0."""
        if self.cpixel == "whole":
            return self.pixels(data)
        values = _three_bytes(data, most_significant_first=self.big_endian)
        return values if self.cpixel == "low" else values << np.uint32(8)

    def tpixels(self, data: bytes) -> Image:
        """Return the values of a TPIXEL array, flat."""
        if not self.has_tpixel:
            return self.pixels(data)
        return self.from_rgb(_three_bytes(data, most_significant_first=True))

    def to_rgb(self, values: Image) -> Image:
        """Return 0x00RRGGBB for pixel values: each channel scaled to 0-255 with rounding."""
        rgb = np.zeros(values.shape, np.uint32)
        for (maximum, shift), position in zip(self.channels, (16, 8, 0), strict=True):
            channel = (values >> np.uint32(shift)) & np.uint32(maximum)
            scaled = (channel.astype(np.uint64) * 255 + maximum // 2) // maximum
            rgb |= scaled.astype(np.uint32) << np.uint32(position)
        return rgb

    def from_rgb(self, rgb: Image) -> Image:
        """Return pixel values for 0x00RRGGBB: each channel scaled from 0-255 with rounding."""
        values = np.zeros(rgb.shape, np.uint32)
        for (maximum, shift), position in zip(self.channels, (16, 8, 0), strict=True):
            channel = (rgb >> np.uint32(position)) & np.uint32(255)
            scaled = (channel.astype(np.uint64) * maximum + 127) // 255
            values |= scaled.astype(np.uint32) << np.uint32(shift)
        return values

    def wire(self, values: Image) -> bytes:
        """Return pixel values as a PIXEL array."""
        order = ">" if self.big_endian else "<"
        return values.astype(f"{order}u{self.pixel_bytes}").tobytes()


def _three_bytes(data: bytes, *, most_significant_first: bool) -> Image:
    columns = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.uint32)
    if not most_significant_first:
        columns = columns[:, ::-1]
    return (columns[:, 0] << np.uint32(16)) | (columns[:, 1] << np.uint32(8)) | columns[:, 2]
