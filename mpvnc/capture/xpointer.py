"""The pointer of an X display: its shape (XFIXES) and its place (XInput2, QueryPointer).

Owns what is asked of the server about the pointer and when. Draws nothing.
Sources: XFIXES (SelectCursorInput, GetCursorImage); XInput2 (XIQueryVersion, XISelectEvents, RawMotion).

The two XInput2 requests are built by hand: xcffib's reading of a raw motion event counts the valuators
wrongly, and as long as its xinput module is not loaded those events arrive as plain generic ones.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import xcffib
import xcffib.xfixes

from mpvnc.capture.arrow import ARROW
from mpvnc.capture.base import CursorShape, PointerUpdate
from mpvnc.capture.xconnection import XConnection

_EXTENSION: Any = xcffib.Extension
_KEY: Any = xcffib.ExtensionKey
_XINPUT = _KEY("XInputExtension")
_XI_SELECT_EVENTS, _XI_QUERY_VERSION = 46, 47
_XI_ALL_MASTER_DEVICES = 1
_XI_MOTION, _XI_RAW_MOTION = 1 << 6, 1 << 17
_GENERIC_EVENT = 35
_UNREADABLE = 0
_MAX_SIDE = 256
_ACTIVE_S, _ACTIVE_PERIOD_S, _IDLE_PERIOD_S = 1.0, 1 / 20, 1 / 4


class XPointer:
    """Follows the pointer: motion events if the server has XInput2, else a slow poll of its place."""

    def __init__(self, connection: XConnection) -> None:
        self._connection = connection
        self._fixes: Any = connection.xcb(xcffib.xfixes.key)
        self._fixes.SelectCursorInput(connection.root, xcffib.xfixes.CursorNotifyMask.DisplayCursor)
        self._has_motion_events = _select_motion(connection)
        self._serial: int | None = None
        self._shape_changed = self._moved = True
        self._active_at = self._asked_at = self._heard_at = float("-inf")
        self._asked: Any = None
        self._answer = self._told = (0, 0, False)

    def notice(self, event: Any) -> None:
        """Take in one X event."""
        if isinstance(event, xcffib.xfixes.CursorNotifyEvent):
            self._shape_changed = True
        elif event.response_type & 0x7F == _GENERIC_EVENT:
            self._moved, self._heard_at = True, float("-inf")

    def ask(self) -> None:
        """Ask where the pointer is, together with a drawing: it may have been put elsewhere without an event."""
        self._asked = self._connection.xcb.core.QueryPointer(self._connection.root)

    def hear(self, now: float) -> None:
        """Wait for the answer to `ask`, which comes when every request before it was carried out."""
        assert self._asked is not None, "hear() before ask()"
        self._answer, self._asked = _place(self._asked.reply()), None
        self._moved |= self._answer != self._told
        self._active_at = self._heard_at = now

    def due(self, now: float) -> float | None:
        """Return when `update` is worth asking; None: not before the next event."""
        if self._moved or self._shape_changed:
            return now
        if now - self._active_at < _ACTIVE_S and (
            self._asked_at < self._active_at or not self._has_motion_events
        ):
            return max(self._active_at, self._asked_at) + _ACTIVE_PERIOD_S
        return None if self._has_motion_events else self._asked_at + _IDLE_PERIOD_S

    def update(self, now: float) -> PointerUpdate:
        """Ask the server where the pointer is, and for its shape if that may have changed."""
        self._moved, self._asked_at = False, now
        if self._heard_at != now:
            self._answer = _place(self._connection.xcb.core.QueryPointer(self._connection.root).reply())
        self._told = self._answer
        shape = self._new_shape() if self._shape_changed else None
        return PointerUpdate(*self._told, shape)

    def _new_shape(self) -> CursorShape | None:
        self._shape_changed = False
        image = self._readable_image()
        serial = image.cursor_serial if image else _UNREADABLE
        if serial == self._serial:
            return None
        self._serial = serial
        if image is None:
            return ARROW
        argb = np.array(image.cursor_image.list, np.uint32).reshape(image.height, image.width)
        return straight_shape(argb, image.xhot, image.yhot)

    def _readable_image(self) -> Any:
        """Return the cursor's image; None for one whose maker has gone (xsetroot's) or that is animated.

        The first is refused with BadAccess where the server has the SECURITY extension, the second comes as
        one transparent pixel with the serial 0.
        """
        try:
            image = self._fixes.GetCursorImage().reply()
        except xcffib.Error:
            return None
        return image if image.cursor_serial else None


def _place(reply: Any) -> tuple[int, int, bool]:
    return reply.root_x, reply.root_y, bool(reply.same_screen)


def straight_shape(argb: np.ndarray[Any, np.dtype[np.uint32]], hot_x: int, hot_y: int) -> CursorShape:
    """Return the shape of an image (height, width) of 0xAARRGGBB with alpha multiplied in, cut to 256x256."""
    argb = np.ascontiguousarray(argb[:_MAX_SIDE, :_MAX_SIDE], "<u4")
    height, width = argb.shape
    bgra = argb.view(np.uint8).reshape(height, width, 4).astype(np.uint32)
    alpha = bgra[..., 3:]
    colours = (bgra[..., :3] * 255 + alpha // 2) // np.maximum(alpha, 1)
    bgra[..., :3] = np.where(alpha > 0, np.minimum(colours, 255), 0)
    hot_x, hot_y = min(hot_x, width - 1), min(hot_y, height - 1)
    return CursorShape(width, height, hot_x, hot_y, bgra.astype(np.uint8).tobytes())


class _VersionCookie(xcffib.Cookie):
    reply_type: Any = staticmethod(lambda unpacker: unpacker.unpack("=xx2x4xHH"))


def _select_motion(connection: XConnection) -> bool:
    """Ask for motion events; return whether the server sends them.

    Both kinds: raw ones miss warps, the others miss what an application takes first.
    """
    if not connection.has_extension("XInputExtension"):
        return False
    requests: Any = _EXTENSION(connection.xcb, _XINPUT)
    version = io.BytesIO(struct.pack("=xx2xHH", 2, 2))
    mask = _XI_RAW_MOTION | _XI_MOTION
    selection = struct.pack("=xx2xIH2xHHI", connection.root, 1, _XI_ALL_MASTER_DEVICES, 1, mask)
    try:
        if requests.send_request(_XI_QUERY_VERSION, version, _VersionCookie, is_checked=True).reply() < (
            2,
            0,
        ):
            return False
        requests.send_request(_XI_SELECT_EVENTS, io.BytesIO(selection), is_checked=True).check()
    except xcffib.Error:
        return False
    return True
