"""Pixels from the root window into the frame segment, written by the X server itself.

Owns the server's view of the segment: MIT-SHM attachment and one shared pixmap per slot.
Sources: MIT-SHM extension (AttachFd, CreatePixmap, GetImage); X11 protocol, CreateGC (subwindow-mode).

xcffib's own AttachFd does not pass the descriptor, therefore that one request goes through libxcb-shm.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Any, Protocol

import xcffib
import xcffib.shm
from xcffib.ffi import ffi

from mpvnc.capture.base import Slot
from mpvnc.capture.xconnection import XConnection, describe, x_errors
from mpvnc.capture.xdamage import Damage
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect

_BYTES_PER_PIXEL = 4
_INCLUDE_INFERIORS = 1
_Z_PIXMAP = 2
_ALL_PLANES = 0xFFFFFFFF
_PROBE_BYTES = 4096


class SharedMemoryUnavailable(CaptureError):
    """The X server cannot map our memory: another host, another container, or no MIT-SHM 1.2."""


class Copier(Protocol):
    """Writes parts of the root window into a slot. Nothing is complete before a fence."""

    how: str

    def copy(self, slot: Slot, rects: Iterable[Rect]) -> list[Rect]:
        """Ask the server to write `rects`; return what it will write, which may be more."""

    def close(self) -> None:
        """Take the segment from the server."""


class _VoidCookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


def open_copier(connection: XConnection, fd: int, width: int, height: int) -> Copier:
    """Let the server map the segment `fd` (borrowed) for frames of `width` x `height`.

    Raises: SharedMemoryUnavailable if the server cannot; CaptureError for every other trouble.
    """
    if not connection.has_extension("MIT-SHM"):
        raise SharedMemoryUnavailable("the X server has no MIT-SHM extension")
    shm = connection.xcb(xcffib.shm.key)
    version = shm.QueryVersion().reply()
    if (version.major_version, version.minor_version) < (1, 2):
        raise SharedMemoryUnavailable("the X server's MIT-SHM cannot attach a descriptor (before 1.2)")
    segment = _attach(connection, fd)
    kind = PixmapCopier if version.shared_pixmaps else BandCopier
    return kind(connection, segment, width, height)


def check_shared_memory(connection: XConnection) -> None:
    """Raise `SharedMemoryUnavailable` unless the server can map memory of ours."""
    fd = os.memfd_create("mpvnc-shm-check", os.MFD_CLOEXEC)
    try:
        os.truncate(fd, _PROBE_BYTES)
        open_copier(connection, fd, 1, 1).close()
    finally:
        os.close(fd)


class PixmapCopier:
    """CopyArea into a shared pixmap that lies over the slot: any rectangle, at its place."""

    how = "shared pixmaps"

    def __init__(self, connection: XConnection, segment: int, width: int, height: int) -> None:
        self._connection, self._segment = connection, segment
        self._width, self._height = width, height
        self._shm: Any = connection.xcb(xcffib.shm.key)
        self._pixmaps: dict[int, int] = {}
        self._context = connection.xcb.generate_id()
        self._clipped = connection.xcb.generate_id()
        mask = xcffib.xproto.GC.SubwindowMode | xcffib.xproto.GC.GraphicsExposures
        for context in (self._context, self._clipped):
            connection.xcb.core.CreateGC(context, connection.root, mask, [_INCLUDE_INFERIORS, 0])

    def copy(self, slot: Slot, rects: Iterable[Rect]) -> list[Rect]:
        """Ask the server to copy `rects` from the root window, child windows included."""
        pixmap = self._pixmap(slot)
        root, copy_area = self._connection.root, self._connection.xcb.core.CopyArea
        written = list(rects)
        for x, y, width, height in written:
            copy_area(root, pixmap, self._context, x, y, x, y, width, height)
        return written

    def copy_damage(self, slot: Slot, damage: Damage) -> None:
        """Ask the server to copy what is in `damage.region`, of which we need not know what that is."""
        pixmap = self._pixmap(slot)
        damage.clip(self._clipped)
        self._connection.xcb.core.CopyArea(
            self._connection.root, pixmap, self._clipped, 0, 0, 0, 0, self._width, self._height
        )

    def close(self) -> None:
        """Free the pixmaps and take the segment from the server."""
        for pixmap in self._pixmaps.values():
            self._connection.xcb.core.FreePixmap(pixmap)
        for context in (self._context, self._clipped):
            self._connection.xcb.core.FreeGC(context)
        self._shm.Detach(self._segment)

    def _pixmap(self, slot: Slot) -> int:
        pixmap = self._pixmaps.get(slot.offset)
        if pixmap is None:
            _check_stride(slot, self._width)
            connection, size = self._connection, (self._width, self._height)
            pixmap = connection.xcb.generate_id()
            with x_errors("making a shared pixmap"):
                self._shm.CreatePixmap(
                    pixmap,
                    connection.root,
                    *size,
                    connection.depth,
                    self._segment,
                    slot.offset,
                    is_checked=True,
                ).check()
            self._pixmaps[slot.offset] = pixmap
        return pixmap


class BandCopier:
    """GetImage of full-width bands, packed where they belong, for servers without shared pixmaps."""

    how = "shared bands"

    def __init__(self, connection: XConnection, segment: int, width: int, height: int) -> None:
        self._connection, self._segment, self._width, self._height = connection, segment, width, height
        self._shm: Any = connection.xcb(xcffib.shm.key)

    def copy(self, slot: Slot, rects: Iterable[Rect]) -> list[Rect]:
        """Ask the server for the bands of rows that `rects` touch; return those bands."""
        _check_stride(slot, self._width)
        bands = _bands(rects, self._width)
        for band in bands:
            offset = slot.offset + band.y * self._width * _BYTES_PER_PIXEL
            self._shm.GetImage(
                self._connection.root, *band, _ALL_PLANES, _Z_PIXMAP, self._segment, offset
            ).reply()
        return bands

    def close(self) -> None:
        """Take the segment from the server."""
        self._shm.Detach(self._segment)


def _bands(rects: Iterable[Rect], width: int) -> list[Rect]:
    """Return the disjoint full-width bands, top to bottom, that cover `rects`."""
    bands: list[Rect] = []
    for rect in sorted(rects, key=lambda rect: rect.y):
        if bands and rect.y <= bands[-1].bottom:
            last = bands.pop()
            bands.append(Rect(0, last.y, width, max(last.bottom, rect.bottom) - last.y))
        else:
            bands.append(Rect(0, rect.y, width, rect.height))
    return bands


def _check_stride(slot: Slot, width: int) -> None:
    stride = slot.pixels.strides[0]
    if stride != width * _BYTES_PER_PIXEL:
        raise CaptureError(f"a slot's rows are {stride} bytes apart; the X server writes {width * 4}")


def _attach(connection: XConnection, fd: int) -> int:
    """Attach the segment read-write (the server makes no pixmap over a read-only one); return its id."""
    try:
        library = ctypes.CDLL("libxcb-shm.so.0")
    except OSError as error:
        raise SharedMemoryUnavailable(f"libxcb-shm cannot be loaded: {error}") from error
    attach = library.xcb_shm_attach_fd_checked
    attach.restype = _VoidCookie
    attach.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint8)
    segment = int(connection.xcb.generate_id())
    pointer = int(ffi.cast("uintptr_t", connection.xcb._conn))
    cookie = attach(pointer, segment, os.dup(fd), 0)  # libxcb closes the descriptor that it sends
    try:
        connection.xcb.request_check(cookie.sequence)
    except xcffib.Error as error:
        raise SharedMemoryUnavailable(f"the X server cannot map our memory: {describe(error)}") from error
    return segment
