"""What the viewer reports."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.decoders.base import Rect
from tests.support.handshake import ServerInit


class Ready(NamedTuple):
    """ServerInit has arrived: the session may begin."""

    server: ServerInit


class Rectangle(NamedTuple):
    """One rectangle of an update; `wire_bytes` counts its header and data."""

    rect: Rect
    encoding: int
    wire_bytes: int


class Update(NamedTuple):
    """A whole FramebufferUpdate has been applied."""

    rectangles: tuple[Rectangle, ...]

    @property
    def encodings(self) -> set[int]:
        """The encodings that occurred, pseudo-encodings included."""
        return {rectangle.encoding for rectangle in self.rectangles}

    @property
    def pixel_rects(self) -> list[Rect]:
        """The rectangles that carried pixels."""
        return [rectangle.rect for rectangle in self.rectangles if rectangle.encoding >= 0]


class Screen(NamedTuple):
    """SCREEN of an ExtendedDesktopSize."""

    id: int
    x: int
    y: int
    width: int
    height: int
    flags: int


class Resized(NamedTuple):
    """DesktopSize, or ExtendedDesktopSize with its reason, status and screens."""

    width: int
    height: int
    reason: int | None = None
    status: int | None = None
    screens: tuple[Screen, ...] = ()


class Renamed(NamedTuple):
    """DesktopName."""

    name: str


class CursorShape(NamedTuple):
    """Cursor: pixel values in the client's format, and the bitmask, both as they came."""

    hot_x: int
    hot_y: int
    width: int
    height: int
    pixels: bytes
    mask: bytes


class TwoColourCursor(NamedTuple):
    """X Cursor: primary and secondary colour as (r, g, b), which pixels have the first, which are seen."""

    hot_x: int
    hot_y: int
    width: int
    height: int
    primary: tuple[int, ...]
    secondary: tuple[int, ...]
    bitmap: bytes
    mask: bytes


class AlphaCursor(NamedTuple):
    """Cursor With Alpha: premultiplied R, G, B, A of each pixel."""

    hot_x: int
    hot_y: int
    width: int
    height: int
    pixels: bytes


class PointerMoved(NamedTuple):
    """PointerPos."""

    x: int
    y: int


class Bell(NamedTuple):
    """Bell."""


class CutText(NamedTuple):
    """ServerCutText."""

    text: str


class ExtendedCutText(NamedTuple):
    """A ServerCutText with a negative length: its flags, and what is behind them."""

    flags: int
    body: bytes


class FenceRequest(NamedTuple):
    """A fence of the server; the viewer has answered it."""

    flags: int
    payload: bytes


class FenceResponse(NamedTuple):
    """The answer to a fence of ours."""

    flags: int
    payload: bytes


class EndOfContinuousUpdates(NamedTuple):
    """EndOfContinuousUpdates."""


Event = (
    Ready | Update | Resized | Renamed | CursorShape | TwoColourCursor | AlphaCursor | PointerMoved | Bell
    | CutText | ExtendedCutText
    | FenceRequest | FenceResponse | EndOfContinuousUpdates
)  # fmt: skip
