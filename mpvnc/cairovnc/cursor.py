"""A cursor by CairoVNC's name: pixels and a mask."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from mpvnc.cairovnc.errors import CairoVNCBadCursorError, CairoVNCBadSurfaceFormatError
from mpvnc.errors import FrameError, PublishError
from mpvnc.pointer import Cursor
from mpvnc.publisher.cursors import cursor_of
from mpvnc.publisher.surface import Surface, pixels_of


class VNCCursor:
    """The shape of the viewers' pointers.

    Args:
        hotspot: the pixel that points, (x, y).
        pixels: B, G, R and anything, per pixel, row by row.
        mask: a bit per pixel, the leftmost first, each row from a new byte; 1 can be seen.

    Raises: CairoVNCBadCursorError if they contradict each other, or it is larger than 256x256.
    """

    def __init__(self, width: int, height: int, hotspot: tuple[int, int], pixels: bytes, mask: bytes) -> None:
        if width <= 0 or height <= 0:
            raise CairoVNCBadCursorError(f"a cursor of {width}x{height}")
        if len(hotspot) != 2:
            raise CairoVNCBadCursorError(f"a hot spot is (x, y), not {hotspot!r}")
        if len(pixels) != width * height * 4:
            raise CairoVNCBadCursorError(
                f"{len(pixels)} bytes of pixels, {width}x{height} need {width * height * 4}"
            )
        row_bytes = (width + 7) // 8
        if len(mask) != row_bytes * height:
            raise CairoVNCBadCursorError(
                f"{len(mask)} bytes of mask, {width}x{height} need {row_bytes * height}"
            )
        self.width, self.height = width, height
        self.hotspot = (hotspot[0], hotspot[1])
        self.pixels, self.mask = bytes(pixels), bytes(mask)
        self.shape = self._shape()
        """What a publication takes."""

    @classmethod
    def from_surface(
        cls,
        surface: Surface,
        hotspot: tuple[int, int] = (0, 0),
        surface_lock: AbstractContextManager[Any] | None = None,
    ) -> VNCCursor:
        """Return a cursor that looks like the surface now, ARGB32 or RGB24.

        Viewers that can draw half-transparent pointers get the surface's own alpha; `mask` shows what is not fully
        transparent.

        Raises: CairoVNCBadSurfaceFormatError, CairoVNCBadCursorError.
        """
        with surface_lock or nullcontext():
            try:
                height, width = pixels_of(surface).shape
            except PublishError as error:
                raise CairoVNCBadSurfaceFormatError(str(error)) from error
            try:
                shape = cursor_of(surface, hotspot)
            except PublishError as error:
                raise CairoVNCBadCursorError(str(error)) from error
            premultiplied = pixels_of(surface) & 0xFFFFFF
            pixels = premultiplied.astype("<u4").tobytes()
        alpha = np.frombuffer(shape.pixels, np.uint8)[3::4].reshape(height, width)
        cursor = cls(width, height, hotspot, pixels, np.packbits(alpha > 0, axis=1).tobytes())
        cursor.shape = shape
        return cursor

    def _shape(self) -> Cursor:
        rows = np.frombuffer(self.mask, np.uint8).reshape(self.height, -1)
        seen = np.unpackbits(rows, axis=1)[:, : self.width].reshape(-1)
        straight = np.frombuffer(self.pixels, np.uint8).reshape(-1, 4).copy()
        straight[:, 3] = seen * 255
        try:
            return Cursor(self.width, self.height, self.hotspot[0], self.hotspot[1], straight.tobytes())
        except FrameError as error:
            raise CairoVNCBadCursorError(str(error)) from error
