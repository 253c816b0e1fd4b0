"""Parsers of the client's messages: one function each, from the receive buffer to an event.

A parser starts at the message's type byte. It raises NeedMoreData if the message is incomplete, and
ProtocolError if it is not to be understood; every length from the wire meets its limit before a byte of the
body is waited for. It keeps no state, so a message means the same at any time.

Source: RFC 6143 section 7.5; rfbproto "Client to Server Messages".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from mpvnc.constants import FENCE_PAYLOAD_BYTES, ClientMessage
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.geometry import Rect
from mpvnc.pixels import PIXEL_FORMAT_BYTES, PixelFormat
from mpvnc.rfb import clipboard, events
from mpvnc.rfb.buffer import ReceiveBuffer


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message of a client may ask for."""

    set_encodings: int = 1024
    """Entries of a SetEncodings list."""
    client_cut_text_bytes: int = 256 << 10
    """Of a ClientCutText, and of each format of an extended clipboard, inflated."""


Parser = Callable[[ReceiveBuffer, Limits], events.Message]

_TYPE_AND_3_PADDING = struct.Struct(">B3x")
_SET_ENCODINGS = struct.Struct(">BxH")
_UPDATE_REQUEST = struct.Struct(">BBHHHH")
_KEY_EVENT = struct.Struct(">BBxxI")
_POINTER_EVENT = struct.Struct(">BBHH")
_CUT_TEXT = struct.Struct(">B3xi")
_FENCE = struct.Struct(">B3xIB")
_SET_DESKTOP_SIZE = struct.Struct(">BxHHBx")
_SCREEN = struct.Struct(">IHHHHI")


def parse_set_pixel_format(buffer: ReceiveBuffer, limits: Limits) -> events.SetPixelFormat:
    """Read SetPixelFormat (RFC 6143 section 7.5.1). A colour-map format is refused."""
    buffer.unpack(_TYPE_AND_3_PADDING)
    data = buffer.take(PIXEL_FORMAT_BYTES)
    pixel_format = PixelFormat.from_bytes(data)
    if not pixel_format.true_colour:
        raise ProtocolError(f"pixel format {data.hex(' ')}: colour maps are not supported, only true colour")
    return events.SetPixelFormat(pixel_format)


def parse_set_encodings(buffer: ReceiveBuffer, limits: Limits) -> events.SetEncodings:
    """Read SetEncodings (RFC 6143 section 7.5.2). An empty list is legal."""
    _, count = buffer.unpack(_SET_ENCODINGS)
    if count > limits.set_encodings:
        raise LimitExceeded(f"SetEncodings with {count} entries, the limit is {limits.set_encodings}")
    return events.SetEncodings(struct.unpack(f">{count}i", buffer.take(4 * count)))


def parse_framebuffer_update_request(
    buffer: ReceiveBuffer, limits: Limits
) -> events.FramebufferUpdateRequest:
    """Read FramebufferUpdateRequest (RFC 6143 section 7.5.3)."""
    _, incremental, x, y, width, height = buffer.unpack(_UPDATE_REQUEST)
    return events.FramebufferUpdateRequest(bool(incremental), Rect(x, y, width, height))


def parse_key_event(buffer: ReceiveBuffer, limits: Limits) -> events.KeyEvent:
    """Read KeyEvent (RFC 6143 section 7.5.4)."""
    _, down, keysym = buffer.unpack(_KEY_EVENT)
    return events.KeyEvent(bool(down), keysym)


def parse_pointer_event(buffer: ReceiveBuffer, limits: Limits) -> events.PointerEvent:
    """Read PointerEvent (RFC 6143 section 7.5.5)."""
    _, button_mask, x, y = buffer.unpack(_POINTER_EVENT)
    return events.PointerEvent(button_mask, x, y)


def parse_client_cut_text(
    buffer: ReceiveBuffer, limits: Limits
) -> events.ClientCutText | events.ExtendedCutText:
    """Read ClientCutText (RFC 6143 section 7.5.6).

    A negative length makes it a message of the extended clipboard, negotiated or not (rfbproto "Extended
    Clipboard Pseudo-Encoding").
    """
    length, is_extended = _cut_text_length(buffer, limits)
    data = buffer.take(length)
    return events.ExtendedCutText(data) if is_extended else events.ClientCutText(data.decode("latin-1"))


def skip_client_cut_text(
    buffer: ReceiveBuffer, limits: Limits
) -> events.SkippedCutText | events.ExtendedCutText | None:
    """Read ClientCutText without keeping contents; None if the next message is another one.

    What asks for something, rather than giving it, is kept: it is short.
    """
    if buffer.peek_u8() != ClientMessage.CLIENT_CUT_TEXT:
        return None
    length, is_extended = _cut_text_length(buffer, limits)
    if is_extended and 4 <= length <= clipboard.SHORT_BYTES:
        data = buffer.take(length)
        if not clipboard.is_provide(int.from_bytes(data[:4], "big")):
            return events.ExtendedCutText(data)
    else:
        buffer.skip(length)
    return events.SkippedCutText(length)


def _cut_text_length(buffer: ReceiveBuffer, limits: Limits) -> tuple[int, bool]:
    """Read the head; return how much follows, and whether it is of the extended clipboard."""
    _, length = buffer.unpack(_CUT_TEXT)
    limit = limits.client_cut_text_bytes
    if length < 0:
        limit = clipboard.limit_bytes(limit)
    if abs(length) > limit:
        raise LimitExceeded(f"ClientCutText with length {length}, the limit is {limit}")
    return abs(length), length < 0


def parse_enable_continuous_updates(buffer: ReceiveBuffer, limits: Limits) -> events.EnableContinuousUpdates:
    """Read EnableContinuousUpdates (rfbproto heading of that name)."""
    _, enable, x, y, width, height = buffer.unpack(_UPDATE_REQUEST)
    return events.EnableContinuousUpdates(bool(enable), Rect(x, y, width, height))


def parse_client_fence(buffer: ReceiveBuffer, limits: Limits) -> events.Fence:
    """Read ClientFence (rfbproto heading of that name)."""
    _, flags, length = buffer.unpack(_FENCE)
    if length > FENCE_PAYLOAD_BYTES:
        raise LimitExceeded(f"ClientFence with {length} bytes, the limit is {FENCE_PAYLOAD_BYTES}")
    return events.Fence(flags, buffer.take(length))


def parse_set_desktop_size(buffer: ReceiveBuffer, limits: Limits) -> events.SetDesktopSize:
    """Read SetDesktopSize (rfbproto heading of that name).

    Its count is one byte: 255 screens in 4080 bytes are the most that it can ask for.
    """
    _, width, height, count = buffer.unpack(_SET_DESKTOP_SIZE)
    body = buffer.take(_SCREEN.size * count)
    screens = tuple(
        events.Screen(screen_id, Rect(*rect), flags) for screen_id, *rect, flags in _SCREEN.iter_unpack(body)
    )
    return events.SetDesktopSize(width, height, screens)


PARSERS: dict[int, Parser] = {
    ClientMessage.SET_PIXEL_FORMAT: parse_set_pixel_format,
    ClientMessage.SET_ENCODINGS: parse_set_encodings,
    ClientMessage.FRAMEBUFFER_UPDATE_REQUEST: parse_framebuffer_update_request,
    ClientMessage.KEY_EVENT: parse_key_event,
    ClientMessage.POINTER_EVENT: parse_pointer_event,
    ClientMessage.CLIENT_CUT_TEXT: parse_client_cut_text,
    ClientMessage.ENABLE_CONTINUOUS_UPDATES: parse_enable_continuous_updates,
    ClientMessage.CLIENT_FENCE: parse_client_fence,
    ClientMessage.SET_DESKTOP_SIZE: parse_set_desktop_size,
}


def parse_message(buffer: ReceiveBuffer, limits: Limits) -> events.Message:
    """Read the next message, whatever it is.

    Raises: NeedMoreData; ProtocolError, also for an unknown type: such a message has no length to skip.
    """
    message_type = buffer.peek_u8()
    parser = PARSERS.get(message_type)
    if parser is None:
        raise ProtocolError(f"unknown message type {message_type} (hex {message_type:02x})")
    return parser(buffer, limits)
