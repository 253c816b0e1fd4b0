"""Pseudo-encodings that carry no pixels of the framebuffer: parsers of their rectangles.

Each returns the event to report. LastRect is the update's own business and stands in updates.py.
"""

from __future__ import annotations

import struct

from tests.support.decoders.base import Rect
from tests.support.errors import ProtocolViolation
from tests.support.events import CursorShape, Renamed, Resized, Screen
from tests.support.pixelformat import PixelFormat
from tests.support.wire import Parser

DESKTOP_SIZE, LAST_RECT, CURSOR, DESKTOP_NAME, EXTENDED_DESKTOP_SIZE = -223, -224, -239, -307, -308
MAX_NAME_BYTES = 1 << 16
MAX_CURSOR_SIDE = 1024


def cursor(rect: Rect, fmt: PixelFormat) -> Parser[CursorShape]:
    """Read RFC 6143 section 7.8.1: pixels, then a bitmask with padded rows."""
    if max(rect.width, rect.height) > MAX_CURSOR_SIDE:
        raise ProtocolViolation(f"a cursor of {rect.width}x{rect.height}")
    if rect.area and not (rect.x < rect.width and rect.y < rect.height):
        raise ProtocolViolation(
            f"hotspot {rect.x},{rect.y} outside of a cursor of {rect.width}x{rect.height}"
        )
    pixels = yield rect.area * fmt.pixel_bytes
    mask = yield (rect.width + 7) // 8 * rect.height
    return CursorShape(*rect, pixels, mask)


def desktop_name(rect: Rect) -> Parser[Renamed]:
    """Read rfbproto "DesktopName Pseudo-encoding": position and size are 0, UTF-8."""
    if rect != Rect(0, 0, 0, 0):
        raise ProtocolViolation(f"DesktopName with {rect}")
    (length,) = struct.unpack(">I", (yield 4))
    if length > MAX_NAME_BYTES:
        raise ProtocolViolation(f"a name of {length} bytes")
    try:
        return Renamed((yield length).decode())
    except UnicodeDecodeError as error:
        raise ProtocolViolation(f"DesktopName: {error}") from error


def extended_desktop_size(rect: Rect) -> Parser[Resized]:
    """Read rfbproto "ExtendedDesktopSize Pseudo-encoding": reason in x, status in y, unique ids."""
    (count,) = struct.unpack(">B3x", (yield 4))
    data = yield count * 16
    screens = tuple(Screen(*fields) for fields in struct.iter_unpack(">IHHHHI", data))
    size = Resized(rect.width, rect.height, rect.x, rect.y, screens)
    if rect.y != 0:
        return size
    if len({screen.id for screen in screens}) != count or count == 0:
        raise ProtocolViolation(f"screens {screens}: ids are not unique, or there is none")
    for screen in screens:
        area = Rect(screen.x, screen.y, screen.width, screen.height)
        if area.area == 0 or not area.within(rect.width, rect.height):
            raise ProtocolViolation(f"{screen} is not within {rect.width}x{rect.height}")
    return size
