"""The connection to an X server, and the check that its screen holds pixels as a frame does.

Owns the connection and turns every error of the X library into `CaptureError`. Draws nothing.
Sources: X11 protocol, "Connection Setup" (visuals, pixmap formats).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import xcffib
import xcffib.xproto

from mpvnc.errors import CaptureError

_CONNECT: Any = xcffib.Connection
_TRUE_COLOR = 4
_LSB_FIRST = 0
_MASKS = (0xFF0000, 0x00FF00, 0x0000FF)


@contextmanager
def x_errors(doing: str) -> Iterator[None]:
    """Raise `CaptureError` in place of whatever the X library raises while we are `doing` something.

    xcffib raises IndexError for an error or an event of an extension that it has not loaded.
    """
    try:
        yield
    except (xcffib.XcffibException, IndexError) as error:
        raise CaptureError(f"X server, {doing}: {describe(error)}") from error


def describe(error: Exception) -> str:
    """Return an X error in words: an error of the server has no text, but tells which request failed."""
    if isinstance(error, xcffib.ConnectionException):
        return "the connection is lost"
    name = type(error).__name__
    if not isinstance(error, xcffib.Error):
        return f"{name} {error}".strip()
    major, minor = (getattr(error, field, "?") for field in ("major_opcode", "minor_opcode"))
    return f"{name} (request {major}.{minor}, value {getattr(error, 'bad_value', '?')})"


class XConnection:
    """A connection to one display and its preferred screen.

    Raises: CaptureError if the display cannot be reached, or its root window is not 32 bits per pixel,
    little-endian 0x00RRGGBB: the error says what was found.
    """

    def __init__(self, display: str) -> None:
        self.display = display
        try:
            self.xcb = _CONNECT(display or None)
        except xcffib.XcffibException as error:
            name = display or os.environ.get("DISPLAY", "")
            raise CaptureError(f"cannot connect to display {name!r}") from error
        try:
            with x_errors("reading the screen"):
                self._screen = self.xcb.setup.roots[self.xcb.pref_screen]
                self.root: int = self._screen.root
                self.depth: int = self._screen.root_depth
                self._check_format()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the socket's descriptor. Events may also wait in the library: poll them before a wait."""
        return int(self.xcb.get_file_descriptor())

    def has_extension(self, name: str) -> bool:
        """Whether the server has an extension; a request of one it has not would end the connection."""
        return bool(self.xcb.core.QueryExtension(len(name), name).reply().present)

    def root_size(self) -> tuple[int, int]:
        """Return the (width, height) of the root window now; the connection setup's may be outdated."""
        geometry = self.xcb.core.GetGeometry(self.root).reply()
        return geometry.width, geometry.height

    def fence(self) -> None:
        """Return when the server has carried out every request made so far."""
        self.xcb.core.GetInputFocus().reply()

    def events(self) -> Iterator[Any]:
        """Yield the events that wait, without blocking; what was asked without a reply fails here."""
        while (event := self.xcb.poll_for_event()) is not None:
            yield event

    def close(self) -> None:
        """Disconnect. The server frees what was made over this connection."""
        self.xcb.disconnect()

    def _check_format(self) -> None:
        bits = {form.depth: form.bits_per_pixel for form in self.xcb.setup.pixmap_formats}.get(self.depth)
        visual = next(
            visual
            for depth in self._screen.allowed_depths
            for visual in depth.visuals
            if visual.visual_id == self._screen.root_visual
        )
        masks = (visual.red_mask, visual.green_mask, visual.blue_mask)
        little = self.xcb.setup.image_byte_order == _LSB_FIRST
        if (bits, visual._class, masks, little) != (32, _TRUE_COLOR, _MASKS, True):
            raise CaptureError(
                f"display {self.display!r}: depth {self.depth}, {bits} bits per pixel, visual class"
                f" {visual._class}, masks {'/'.join(f'{mask:06x}' for mask in masks)},"
                f" {'little' if little else 'big'}-endian; only 32-bit little-endian TrueColor"
                " ff0000/00ff00/0000ff can be captured"
            )
