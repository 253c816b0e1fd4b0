"""Scenes to serve and to compare with: arrays (height, width) of 0x00RRGGBB, the same bytes on every run.

Nothing here uses a random generator of a library or a font of the machine: noise and glyphs come from an
integer hash.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.pixelformat import Image, PixelFormat

Scene = Callable[[int, int], Image]
_GLYPH_WIDTH, _GLYPH_HEIGHT = 5, 7
_CELL_WIDTH, _CELL_HEIGHT = 7, 12


def pack(red: Image, green: Image, blue: Image) -> Image:
    """Return 0x00RRGGBB of three arrays (or scalars) of 0-255."""
    parts = (np.asarray(part, np.uint32) & np.uint32(255) for part in (red, green, blue))
    r, g, b = parts
    packed: Image = (r << np.uint32(16)) | (g << np.uint32(8)) | b
    return packed


def hashed(count: int, seed: int = 0) -> Image:
    """Return `count` well-mixed 32-bit numbers, a function of the seed alone."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(seed * 0x9E3779B1 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def golden(width: int = 320, height: int = 200) -> Image:
    """Return the golden surface: R = x & 255, G = y & 255, B = (x ^ y) & 255."""
    y, x = np.indices((height, width), dtype=np.uint32)
    return pack(x, y, x ^ y)


def solid(width: int = 320, height: int = 200, colour: int = 0x336699) -> Image:
    """Return one colour."""
    return np.full((height, width), colour, np.uint32)


def odd_pixel(width: int = 320, height: int = 200) -> Image:
    """Return one colour, but for a single pixel off the centre."""
    image = solid(width, height)
    image[height // 3, width * 2 // 3] = 0x336698
    return image


def checkerboard(width: int = 320, height: int = 200, side: int = 5) -> Image:
    """Return two colours in squares that fit no tile."""
    y, x = np.indices((height, width))
    return np.where((x // side + y // side) % 2 == 0, 0xFFFFFF, 0x102030).astype(np.uint32)


def noise(width: int = 320, height: int = 200, seed: int = 1) -> Image:
    """Return an incompressible picture."""
    return hashed(width * height, seed).reshape(height, width) & np.uint32(0xFFFFFF)


def palette(width: int = 320, height: int = 200, colours: int = 12, seed: int = 3) -> Image:
    """Return short runs of so many colours."""
    table = noise(colours, 1, seed)[0]
    index = np.repeat(hashed(width * height, seed + 1) % np.uint32(colours), 3)[: width * height]
    picture: Image = table[index].reshape(height, width)
    return picture


def text(width: int = 320, height: int = 200, seed: int = 5) -> Image:
    """Return dark glyphs of a made-up 5x7 font in lines on white, with a few coloured words."""
    image = solid(width, height, 0xFFFFFF)
    font = (hashed(64 * _GLYPH_HEIGHT * _GLYPH_WIDTH, seed) >> np.uint32(9)) % np.uint32(5) < 2
    glyphs = font.reshape(64, _GLYPH_HEIGHT, _GLYPH_WIDTH)
    columns, lines = max(width // _CELL_WIDTH, 1), max(height // _CELL_HEIGHT, 1)
    letters = hashed(columns * lines, seed + 1).reshape(lines, columns)
    for line, column in np.ndindex(lines, columns):
        letter = int(letters[line, column])
        if letter % 6 == 0 or column > columns - letter % 9:
            continue
        ink = (0x202020, 0x0040A0, 0x202020, 0xA00000)[line % 4 if column < 9 else 0]
        top, left = line * _CELL_HEIGHT + 2, column * _CELL_WIDTH + 1
        cell = image[top : top + _GLYPH_HEIGHT, left : left + _GLYPH_WIDTH]
        cell[glyphs[letter >> 8 & 63][: cell.shape[0], : cell.shape[1]]] = ink
    return image


def photo(width: int = 320, height: int = 200) -> Image:
    """Return smooth shades with a little grain: what JPEG is for."""
    y, x = np.indices((height, width)).astype(np.float64)
    red = 128 + 90 * np.sin(x / 37) * np.cos(y / 29)
    green = 110 + 80 * np.cos((x + y) / 53)
    blue = 140 + 70 * np.sin(np.hypot(x - width / 2, y - height / 2) / 31)
    grain = (hashed(width * height, 7).reshape(height, width) % np.uint32(7)).astype(np.float64) - 3
    channels = [np.clip(channel + grain, 0, 255).astype(np.uint32) for channel in (red, green, blue)]
    return pack(*channels)


SCENES: dict[str, Scene] = {
    "golden": golden,
    "solid": solid,
    "odd_pixel": odd_pixel,
    "checkerboard": checkerboard,
    "noise": noise,
    "palette": palette,
    "text": text,
    "photo": photo,
}


def representable(scene: Image, fmt: PixelFormat) -> Image:
    """Return the scene in colours that `fmt` carries exactly: a server's rounding rule cannot matter."""
    return fmt.to_rgb(fmt.from_rgb(scene))


def psnr(first: Image, second: Image) -> float:
    """Return the peak signal-to-noise ratio in dB over the three channels; infinite if equal."""
    errors = []
    for shift in (16, 8, 0):
        a, b = (image >> np.uint32(shift) & np.uint32(255) for image in (first, second))
        errors.append(np.mean((a.astype(np.float64) - b) ** 2))
    error = float(np.mean(errors))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))
