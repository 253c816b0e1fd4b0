"""The pointer page: where the pointer is and what it looks like, in a memfd of the supervisor's.

One writer (the source), any number of readers; the page lives as long as the supervisor, over restarts of the
writer. Its stamp is odd while it is written, as in a slot. Must not import numpy: the supervisor makes it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from mpvnc.errors import FrameError
from mpvnc.frames.store import map_file, unmap
from mpvnc.kernels.ordering import fence, require_ordering
from mpvnc.pointer import MAX_CURSOR_SIDE, Cursor, PointerState

_STATE = struct.Struct("@QqqQ")
"""Serial of the cursor (the stamp at its writing: never used twice), x, y, visible (one of the three below)."""
_HIDDEN, _SHOWN, _OWN = 0, 1, 2
_SHAPE = struct.Struct("@QQQQ")
"""Width, height, hot x, hot y of the cursor; its pixels follow."""
_STATE_AT = 8
_SHAPE_AT = _STATE_AT + _STATE.size
_PIXELS_AT = _SHAPE_AT + _SHAPE.size
_PAGE_BYTES = _PIXELS_AT + MAX_CURSOR_SIDE * MAX_CURSOR_SIDE * 4
_TRIES = 50


def pointer_page_bytes() -> int:
    """Return the size of a pointer page; a new one is all zeros."""
    return _PAGE_BYTES


class PointerPage:
    """A view of the page behind `fd`, which stays the caller's and may be closed afterwards."""

    def __init__(self, fd: int, writable: bool) -> None:
        """Map the page; raises SegmentGone if the file is too small."""
        require_ordering()
        self._memory = map_file(fd, _PAGE_BYTES, writable=writable)
        self._stamp = memoryview(self._memory)[:8].cast("Q")
        self._last = PointerState(0, 0, 0, False, None)

    @property
    def version(self) -> int:
        """A number that is different after every change."""
        return int(self._stamp[0])

    def write_cursor(self, cursor: Cursor) -> None:
        """Show another shape from now on. The first thing that a new writer does: one may have died here."""
        _, *position = _STATE.unpack_from(self._memory, _STATE_AT)
        with self._writing():
            shape = (cursor.width, cursor.height, cursor.hot_x, cursor.hot_y)
            _SHAPE.pack_into(self._memory, _SHAPE_AT, *shape)
            self._memory[_PIXELS_AT : _PIXELS_AT + len(cursor.pixels)] = cursor.pixels
            _STATE.pack_into(self._memory, _STATE_AT, self.version, *position)

    def write_position(self, x: int, y: int, visible: bool) -> None:
        """Move, show or hide the pointer; writes nothing if it is like that already."""
        self._write_state(x, y, _SHOWN if visible else _HIDDEN)

    def write_own(self, visible: bool) -> None:
        """Let each viewer have a pointer of its own, of the cursor's shape, or of no shape."""
        self._write_state(0, 0, _OWN if visible else _HIDDEN)

    def read(self) -> PointerState:
        """Return the pointer as it is; as it last was while it cannot be read whole (a writer died in it)."""
        for _ in range(_TRIES):
            before = self.version
            fence()
            if before % 2:
                continue
            state = self._read_state()
            fence()
            if state is not None and self.version == before:
                self._last = state
                break
        return self._last

    def close(self) -> None:
        """Unmap the page."""
        self._stamp.release()
        unmap(self._memory)

    def _write_state(self, *state: int) -> None:
        serial, *before = _STATE.unpack_from(self._memory, _STATE_AT)
        if before == list(state) and self.version % 2 == 0:
            return
        with self._writing():
            _STATE.pack_into(self._memory, _STATE_AT, serial, *state)

    def _read_state(self) -> PointerState | None:
        """Return what the page says, not yet known to be whole; None if it cannot be."""
        serial, x, y, visible = _STATE.unpack_from(self._memory, _STATE_AT)
        cursor = self._last.cursor
        if serial != self._last.serial:
            width, height, hot_x, hot_y = _SHAPE.unpack_from(self._memory, _SHAPE_AT)
            if max(width, height) > MAX_CURSOR_SIDE:
                return None
            pixels = self._memory[_PIXELS_AT : _PIXELS_AT + width * height * 4]
            try:
                cursor = Cursor(width, height, hot_x, hot_y, pixels)
            except FrameError:
                return None
        return PointerState(serial, x, y, bool(visible), cursor, is_own=visible == _OWN)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._stamp[0] |= 1
        fence()
        yield
        fence()
        self._stamp[0] += 1
