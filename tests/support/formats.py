"""Pixel formats worth testing: every pixel size, both byte orders, odd shifts, odd maxima, depth traps."""

from tests.support.pixelformat import PixelFormat

BGRX = PixelFormat(32, 24, False, True, 255, 255, 255, 16, 8, 0)
"""What mpvnc announces: in memory B, G, R, 0."""
RGBX = PixelFormat(32, 24, False, True, 255, 255, 255, 0, 8, 16)
RGB565 = PixelFormat(16, 16, False, True, 31, 63, 31, 11, 5, 0)
RGB332 = PixelFormat(8, 8, False, True, 7, 7, 3, 5, 2, 0)

FORMATS: dict[str, PixelFormat] = {
    "bgrx": BGRX,
    "rgbx": RGBX,
    "xbgr": PixelFormat(32, 24, False, True, 255, 255, 255, 24, 16, 8),
    "bgrx-big": BGRX._replace(big_endian=True),
    "rgbx-big": RGBX._replace(big_endian=True),
    "xbgr-big": PixelFormat(32, 24, True, True, 255, 255, 255, 24, 16, 8),
    "depth32": BGRX._replace(depth=32),
    "depth32-big": BGRX._replace(depth=32, big_endian=True),
    "spread": PixelFormat(32, 24, False, True, 255, 255, 255, 24, 8, 0),
    "30bit": PixelFormat(32, 30, False, True, 1023, 1023, 1023, 20, 10, 0),
    "32bit-depth16": PixelFormat(32, 16, False, True, 31, 63, 31, 11, 5, 0),
    "32bit-max127": PixelFormat(32, 21, False, True, 127, 127, 127, 14, 7, 0),
    "32bit-max7": PixelFormat(32, 9, True, True, 7, 7, 7, 6, 3, 0),
    "rgb565": RGB565,
    "rgb565-big": RGB565._replace(big_endian=True),
    "rgb555": PixelFormat(16, 15, False, True, 31, 31, 31, 10, 5, 0),
    "bgr555-big": PixelFormat(16, 15, True, True, 31, 31, 31, 0, 5, 10),
    "rgb332": RGB332,
    "bgr233": PixelFormat(8, 8, False, True, 7, 7, 3, 0, 3, 6),
    "rgb222": PixelFormat(8, 6, False, True, 3, 3, 3, 4, 2, 0),
}

LOSSLESS_24 = tuple(
    name for name, fmt in FORMATS.items() if min(fmt.red_max, fmt.green_max, fmt.blue_max) >= 255
)
"""Names of the formats that carry every 24-bit colour exactly."""
