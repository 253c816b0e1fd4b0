"""A viewer that decodes rectangles by the letter of the specification, and shares nothing with the encoders.

It decodes pixel by pixel, into the client's pixel values, and keeps the connection's zlib streams.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import simplejpeg

from mpvnc.pixels import PixelFormat


class Reader:
    """Takes bytes from the front of a buffer; fails if there are too few."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        assert len(taken) == count, "payload too short"
        self.at += count
        return taken

    def u8(self) -> int:
        return self.take(1)[0]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def end(self) -> None:
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes left over"


@dataclass
class Decoded:
    x: int
    y: int
    encoding: int
    values: np.ndarray  # (height, width): pixel values of the client; RGB triples if lossy
    lossy: bool = False
    control: int = 0  # Tight's control byte
    tiles: list[int] = field(default_factory=list)  # subencodings of ZRLE and Hextile


class Viewer:
    def __init__(self, fmt: PixelFormat) -> None:
        self.fmt = fmt
        self.zlib, self.zrle = zlib.decompressobj(), zlib.decompressobj()
        self.tight = [None] * 4

    def decode(self, data: bytes) -> Decoded:
        """Decode one rectangle, header and payload; all of it must be used."""
        x, y, width, height, encoding = struct.unpack(">HHHHi", data[:12])
        reader = Reader(data[12:])
        decoded = Decoded(x, y, encoding, np.full((height, width), -1, np.int64))
        method = {0: self._raw, 2: self._rre, 5: self._hextile, 6: self._zlib, 7: self._tight, 16: self._zrle}
        if encoding == 21:
            self._image(reader.take(len(data) - 12), decoded)
        else:
            method[encoding](reader, decoded)
        reader.end()
        assert (decoded.values >= 0).all(), "pixels left out"
        return decoded

    def _pixel(self, reader: Reader) -> int:
        order = "big" if self.fmt.big_endian else "little"
        return int.from_bytes(reader.take(self.fmt.bits_per_pixel // 8), order)

    def _cpixel(self, reader: Reader) -> int:
        used = 0
        for maximum, shift in self.fmt.channels:
            used |= maximum << shift
        low, high = used < 1 << 24, used & 0xFF == 0
        if self.fmt.bits_per_pixel != 32 or self.fmt.depth > 24 or not (low or high):
            return self._pixel(reader)
        value = int.from_bytes(reader.take(3), "big" if self.fmt.big_endian else "little")
        return value if low else value << 8

    def _tpixel(self, reader: Reader) -> int:
        fmt = self.fmt
        if (fmt.bits_per_pixel, fmt.depth) != (32, 24) or {m for m, _ in fmt.channels} != {255}:
            return self._pixel(reader)
        red, green, blue = reader.take(3)
        return red << fmt.red_shift | green << fmt.green_shift | blue << fmt.blue_shift

    def _plane(self, reader: Reader, pixel, decoded: Decoded) -> None:
        for at in product(*map(range, decoded.values.shape)):
            decoded.values[at] = pixel(reader)

    def _raw(self, reader: Reader, decoded: Decoded) -> None:
        self._plane(reader, self._pixel, decoded)

    def _rre(self, reader: Reader, decoded: Decoded) -> None:
        count = reader.u32()
        decoded.values[:] = self._pixel(reader)
        for _ in range(count):
            colour = self._pixel(reader)
            self._box(decoded.values, *struct.unpack(">HHHH", reader.take(8)), colour)

    @staticmethod
    def _box(plane: np.ndarray, x: int, y: int, width: int, height: int, colour: int) -> None:
        assert width > 0 and height > 0 and x + width <= plane.shape[1] and y + height <= plane.shape[0]
        plane[y : y + height, x : x + width] = colour

    def _hextile(self, reader: Reader, decoded: Decoded) -> None:
        background = foreground = None
        height, width = decoded.values.shape
        for y, x in product(range(0, height, 16), range(0, width, 16)):
            tile = decoded.values[y : y + 16, x : x + 16]
            flags = reader.u8()
            decoded.tiles.append(flags)
            if flags & 1:
                for at in product(*map(range, tile.shape)):
                    tile[at] = self._pixel(reader)
                background = foreground = None
                continue
            background = self._pixel(reader) if flags & 2 else background
            assert flags & 20 != 20, "foreground and coloured"
            foreground = self._pixel(reader) if flags & 4 else foreground
            tile[:] = background
            for _ in range(reader.u8() if flags & 8 else 0):
                colour = self._pixel(reader) if flags & 16 else foreground
                xy, wh = reader.take(2)
                self._box(tile, xy >> 4, xy & 15, (wh >> 4) + 1, (wh & 15) + 1, colour)
            foreground = None if flags & 16 else foreground

    def _zlib(self, reader: Reader, decoded: Decoded) -> None:
        inflated = Reader(self.zlib.decompress(reader.take(reader.u32())))
        self._plane(inflated, self._pixel, decoded)
        inflated.end()

    def _zrle(self, reader: Reader, decoded: Decoded) -> None:
        inflated = Reader(self.zrle.decompress(reader.take(reader.u32())))
        height, width = decoded.values.shape
        for y, x in product(range(0, height, 64), range(0, width, 64)):
            self._zrle_tile(inflated, decoded.values[y : y + 64, x : x + 64], decoded)
        inflated.end()

    def _zrle_tile(self, reader: Reader, tile: np.ndarray, decoded: Decoded) -> None:
        form = reader.u8()
        decoded.tiles.append(form)
        assert form not in range(17, 128) and form != 129
        palette = [self._cpixel(reader) for _ in range(form & 127)]
        cells = list(product(*map(range, tile.shape)))
        if form == 0:
            for at in cells:
                tile[at] = self._cpixel(reader)
        elif form == 1:
            tile[:] = palette[0]
        elif form < 128:
            self._packed(reader, tile, palette, 1 if form == 2 else 2 if form <= 4 else 4)
        while form >= 128 and cells:
            colour, length = self._run(reader, palette)
            assert length <= len(cells)
            for at in cells[:length]:
                tile[at] = colour
            del cells[:length]

    def _run(self, reader: Reader, palette: list[int]) -> tuple[int, int]:
        if palette:
            place = reader.u8()
            colour = palette[place & 127]
            if place < 128:
                return colour, 1
        else:
            colour = self._cpixel(reader)
        length = 1
        while (byte := reader.u8()) == 255:
            length += 255
        return colour, length + byte

    @staticmethod
    def _packed(reader: Reader, tile: np.ndarray, palette: list[int], bits: int) -> None:
        height, width = tile.shape
        for y in range(height):
            row = int.from_bytes(reader.take(-(-width * bits // 8)), "big")
            padding = -width * bits % 8
            for x in range(width):
                tile[y, x] = palette[row >> padding + bits * (width - 1 - x) & (1 << bits) - 1]

    def _tight(self, reader: Reader, decoded: Decoded) -> None:
        control = decoded.control = reader.u8()
        for stream in range(4):
            if control >> stream & 1:
                self.tight[stream] = zlib.decompressobj()
        _, width = decoded.values.shape
        assert width <= 2048
        if control >> 4 == 8:
            decoded.values[:] = self._tpixel(reader)
        elif control >> 4 == 9:
            self._image(reader.take(self._length(reader)), decoded)
        else:
            assert control < 0x80, "unknown compression"
            self._tight_basic(reader, control, decoded)

    def _tight_basic(self, reader: Reader, control: int, decoded: Decoded) -> None:
        height, width = decoded.values.shape
        palette = []
        if control & 0x40 and reader.u8() == 1:
            palette = [self._tpixel(reader) for _ in range(reader.u8() + 1)]
            assert len(palette) > 1
        pixel_bytes = self._tpixel_bytes()
        size = (
            -(-width // 8) * height if len(palette) == 2 else width * height * (1 if palette else pixel_bytes)
        )
        if size < 12:
            data = reader.take(size)
        else:
            inflater = self.tight[control >> 4 & 3]
            data = inflater.decompress(reader.take(self._length(reader)))
        assert len(data) == size
        inflated = Reader(data)
        if len(palette) == 2:
            self._packed(inflated, decoded.values, palette, 1)
        elif palette:
            self._plane(inflated, lambda from_: palette[from_.u8()], decoded)
        else:
            self._plane(inflated, self._tpixel, decoded)

    def _tpixel_bytes(self) -> int:
        probe = Reader(bytes(4))
        self._tpixel(probe)
        return probe.at

    @staticmethod
    def _length(reader: Reader) -> int:
        length = 0
        for shift, mask in ((0, 0x7F), (7, 0x7F), (14, 0xFF)):
            byte = reader.u8()
            length |= (byte & mask) << shift
            if shift == 14 or byte < 128:
                break
        return length

    @staticmethod
    def _image(data: bytes, decoded: Decoded) -> None:
        assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
        decoded.values = simplejpeg.decode_jpeg(data, "RGB").astype(np.int64)
        decoded.lossy = True
