"""The size of one client's framebuffer, in the words that it knows: ExtendedDesktopSize, else DesktopSize, else none.

RFC 6143 section 7.8.2; rfbproto "ExtendedDesktopSize Pseudo-encoding", "SetDesktopSize". What the size is, and when
its change may go out, is the session's.
"""

from __future__ import annotations

from collections.abc import Set

from mpvnc.constants import Encoding, ResizeReason, ResizeStatus
from mpvnc.geometry import Rect
from mpvnc.rfb import events, writers

LONGEST_SIDE = 32767
"""No Cairo surface is longer; whoever takes a wish for a size as it is must get one that there can be."""


def can_be(width: int, height: int) -> bool:
    """Whether a program can grant this size."""
    return 1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE


class Sizes:
    """What one client is to be told of its framebuffer's size; messages are whole FramebufferUpdates."""

    __slots__ = ("_is_extended", "can_tell", "is_due", "wants_layout")

    def __init__(self) -> None:
        self.is_due = False
        """Whether the screen has another size than the client's framebuffer."""
        self.can_tell = False
        """Whether the client can be told of that."""
        self.wants_layout = False
        """Whether it is to learn at the next request that it may hear layouts."""
        self._is_extended = False

    def list_encodings(self, listed: Set[int]) -> None:
        """Note a SetEncodings."""
        was_extended, self._is_extended = self._is_extended, Encoding.EXTENDED_DESKTOP_SIZE in listed
        self.wants_layout |= self._is_extended and not was_extended
        self.can_tell = self._is_extended or Encoding.DESKTOP_SIZE in listed

    def change(self, area: Rect) -> bytes:
        """Return what tells of another size, which is not due any more."""
        self.is_due = False
        return self._message(ResizeReason.SERVER, ResizeStatus.OK, area)

    def layout(self, area: Rect) -> bytes:
        """Return what tells the layout to a client that asks for it; empty if it is not to be told now.

        It answers no request for pixels.
        """
        if not self._is_extended or self.is_due:
            return b""
        self.wants_layout = False
        return self._message(ResizeReason.SERVER, ResizeStatus.OK, area)

    def answer(self, status: ResizeStatus, area: Rect) -> bytes:
        """Return the answer to SetDesktopSize; empty to one that cannot hear it."""
        return self._message(ResizeReason.THIS_CLIENT, status, area) if self._is_extended else b""

    def _message(self, reason: ResizeReason, status: ResizeStatus, area: Rect) -> bytes:
        if self._is_extended:
            screens = [events.Screen(0, area, 0)]
            rectangle = writers.extended_desktop_size(reason, status, area.width, area.height, screens)
        else:
            rectangle = writers.desktop_size(area.width, area.height)
        return writers.update_header(1) + rectangle
