"""What a server says, as pure functions from values to bytes. The payload of real encodings is not here.

Source: RFC 6143 sections 7.1 to 7.3, 7.6, 7.8; rfbproto "Server to Client Messages", "Pseudo-encodings".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mpvnc.constants import (
    FENCE_PAYLOAD_BYTES,
    Encoding,
    SecurityResult,
    ServerMessage,
)
from mpvnc.errors import EncodeError
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pixels import PixelFormat
from mpvnc.rfb.events import Screen, Version

_U32 = struct.Struct(">I")
_UPDATE = struct.Struct(">BxH")
_RECTANGLE = struct.Struct(">HHHHi")
_SCREEN_COUNT = struct.Struct(">B3x")
_SCREEN = struct.Struct(">IHHHHI")
_SERVER_INIT = struct.Struct(">HH")
_CUT_TEXT = struct.Struct(">B3xI")
_FENCE = struct.Struct(">B3xIB")


def security_types(types: Sequence[int]) -> bytes:
    """Return the list of security types, of 3.7 and 3.8; it has one at least (RFC 6143 section 7.1.2)."""
    return bytes((len(types), *types))


def security_type_3_3(security_type: int) -> bytes:
    """Return the server's own choice, of 3.3 (RFC 6143 appendix A.1)."""
    return _U32.pack(security_type)


def refusal(version: Version, reason: str) -> bytes:
    """Return what stands in place of security types when there are none: 0 and the reason."""
    zero = _U32.pack(0) if version == (3, 3) else b"\0"
    return zero + _counted(reason.encode())


def security_result(version: Version, reason: str | None = None) -> bytes:
    """Return SecurityResult: failed if there is a reason, which only 3.8 has words for (section 7.1.3)."""
    if reason is None:
        return _U32.pack(SecurityResult.OK)
    failed = _U32.pack(SecurityResult.FAILED)
    return failed + _counted(reason.encode()) if version >= (3, 8) else failed


def server_init(width: int, height: int, pixel_format: PixelFormat, name: str) -> bytes:
    """Return ServerInit (RFC 6143 section 7.3.2); the name is UTF-8."""
    return _SERVER_INIT.pack(width, height) + pixel_format.to_bytes() + _counted(name.encode())


def update_header(count: int) -> bytes:
    """Return the head of a FramebufferUpdate of `count` rectangles (RFC 6143 section 7.6.1)."""
    return _UPDATE.pack(ServerMessage.FRAMEBUFFER_UPDATE, count)


def rectangle_header(rect: Rect, encoding: int) -> bytes:
    """Return the 12 bytes in front of every rectangle's payload."""
    return _RECTANGLE.pack(*rect, encoding)


def desktop_size(width: int, height: int) -> bytes:
    """Return a DesktopSize rectangle (RFC 6143 section 7.8.2): the last one of its update."""
    return rectangle_header(Rect(0, 0, width, height), Encoding.DESKTOP_SIZE)


def extended_desktop_size(
    reason: int, status: int, width: int, height: int, screens: Sequence[Screen]
) -> bytes:
    """Return an ExtendedDesktopSize rectangle (rfbproto heading of that name): alone in its update.

    `reason` and `status` are those of `constants.ResizeReason` and `ResizeStatus`; at most 255 screens.
    """
    header = rectangle_header(Rect(reason, status, width, height), Encoding.EXTENDED_DESKTOP_SIZE)
    layout = (_SCREEN.pack(screen.id, *screen.rect, screen.flags) for screen in screens)
    return b"".join((header, _SCREEN_COUNT.pack(len(screens)), *layout))


def desktop_name(name: str) -> bytes:
    """Return a DesktopName rectangle (rfbproto "DesktopName Pseudo-encoding"); the name is UTF-8."""
    return rectangle_header(EMPTY, Encoding.DESKTOP_NAME) + _counted(name.encode())


def pointer_pos(x: int, y: int) -> bytes:
    """Return a PointerPos rectangle: the pointer's hot spot is there, inside the framebuffer."""
    return rectangle_header(Rect(x, y, 0, 0), Encoding.POINTER_POS)


def bell() -> bytes:
    """Return Bell (RFC 6143 section 7.6.3)."""
    return bytes((ServerMessage.BELL,))


def server_cut_text(text: str) -> bytes:
    """Return ServerCutText (RFC 6143 section 7.6.4).

    Lines end in a line feed alone. Raises: EncodeError if a character is none of Latin-1.
    """
    try:
        data = text.replace("\r\n", "\n").replace("\r", "\n").encode("latin-1")
    except UnicodeEncodeError as error:
        raise EncodeError(f"a cut text has only Latin-1: {error.reason}") from error
    return _CUT_TEXT.pack(ServerMessage.SERVER_CUT_TEXT, len(data)) + data


def fence(flags: int, payload: bytes) -> bytes:
    """Return ServerFence (rfbproto heading of that name). Raises: EncodeError beyond 64 bytes of payload."""
    if len(payload) > FENCE_PAYLOAD_BYTES:
        raise EncodeError(f"a fence carries {FENCE_PAYLOAD_BYTES} bytes at most, not {len(payload)}")
    return _FENCE.pack(ServerMessage.SERVER_FENCE, flags, len(payload)) + payload


def end_of_continuous_updates() -> bytes:
    """Return EndOfContinuousUpdates (rfbproto heading of that name)."""
    return bytes((ServerMessage.END_OF_CONTINUOUS_UPDATES,))


def _counted(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data
