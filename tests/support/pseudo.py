"""Pseudo-encodings that carry no pixels of the framebuffer: parsers of their rectangles.

Each returns the event to report. LastRect is the update's own business and stands in updates.py.
"""

from __future__ import annotations

import struct

from tests.support.decoders.base import Rect
from tests.support.errors import ProtocolViolation
from tests.support.events import (
    AlphaCursor,
    CursorShape,
    PointerMoved,
    Renamed,
    Resized,
    Screen,
    TwoColourCursor,
)
from tests.support.pixelformat import PixelFormat
from tests.support.wire import Parser

X_CURSOR, CURSOR_WITH_ALPHA, POINTER_POS = -240, -314, -232
DESKTOP_SIZE, LAST_RECT, CURSOR, DESKTOP_NAME, EXTENDED_DESKTOP_SIZE = -223, -224, -239, -307, -308
MAX_NAME_BYTES = 1 << 16
MAX_CURSOR_SIDE = 1024


def cursor(rect: Rect, fmt: PixelFormat) -> Parser[CursorShape]:
    """Read RFC 6143 section 7.8.1: pixels, then a bitmask with padded rows."""
    _check_cursor(rect)
    pixels = yield rect.area * fmt.pixel_bytes
    mask = yield (rect.width + 7) // 8 * rect.height
    return CursorShape(*rect, pixels, mask)


def x_cursor(rect: Rect) -> Parser[TwoColourCursor]:
    """Read rfbproto "X Cursor Pseudo-encoding": nothing at all if there is no area."""
    _check_cursor(rect)
    if not rect.area:
        return TwoColourCursor(*rect, (), (), b"", b"")
    colours = yield 6
    row_bytes = (rect.width + 7) // 8
    bitmap = yield row_bytes * rect.height
    mask = yield row_bytes * rect.height
    return TwoColourCursor(*rect, tuple(colours[:3]), tuple(colours[3:]), bitmap, mask)


def alpha_cursor(rect: Rect) -> Parser[AlphaCursor]:
    """Read rfbproto "Cursor With Alpha Pseudo-encoding"; of encodings in it, only Raw is read."""
    _check_cursor(rect)
    (encoding,) = struct.unpack(">i", (yield 4))
    if encoding != 0:
        raise ProtocolViolation(f"a cursor with alpha in encoding {encoding}")
    pixels = yield rect.area * 4
    for pixel in range(0, len(pixels), 4):
        if max(pixels[pixel : pixel + 3]) > pixels[pixel + 3]:
            raise ProtocolViolation(
                f"a cursor's pixel {pixels[pixel : pixel + 4].hex()} is not premultiplied"
            )
    return AlphaCursor(*rect, pixels)


def pointer_pos(rect: Rect, width: int, height: int) -> PointerMoved:
    """Read PointerPos: a place in the framebuffer, without a size."""
    if rect.width or rect.height or rect.x >= width or rect.y >= height:
        raise ProtocolViolation(f"a pointer at {rect}")
    return PointerMoved(rect.x, rect.y)


def _check_cursor(rect: Rect) -> None:
    if max(rect.width, rect.height) > MAX_CURSOR_SIDE:
        raise ProtocolViolation(f"a cursor of {rect.width}x{rect.height}")
    if rect.area and not (rect.x < rect.width and rect.y < rect.height):
        raise ProtocolViolation(
            f"hotspot {rect.x},{rect.y} outside of a cursor of {rect.width}x{rect.height}"
        )


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
