"""The pointer of the screen: what it looks like and where it is. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from mpvnc.errors import FrameError

MAX_CURSOR_SIDE = 256


@dataclass(frozen=True, slots=True)
class Cursor:
    """The shape of a pointer, at most 256x256.

    Attributes:
        hot_x, hot_y: the pixel that points, from the top left corner; inside the cursor.
        pixels: B, G, R, A per pixel, row by row, colours not premultiplied.
    Raises: FrameError if its parts contradict each other.
    """

    width: int
    height: int
    hot_x: int
    hot_y: int
    pixels: bytes

    def __post_init__(self) -> None:
        fits = 1 <= self.width <= MAX_CURSOR_SIDE and 1 <= self.height <= MAX_CURSOR_SIDE
        if not fits or not (0 <= self.hot_x < self.width and 0 <= self.hot_y < self.height):
            raise FrameError(
                f"a cursor of {self.width}x{self.height} with its hot spot at {self.hot_x},{self.hot_y}, "
                f"expected at most {MAX_CURSOR_SIDE}x{MAX_CURSOR_SIDE} with the hot spot inside"
            )
        if len(self.pixels) != self.width * self.height * 4:
            raise FrameError(
                f"a cursor of {self.width}x{self.height} with {len(self.pixels)} bytes of pixels"
            )


@dataclass(frozen=True, slots=True)
class PointerState:
    """The pointer at one moment.

    Attributes:
        serial: changes with each new cursor; 0 before the first.
        x, y: where its hot spot is in the frame, in pixels; may lie outside.
        cursor: its shape, None before the first.
        is_own: the screen has no pointer of its own: the shape is for each viewer's, and it is drawn nowhere.
    """

    serial: int = 0
    x: int = 0
    y: int = 0
    visible: bool = False
    cursor: Cursor | None = None
    is_own: bool = False
