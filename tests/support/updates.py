"""FramebufferUpdate (RFC 6143 section 7.6.1): counts rectangles, checks each, hands it to its decoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.support import pseudo
from tests.support.decoders.base import Rect, paint
from tests.support.decoders.registry import DECODERS
from tests.support.errors import DecodeError, ProtocolViolation
from tests.support.events import Rectangle, Resized, Update
from tests.support.wire import Parser

if TYPE_CHECKING:
    from tests.support.viewer import Viewer

HEADER_BYTES = 12
COPY_RECT = 1


def update(viewer: Viewer) -> Parser[Update]:
    """Read one update and apply it, rectangle by rectangle. The count is exact, or LastRect ends it.

    An ExtendedDesktopSize may come unasked, as soon as possible, and answers no request for pixels.
    """
    (count,) = struct.unpack(">xH", (yield 3))
    answers = False
    rectangles: list[Rectangle] = []
    while len(rectangles) < count:
        begin = viewer.bytes_consumed
        *corner, encoding = struct.unpack(">HHHHi", (yield HEADER_BYTES))
        rect = Rect(*corner)
        if encoding not in viewer.ledger.allowed:
            raise ProtocolViolation(f"encoding {encoding} was not listed")
        if encoding == pseudo.LAST_RECT:
            break
        answers |= encoding != pseudo.EXTENDED_DESKTOP_SIZE
        if answers:
            viewer.ledger.check_asked()
        if encoding == COPY_RECT:
            viewer.ledger.check_copy(rect)
        if encoding in DECODERS:
            yield from _pixels(viewer, rect, encoding)
        else:
            yield from _pseudo(viewer, rect, encoding)
        rectangles.append(Rectangle(rect, encoding, viewer.bytes_consumed - begin))
    _check_company(rectangles)
    if answers or not rectangles:
        viewer.ledger.check_asked()
        viewer.ledger.update_ends()
    return Update(tuple(rectangles))


def _pixels(viewer: Viewer, rect: Rect, encoding: int) -> Parser[None]:
    if rect.area == 0 or not rect.within(viewer.width, viewer.height):
        raise ProtocolViolation(
            f"{rect}, encoding {encoding}, in a framebuffer of {viewer.width}x{viewer.height}"
        )
    viewer.decoding.listed = viewer.ledger.allowed
    try:
        image = yield from DECODERS[encoding](rect, viewer.decoding)
    except DecodeError as error:
        raise DecodeError(f"{rect}, encoding {encoding}: {error}") from error
    paint(viewer.framebuffer, rect, image)


def _pseudo(viewer: Viewer, rect: Rect, encoding: int) -> Parser[None]:
    if encoding == pseudo.CURSOR:
        viewer.cursor = yield from pseudo.cursor(rect, viewer.format)
        viewer.emit(viewer.cursor)
    elif encoding == pseudo.X_CURSOR:
        viewer.x_cursor = yield from pseudo.x_cursor(rect)
        viewer.emit(viewer.x_cursor)
    elif encoding == pseudo.CURSOR_WITH_ALPHA:
        viewer.alpha_cursor = yield from pseudo.alpha_cursor(rect)
        viewer.emit(viewer.alpha_cursor)
    elif encoding == pseudo.POINTER_POS:
        viewer.pointer = pseudo.pointer_pos(rect, viewer.width, viewer.height)
        viewer.emit(viewer.pointer)
    elif encoding == pseudo.DESKTOP_NAME:
        renamed = yield from pseudo.desktop_name(rect)
        viewer.name = renamed.name
        viewer.emit(renamed)
    elif encoding == pseudo.EXTENDED_DESKTOP_SIZE:
        viewer.resized((yield from pseudo.extended_desktop_size(rect)))
    elif encoding == pseudo.DESKTOP_SIZE:
        _check_desktop_size(viewer, rect)
        viewer.resized(Resized(rect.width, rect.height))
    else:
        raise ProtocolViolation(f"a rectangle of encoding {encoding}, of which this viewer knows nothing")


def _check_desktop_size(viewer: Viewer, rect: Rect) -> None:
    if pseudo.EXTENDED_DESKTOP_SIZE in viewer.ledger.latest:
        raise ProtocolViolation("DesktopSize to a client that listed ExtendedDesktopSize")
    if (rect.width, rect.height) == (viewer.width, viewer.height):
        raise ProtocolViolation("DesktopSize without a change of size")


def _check_company(rectangles: list[Rectangle]) -> None:
    """Check that sizes travel without pixels (rfbproto: a must for the extended one, else a should)."""
    encodings = [rectangle.encoding for rectangle in rectangles]
    sizes = {pseudo.DESKTOP_SIZE, pseudo.EXTENDED_DESKTOP_SIZE}
    if sizes.intersection(encodings) and any(encoding >= 0 for encoding in encodings):
        raise ProtocolViolation(f"a change of size and pixels in one update: {encodings}")
